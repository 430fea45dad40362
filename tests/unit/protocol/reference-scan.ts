import type { Json } from '#rota/protocol/json.js';
import { type Bounds, LIMITS } from '#rota/protocol/limits.js';

/** Strings as whole code points, read strictly as they stand: a leading U+FEFF is part of the text. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * The frame format in its slowest and most obvious form: a recursive reader that throws on whatever
 * the protocol refuses. It shares nothing with `scan` but the numbers of the limits.
 */
export function referenceDecode(bytes: Uint8Array, bounds: Bounds = LIMITS): Json {
  if (bytes.length > LIMITS.frameBytes) throw new Error('frame too large');
  const rest = Buffer.from(bytes);
  let at = 0;
  let nodes = 0;
  const value = read(0);
  if (at !== rest.length) throw new Error('trailing bytes');
  return value;

  function take(count: number): Buffer {
    if (count > rest.length - at) throw new Error('truncated');
    at += count;
    return rest.subarray(at - count, at);
  }

  function read(depth: number): Json {
    nodes += 1;
    if (nodes > bounds.nodes) throw new Error('too many nodes');
    const tag = take(1).readUInt8();
    if (tag < 0x80) return tag;
    if (tag < 0x90) return map(tag - 0x80, depth + 1);
    if (tag < 0xa0) return array(tag - 0x90, depth + 1);
    if (tag < 0xc0) return text(tag - 0xa0);
    if (tag >= 0xe0) return tag - 0x100;
    if (tag === 0xc0) return null;
    if (tag === 0xc2) return false;
    if (tag === 0xc3) return true;
    if (tag === 0xca) return finite(take(4).readFloatBE());
    if (tag === 0xcb) return finite(take(8).readDoubleBE());
    if (tag === 0xcc) return take(1).readUInt8();
    if (tag === 0xcd) return take(2).readUInt16BE();
    if (tag === 0xce) return take(4).readUInt32BE();
    if (tag === 0xcf) return safe(take(8).readBigUInt64BE());
    if (tag === 0xd0) return take(1).readInt8();
    if (tag === 0xd1) return take(2).readInt16BE();
    if (tag === 0xd2) return take(4).readInt32BE();
    if (tag === 0xd3) return safe(take(8).readBigInt64BE());
    if (tag === 0xd9) return text(take(1).readUInt8());
    if (tag === 0xda) return text(take(2).readUInt16BE());
    if (tag === 0xdb) return text(take(4).readUInt32BE());
    if (tag === 0xdc) return array(take(2).readUInt16BE(), depth + 1);
    if (tag === 0xdd) return array(take(4).readUInt32BE(), depth + 1);
    if (tag === 0xde) return map(take(2).readUInt16BE(), depth + 1);
    if (tag === 0xdf) return map(take(4).readUInt32BE(), depth + 1);
    throw new Error('not a JSON kind');
  }

  function text(length: number): string {
    if (length > LIMITS.stringBytes) throw new Error('string too long');
    return utf8.decode(take(length));
  }

  function array(count: number, depth: number): Json {
    if (depth > bounds.depth) throw new Error('too deep');
    const values: Json[] = [];
    for (let i = 0; i < count; i++) values.push(read(depth));
    return values;
  }

  function map(count: number, depth: number): Json {
    if (depth > bounds.depth) throw new Error('too deep');
    const entries: [string, Json][] = [];
    for (let i = 0; i < count; i++) {
      const key = read(depth);
      if (typeof key !== 'string' || key === '__proto__') throw new Error('bad key');
      entries.push([key, read(depth)]);
    }
    return Object.fromEntries(entries);
  }

  function finite(value: number): number {
    if (!Number.isFinite(value)) throw new Error('not finite');
    return value;
  }

  function safe(value: bigint): number {
    if (!Number.isSafeInteger(Number(value))) throw new Error('beyond 2^53');
    return Number(value);
  }
}
