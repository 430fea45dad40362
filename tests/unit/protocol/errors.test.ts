import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode } from '#rota/protocol/codec.js';
import { asRotaError, ERROR_CODES, RotaError } from '#rota/protocol/errors.js';
import { ErrorReply } from '#rota/protocol/frames.js';

describe.each(ERROR_CODES)('%s', (code) => {
  it('ends its message with a remedy, in whole sentences', () => {
    const { message } = new RotaError(code, 'The thing broke.');
    expect(message).toMatch(/^The thing broke\. [A-Z].{10,}\.$/);
    expect(message).not.toMatch(/\.\.|\s{2}|undefined/);
  });

  it('travels to another process and back', () => {
    const error = new RotaError(code, 'The thing broke.', { field: 'tasks[0].id', retryAfterMs: 250 });
    const { error: wire } = decode(ErrorReply, encode({ error: error.toWire() }));
    const rebuilt = RotaError.fromWire(wire);
    expect(rebuilt.toWire()).toEqual(error.toWire());
    expect(rebuilt).toBeInstanceOf(RotaError);
    expect(rebuilt.name).toBe('RotaError');
  });
});

describe('an error on the wire', () => {
  it('has the fields that are known, and no others', () => {
    expect(Object.keys(new RotaError('TIMEOUT', 'No.').toWire())).toEqual(['code', 'message', 'retryable']);
    expect(new RotaError('TIMEOUT', 'No.', { cause: new Error('secret') }).toWire()).not.toHaveProperty('cause');
  });

  it('round-trips whatever its message says', () => {
    fc.assert(
      fc.property(fc.constantFrom(...ERROR_CODES), fc.string(), fc.option(fc.nat()), (code, problem, after) => {
        const error = new RotaError(code, problem, after === null ? {} : { retryAfterMs: after });
        expect(RotaError.fromWire(error.toWire()).toWire()).toEqual(error.toWire());
      }),
    );
  });
});

describe('asRotaError', () => {
  it('keeps one of ours', () => {
    const error = new RotaError('CLOSED', 'Gone.');
    expect(asRotaError(error, 'HANDLER_FAILED')).toBe(error);
  });

  it('wraps what else was thrown, and keeps it as the cause', () => {
    const cause = new TypeError('no such thing');
    const error = asRotaError(cause, 'HANDLER_FAILED');
    expect(error.code).toBe('HANDLER_FAILED');
    expect(error.message).toContain('no such thing');
    expect(error.cause).toBe(cause);
    expect(asRotaError('just a text', 'HANDLER_FAILED').message).toContain('just a text');
  });
});
