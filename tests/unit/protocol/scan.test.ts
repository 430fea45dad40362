import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { encode, pack, unpack } from '#rota/protocol/codec.js';
import type { ErrorCode } from '#rota/protocol/errors.js';
import { COMBINED_BOUNDS, LIMITS } from '#rota/protocol/limits.js';
import { scan } from '#rota/protocol/scan.js';
import { jsonValue } from './arbitraries.js';
import { bytes, expectCode } from './helpers.js';
import { referenceDecode } from './reference-scan.js';

/** msgpackr as others use it, with all that it can write. */
const liberal = new Packr({ moreTypes: true });
const packLikeAnyone = (value: unknown) => new Uint8Array(liberal.pack(value));

const uint32 = (value: number) => {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
};
const uint16 = (value: number) => uint32(value).subarray(2);

/** Arrays inside arrays, `depth` of them, the innermost empty. */
const nestedArrays = (depth: number) => bytes(Buffer.alloc(depth - 1, 0x91), 0x90);
/** Maps inside maps, each under the key `a`. */
const nestedMaps = (depth: number) => bytes(Buffer.from('81a161'.repeat(depth - 1), 'hex'), 0x80);

describe('what passes', () => {
  it('is every JSON value, and it decodes to what was encoded', () => {
    fc.assert(
      fc.property(jsonValue, (value) => {
        const packed = pack(value);
        scan(packed);
        expect(isDeepStrictEqual(unpack(packed), value)).toBe(true);
        expect(isDeepStrictEqual(referenceDecode(packed), value)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['an integer in 64 bits', bytes(0xcf, 0, 0, 1, 0, 0, 0, 0, 0), 2 ** 40],
    ['a negative integer in 64 bits', bytes(0xd3, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0), -(2 ** 40)],
    ['a small integer in 64 bits', bytes(0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), -1],
    ['the largest safe integer', bytes(0xcf, 0x00, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), Number.MAX_SAFE_INTEGER],
    ['the smallest', bytes(0xd3, 0xff, 0xe0, 0, 0, 0, 0, 0, 1), Number.MIN_SAFE_INTEGER],
    ['a float of 32 bits', bytes(0xca, 0x3f, 0, 0, 0), 0.5],
    ['a string with a longer header than it needs', bytes(0xdb, uint32(2), 'hi'), 'hi'],
    ['an array with a longer header than it needs', bytes(0xdd, uint32(1), 7), [7]],
    ['a map with a longer header than it needs', bytes(0xdf, uint32(1), 0xa1, 'a', 7), { a: 7 }],
    ['an empty map', bytes(0x80), {}],
    ['an empty string as a key', bytes(0x81, 0xa0, 1), { '': 1 }],
    ['__proto__ as a value', bytes(0x91, 0xa9, '__proto__'), ['__proto__']],
  ])('includes %s', (_, frame, value) => {
    scan(frame);
    expect(unpack(frame)).toStrictEqual(value);
  });

  it('is read where the bytes start, inside a larger buffer', () => {
    const pool = bytes(0xc1, 0x93, 0xcd, uint16(500), 0xa1, 'x', 0xc0, 0xc1);
    scan(pool.subarray(1, pool.length - 1));
  });
});

describe("kinds that are not JSON's", () => {
  const proto = '__proto__';
  const refused: [string, Uint8Array][] = [
    ['nothing at all', bytes()],
    ['the byte that is never used', bytes(0xc1)],
    ['bin 8', bytes(0xc4, 1, 0)],
    ['bin 16', bytes(0xc5, uint16(1), 0)],
    ['bin 32', bytes(0xc6, uint32(1), 0)],
    ['ext 8', bytes(0xc7, 1, 5, 0)],
    ['ext 16', bytes(0xc8, uint16(1), 5, 0)],
    ['ext 32', bytes(0xc9, uint32(1), 5, 0)],
    ['fixext 1', bytes(0xd4, 5, 0)],
    ['fixext 2', bytes(0xd5, 5, Buffer.alloc(2))],
    ['fixext 4', bytes(0xd6, 5, Buffer.alloc(4))],
    ['fixext 8', bytes(0xd7, 5, Buffer.alloc(8))],
    ['fixext 16', bytes(0xd8, 5, Buffer.alloc(16))],
    ['a timestamp of 32 bits', bytes(0xd6, 0xff, Buffer.alloc(4))],
    ['a timestamp of 64 bits', bytes(0xd7, 0xff, Buffer.alloc(8))],
    ['a timestamp of 96 bits', bytes(0xc7, 12, 0xff, Buffer.alloc(12))],
    ['undefined, as msgpackr writes it', bytes(0xd4, 0, 0)],
    ['a record, as msgpackr writes it', bytes(0xd4, 0x72, 0x40, 0x91, 0xa1, 'a', 1)],
    ['a Date', packLikeAnyone(new Date(0))],
    ['a Set', packLikeAnyone(new Set([1]))],
    ['a RegExp', packLikeAnyone(/a/)],
    ['an Error', packLikeAnyone(new Error('a'))],
    ['a Buffer', packLikeAnyone(Buffer.from('a'))],
    ['a typed array', packLikeAnyone(new Float64Array(1))],
    ['NaN', bytes(0xcb, 0x7f, 0xf8, Buffer.alloc(6))],
    ['Infinity', bytes(0xcb, 0x7f, 0xf0, Buffer.alloc(6))],
    ['-Infinity', bytes(0xcb, 0xff, 0xf0, Buffer.alloc(6))],
    ['NaN in 32 bits', bytes(0xca, 0x7f, 0xc0, 0, 0)],
    ['Infinity in 32 bits', bytes(0xca, 0x7f, 0x80, 0, 0)],
    ['2^53', bytes(0xcf, 0, 0x20, Buffer.alloc(6))],
    ['2^64 - 1', bytes(0xcf, Buffer.alloc(8, 0xff))],
    ['2^53 as a signed integer', bytes(0xd3, 0, 0x20, Buffer.alloc(6))],
    ['-2^53', bytes(0xd3, 0xff, 0xe0, Buffer.alloc(6))],
    ['-2^63', bytes(0xd3, 0x80, Buffer.alloc(7))],
    ['a number as a key', bytes(0x81, 1, 1)],
    ['a negative number as a key', bytes(0x81, 0xff, 1)],
    ['nil as a key', bytes(0x81, 0xc0, 1)],
    ['a boolean as a key', bytes(0x81, 0xc3, 1)],
    ['a float as a key', bytes(0x81, 0xcb, Buffer.alloc(8), 1)],
    ['an array as a key', bytes(0x81, 0x90, 1)],
    ['a map as a key', bytes(0x81, 0x80, 1)],
    ['a number as the second key', bytes(0x82, 0xa1, 'a', 1, 2, 2)],
    ['__proto__ as a key, fixstr', bytes(0x81, 0xa9, proto, 1)],
    ['__proto__ as a key, str 8', bytes(0x81, 0xd9, 9, proto, 1)],
    ['__proto__ as a key, str 16', bytes(0x81, 0xda, uint16(9), proto, 1)],
    ['__proto__ as a key, str 32', bytes(0x81, 0xdb, uint32(9), proto, 1)],
    ['__proto__ as a key, deep inside', bytes(0x91, 0x82, 0xa1, 'a', 0x81, 0xa9, proto, 1, 0xa1, 'b', 1)],
  ];

  it.each(refused)('refuses %s', (_, frame) => {
    expectCode('INVALID_FRAME', () => scan(frame));
    expect(() => referenceDecode(frame)).toThrow();
  });

  it.each(refused.filter(([, frame]) => frame.length > 0))(
    'refuses %s inside an array and as a map value',
    (_, frame) => {
      expectCode('INVALID_FRAME', () => scan(bytes(0x92, 1, frame)));
      expectCode('INVALID_FRAME', () => scan(bytes(0x81, 0xa1, 'a', frame)));
    },
  );

  it.each([
    ['c1 9f', '_'],
    ['e0 81 9f', '_'],
  ])('never decodes an overlong %s to %s: __proto__ has one spelling', (hex, meant) => {
    const spelled = Buffer.concat([Buffer.from(hex.replaceAll(' ', ''), 'hex'), Buffer.from('_proto__')]);
    const frame = bytes(0x81, 0xa0 | spelled.length, spelled, 0x81, 0xa1, 'x', 1);
    scan(frame);
    const decoded = unpack(frame);
    expect(Object.keys(decoded as object)).not.toContain(`${meant}_proto__`);
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
  });
});

describe('a frame that is not whole', () => {
  const whole = encode({
    s: 'text',
    long: 'x'.repeat(300),
    n: [1, -1, 200, -200, 70_000, -70_000, 2 ** 40, 0.5],
    m: { a: { b: [true, false, null] } },
  });

  it('passes whole', () => scan(whole));

  it('is refused when it is cut at any byte', () => {
    for (let length = 0; length < whole.length; length++) {
      expectCode('INVALID_FRAME', () => scan(whole.subarray(0, length)));
    }
  });

  it.each([[bytes(0)], [bytes(0xc0)], [whole]])('is refused with anything behind it', (tail) => {
    expectCode('INVALID_FRAME', () => scan(bytes(whole, tail)));
  });
});

describe('bombs', () => {
  const bombs: [string, ErrorCode, Uint8Array][] = [
    ['1 MB of nested arrays', 'FRAME_TOO_LARGE', Buffer.alloc(2 ** 20, 0x91)],
    ['1 MB of nested maps', 'FRAME_TOO_LARGE', Buffer.from('81a161'.repeat(2 ** 20 / 3), 'hex')],
    ['nested arrays that fill a frame', 'FRAME_TOO_DEEP', nestedArrays(LIMITS.frameBytes)],
    ['nested maps that fill a frame', 'FRAME_TOO_DEEP', nestedMaps(Math.floor(LIMITS.frameBytes / 3))],
    ['a frame of empty maps', 'FRAME_TOO_LARGE', bytes(0xdd, uint32(200_000), Buffer.alloc(200_000, 0x80))],
    ['an array that promises 2^32 - 1 values', 'INVALID_FRAME', bytes(0xdd, uint32(2 ** 32 - 1))],
    ['a map that promises 2^32 - 1 entries', 'INVALID_FRAME', bytes(0xdf, uint32(2 ** 32 - 1))],
    [
      'a map whose doubled count overflows 32 bits to 2',
      'INVALID_FRAME',
      bytes(0xdf, uint32(2 ** 31 + 1), 0xa1, 'a', 1),
    ],
    ['a string that promises 2^32 - 1 bytes', 'FRAME_TOO_LARGE', bytes(0xdb, uint32(2 ** 32 - 1))],
    ['an array of 2^16 - 1 that is not there', 'INVALID_FRAME', bytes(0xdc, uint16(0xffff), 1)],
    ['a map of 2^16 - 1 that is not there', 'INVALID_FRAME', bytes(0xde, uint16(0xffff), 0xa1, 'a', 1)],
    ['a hundred arrays that each promise 2^32 - 1', 'INVALID_FRAME', Buffer.from('ddffffffff'.repeat(100), 'hex')],
  ];

  it.each(bombs)('refuses %s with %s', (_, code, frame) => {
    expectCode(code, () => scan(frame));
  });

  it('lets a wide map be as wide as its bytes', () => {
    scan(bytes(0xdf, uint32(3), 0xa1, 'a', 1, 0xa1, 'b', 2, 0xa1, 'c', 3));
  });
});

describe('limits, at the limit and one beyond', () => {
  const zeros = (count: number) => bytes(0xdd, uint32(count), Buffer.alloc(count));
  const string = (length: number) => bytes(0xdb, uint32(length), Buffer.alloc(length, 0x61));
  /** Five strings whose headers and bytes make exactly `size`. */
  const sized = (size: number) =>
    bytes(0x95, ...[0, 1, 2, 3].map(() => string(60_000)), string(size - 1 - 4 * 60_005 - 5));

  const atLimit: [string, ErrorCode, (more: number) => Uint8Array][] = [
    ['frame bytes', 'FRAME_TOO_LARGE', (more) => sized(LIMITS.frameBytes + more)],
    ['string bytes', 'FRAME_TOO_LARGE', (more) => string(LIMITS.stringBytes + more)],
    ['bytes of a key', 'FRAME_TOO_LARGE', (more) => bytes(0x81, string(LIMITS.stringBytes + more), 1)],
    ['depth of arrays', 'FRAME_TOO_DEEP', (more) => nestedArrays(LIMITS.depth + more)],
    ['depth of maps', 'FRAME_TOO_DEEP', (more) => nestedMaps(LIMITS.depth + more)],
    ['nodes', 'FRAME_TOO_LARGE', (more) => zeros(LIMITS.nodes - 1 + more)],
  ];

  it.each(atLimit)('%s', (_, code, frame) => {
    scan(frame(0));
    referenceDecode(frame(0));
    expectCode(code, () => scan(frame(1)));
    expect(() => referenceDecode(frame(1))).toThrow();
  });

  it('counts siblings as nodes and not as depth', () => {
    scan(bytes(0x93, nestedArrays(LIMITS.depth - 1), nestedArrays(LIMITS.depth - 1), nestedMaps(LIMITS.depth - 1)));
  });

  it('are those that the caller names', () => {
    scan(nestedArrays(COMBINED_BOUNDS.depth), COMBINED_BOUNDS);
    expectCode('FRAME_TOO_DEEP', () => scan(nestedArrays(COMBINED_BOUNDS.depth + 1), COMBINED_BOUNDS));
    scan(zeros(LIMITS.nodes), COMBINED_BOUNDS);
    scan(zeros(2), { depth: 1, nodes: 3 });
    expectCode('FRAME_TOO_LARGE', () => scan(zeros(3), { depth: 1, nodes: 3 }));
  });
});

describe('messages', () => {
  it('name the place and never what stands there', () => {
    const error = expectCode('INVALID_FRAME', () => scan(bytes(0x82, 0xa6, 'secret', 0xa6, 'secret', 0xa1, 'b', 0xc1)));
    expect(error.message).toContain('at byte 17');
    expect(error.message).not.toContain('secret');
  });
});

describe('text that is not UTF-8', () => {
  it('decodes to something, and to nothing that cannot be encoded again', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (raw) => {
        const frame = bytes(0x91, 0xda, uint16(raw.length), raw);
        scan(frame);
        const [text] = unpack(frame) as string[];
        // A lone surrogate would not survive this.
        expect(Buffer.from(text ?? '').toString()).toBe(text);
        expect(unpack(pack([text]))).toStrictEqual([text]);
      }),
      { numRuns: 2_000 },
    );
  });
});
