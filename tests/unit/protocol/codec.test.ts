import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  decode,
  encode,
  fieldPath,
  PROTOCOL_VERSION,
  pack,
  packedSize,
  unpack,
  validate,
} from '#rota/protocol/codec.js';
import { ReportFrame, SubmitFrame, ToFrame } from '#rota/protocol/frames.js';
import type { Json } from '#rota/protocol/json.js';
import { COMBINED_BOUNDS, LIMITS } from '#rota/protocol/limits.js';
import { TaskSpecSchema } from '#rota/protocol/task.js';
import { bytes, expectCode, refusal } from './helpers.js';

const SECRET = 'hunter2-\r\n\u001b[31m';

/** A value that nests `depth` deep. */
const nested = (depth: number): Json => (depth === 0 ? 1 : [nested(depth - 1)]);

describe('encode', () => {
  it('puts the version first', () => {
    expect(Buffer.from(encode({ a: 1 }))).toEqual(bytes(0x82, 0xa1, 'v', PROTOCOL_VERSION, 0xa1, 'a', 1));
  });

  it('gives bytes that are the caller’s own', () => {
    const first = encode({ text: 'first' });
    const kept = Uint8Array.from(first);
    expect(first.byteOffset).toBe(0);
    expect(first.buffer.byteLength).toBe(first.length);
    for (let i = 0; i < 2_000; i++) encode({ text: 'another', i });
    expect(first).toEqual(kept);
    if (first.buffer instanceof ArrayBuffer) structuredClone(first, { transfer: [first.buffer] });
    expect(first).toHaveLength(0);
    expect(unpack(encode({ text: 'after' }))).toEqual({ v: 1, text: 'after' });
  });

  it('refuses a frame that is one byte too long', () => {
    const strings = (last: number) => ({ s: [...new Array<string>(4).fill('x'.repeat(60_000)), 'x'.repeat(last)] });
    const room = LIMITS.frameBytes - encode(strings(1_000)).length;
    expect(encode(strings(1_000 + room))).toHaveLength(LIMITS.frameBytes);
    const error = expectCode('FRAME_TOO_LARGE', () => encode(strings(1_001 + room)));
    expect(error.message).toContain(`${LIMITS.frameBytes + 1} bytes`);
  });

  it.each([
    ['a Date', new Date(0)],
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['a BigInt beyond 2^53', 2n ** 60n],
    ['bytes', Buffer.from('a')],
    ['a Map with keys that are no strings', new Map([[1, 2]])],
    ['a key __proto__', JSON.parse('{"__proto__":1}')],
  ])('refuses %s, which the receiver would refuse', (_, value) => {
    expectCode('INVALID_FRAME', () => encode({ value }));
  });

  it('calls nothing that stands in the data', () => {
    const awkward = { constructor: 1, toJSON: 1, hasOwnProperty: 1, valueOf: 1 };
    expect(unpack(encode({ awkward }))).toEqual({ v: 1, awkward });
    let called = false;
    encode({
      a: {
        toJSON: () => {
          called = true;
        },
      },
    });
    expect(called).toBe(false);
  });

  it('writes undefined as nil', () => {
    expect(unpack(encode({ a: undefined, b: [undefined] }))).toEqual({ v: 1, a: null, b: [null] });
  });

  it('holds what an agent or client says to what the coordinator takes', () => {
    const report = (depth: number) => ({
      session: 's',
      reports: [{ outcome: 'completed', taskId: 't', token: 1, result: nested(depth), durationMs: 1 }],
    });
    decode(ReportFrame, encode(report(LIMITS.depth - 3), LIMITS));
    expectCode('FRAME_TOO_DEEP', () => encode(report(LIMITS.depth - 2), LIMITS));
    expectCode('FRAME_TOO_DEEP', () => decode(ReportFrame, encode(report(LIMITS.depth - 2))));
  });
});

describe('pack and unpack', () => {
  it('have no bound, and packedSize says how long pack is', () => {
    const value = { rows: new Array(LIMITS.nodes + 1).fill('x'.repeat(10)) };
    expect(pack(value).length).toBeGreaterThan(LIMITS.frameBytes);
    expect(packedSize(value)).toBe(pack(value).length);
    expect(unpack(pack(value))).toEqual(value);
  });
});

