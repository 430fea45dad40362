import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLog } from '#rota/cli/log.js';
import type { Output } from '#rota/cli/output.js';
import { asRotaError, RotaError } from '#rota/protocol/errors.js';

afterEach(() => vi.unstubAllEnvs());
beforeEach(() => vi.stubEnv('ROTA_LOG', ''));

/** What is logged of an error, beside when. */
function logged(err: Error): { err: Record<string, unknown>; msg: string } {
  const lines: string[] = [];
  const output = { isErrorTerminal: false, note: (line: string) => lines.push(line) } as unknown as Output;
  createLog(output).error({ err }, 'away');
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0] ?? '');
}

describe('an error in the log', () => {
  const away = new RotaError('STORE_FAILED', 'Away.', { remedy: 'Wait.', cause: new Error('ECONNREFUSED') });

  it('is its code and message, where it was foreseen', () => {
    expect(logged(away)).toMatchObject({ msg: 'away', err: { code: 'STORE_FAILED', message: 'Away. Wait.' } });
    expect(Object.keys(logged(away).err)).toEqual(['code', 'message']);
  });

  it('has its stack for who debugs', () => {
    vi.stubEnv('ROTA_LOG', 'debug');
    expect(logged(away).err).toMatchObject({ stack: expect.stringContaining('log.test') });
  });

  it.each([
    ['anything else', new TypeError('x is not a function')],
    ['what stands for it', asRotaError(new TypeError('x is not a function'), 'UNAVAILABLE')],
  ])('has its stack, where it is %s', (_name, error) => {
    expect(logged(error).err).toMatchObject({ stack: expect.stringContaining('x is not a function') });
  });
});