describe('decode', () => {
  it('reads an instant that another language wrote as a 64-bit integer', () => {
    const frame = bytes(0x82, 0xa1, 'v', 1, 0xa4, 'atMs', 0xcf, 0, 0, 1, 0x99, 0xc8, 0x2c, 0xc0, 0);
    expect(decode(z.strictObject({ v: z.literal(1), atMs: z.number() }), frame).atMs).toBe(1_760_000_000_000);
  });

  it('reads a result as deep as a report may hold when it comes back as an input', () => {
    const result = nested(LIMITS.depth - 3);
    const assignment = { taskId: 't', attempt: 1, token: 1, pool: 'p', workType: 'w', payload: null };
    const frame = encode({ assignments: [{ ...assignment, inputs: { a: result } }] });
    expect(decode(ToFrame, frame, COMBINED_BOUNDS).assignments?.[0]?.inputs).toEqual({ a: result });
    expectCode('FRAME_TOO_DEEP', () => decode(ToFrame, frame));
  });

  it('reads inputs that have more values together than one sender’s frame', () => {
    const result = new Array(40_000).fill(1);
    const assignment = { taskId: 't', attempt: 1, token: 1, pool: 'p', workType: 'w', payload: null };
    const frame = encode({ assignments: [{ ...assignment, inputs: { a: result, b: result } }] });
    expect(decode(ToFrame, frame, COMBINED_BOUNDS).assignments?.[0]?.inputs?.b).toHaveLength(40_000);
  });

  it('scans before it decodes', () => {
    expectCode('INVALID_FRAME', () => decode(z.any(), bytes(0xd4, 0x72, 0x40, 0x91, 0xa1, 'a', 1)));
    expectCode('FRAME_TOO_DEEP', () => decode(z.any(), Buffer.alloc(1_000, 0x91)));
  });

  it.each([
    ['a frame that is no map', [1]],
    ['a text', 'x'],
    ['nil', null],
  ])('refuses %s as `frame`', (_, value) => {
    expect(expectCode('INVALID_VALUE', () => decode(SubmitFrame, pack(value))).field).toBe('frame');
  });
});

describe('validation errors', () => {
  it('name the first field that does not fit', () => {
    const error = expectCode('INVALID_VALUE', () =>
      decode(SubmitFrame, encode({ tasks: [{ id: 'a' }, { id: 'b', priority: 9 }] })),
    );
    expect(error.field).toBe('tasks[1].priority');
    expect(error.message).toBe('tasks[1].priority: Too big: expected number to be <=5. Correct the named field.');
  });

  it('are the same for a value of this process', () => {
    expect(expectCode('INVALID_VALUE', () => validate(TaskSpecSchema, { id: 'a', priority: 9 })).field).toBe(
      'priority',
    );
    expect(validate(TaskSpecSchema, { id: 'a' }).priority).toBe(3);
  });

  it.each([
    ['a name', { tasks: [{ id: SECRET }] }],
    ['a label', { tasks: [{ id: 'a', workType: SECRET }] }],
    ['a number', { tasks: [{ id: 'a', priority: SECRET }] }],
    ['a list', { tasks: SECRET }],
    ['an element', { tasks: [SECRET] }],
    ['an enum', { watch: SECRET, tasks: [{ id: 'a' }] }],
    ['the version', { v: SECRET, tasks: [{ id: 'a' }] }],
    ['an unknown key', { [SECRET]: 1, tasks: [{ id: 'a' }] }],
    ['an unknown key inside', { tasks: [{ id: 'a', [SECRET]: SECRET }] }],
  ])('never repeat what stands in %s', (_, frame) => {
    const error = refusal(() => decode(SubmitFrame, encode(frame)));
    expect(error.code).toBe('INVALID_VALUE');
    expect(JSON.stringify(error.toWire())).not.toContain('hunter2');
  });

  it('never repeat a key of a record', () => {
    const assignment = { taskId: 't', attempt: 1, token: 1, pool: 'p', workType: 'w', payload: null };
    const error = refusal(() => decode(ToFrame, encode({ assignments: [{ ...assignment, inputs: { [SECRET]: 1 } }] })));
    expect(error.field).toBe('assignments[0].inputs.?');
  });

  it('name an unknown field where its name is one', () => {
    const error = refusal(() => decode(SubmitFrame, encode({ tasks: [{ id: 'a', prioriti: 1 }] })));
    expect(error.message).toBe('tasks[0].prioriti: is not a known field. Correct the named field.');
  });
});

describe('fieldPath', () => {
  it.each([
    [[], ''],
    [['v'], 'v'],
    [['tasks', 3, 'priority'], 'tasks[3].priority'],
    [[0], '[0]'],
    [['inputs', 'a b'], 'inputs.?'],
    [['inputs', ''], 'inputs.?'],
    [[Symbol('x')], '?'],
  ])('writes %j as %s', (path, text) => {
    expect(fieldPath(path)).toBe(text);
  });
});
