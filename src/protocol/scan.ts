import { RotaError } from './errors.js';
import { type Bounds, LIMITS } from './limits.js';

/**
 * Walks a msgpack value without decoding it and proves that decoding is safe: it is one whole value,
 * made of JSON's kinds only (no ext, no bin, no 64-bit integer that a double can't hold, no NaN),
 * within the limits of depth, nodes and string length, and no key is `__proto__`.
 *
 * msgpackr itself decodes records, Sets, RegExps and cyclic pointers whatever its options say, and
 * has no depth limit; nothing may reach it unscanned.
 *
 * The walk is iterative: a bomb costs neither stack nor heap. It does not look into strings: msgpackr
 * reads bytes that are not UTF-8 as U+FFFD, so they are no way round the check of keys.
 *
 * @throws RotaError FRAME_TOO_LARGE, FRAME_TOO_DEEP or INVALID_FRAME, naming the byte.
 */
export function scan(bytes: Uint8Array, bounds: Bounds = LIMITS): void {
  const size = bytes.length;
  if (size > LIMITS.frameBytes) {
    throw new RotaError('FRAME_TOO_LARGE', `The frame has ${size} bytes, the limit is ${LIMITS.frameBytes}.`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, size);
  /** For each open container: how many values are still to come; a map counts keys and values. */
  const left = new Int32Array(bounds.depth + 1);
  const isMap = new Uint8Array(bounds.depth + 1);
  left[0] = 1;
  let depth = 0;
  let at = 0;
  let nodes = 0;

  for (;;) {
    while (left[depth] === 0) {
      if (depth === 0) {
        if (at !== size) throw invalid(`has ${size - at} bytes after its value`, at);
        return;
      }
      depth--;
    }
    const isKey = isMap[depth] === 1 && ((left[depth] as number) & 1) === 0;
    (left[depth] as number)--;
    if (++nodes > bounds.nodes) {
      throw new RotaError('FRAME_TOO_LARGE', `The frame has more than ${bounds.nodes} values.`);
    }
    const start = at;
    const tag = need(1);

    if (isKey && !(tag >= 0xa0 && tag <= 0xbf) && !(tag >= 0xd9 && tag <= 0xdb)) {
      throw invalid('has a map key that is not a string', start);
    }
    if (tag <= 0x7f || tag >= 0xe0) continue;
    if (tag <= 0x8f) open(tag & 0x0f, true);
    else if (tag <= 0x9f) open(tag & 0x0f, false);
    else if (tag <= 0xbf) string(tag & 0x1f, isKey);
    else {
      switch (tag) {
        case 0xc0: // nil
        case 0xc2: // false
        case 0xc3: // true
          break;
        case 0xca:
          need(4);
          finite(view.getFloat32(at - 4));
          break;
        case 0xcb:
          need(8);
          finite(view.getFloat64(at - 8));
          break;
        case 0xcc:
        case 0xd0:
          need(1);
          break;
        case 0xcd:
        case 0xd1:
          need(2);
          break;
        case 0xce:
        case 0xd2:
          need(4);
          break;
        case 0xcf:
          need(8);
          safeInteger(view.getBigUint64(at - 8));
          break;
        case 0xd3:
          need(8);
          safeInteger(view.getBigInt64(at - 8));
          break;
        case 0xd9:
          string(need(1), isKey);
          break;
        case 0xda:
          need(2);
          string(view.getUint16(at - 2), isKey);
          break;
        case 0xdb:
          need(4);
          string(view.getUint32(at - 4), isKey);
          break;
        case 0xdc:
          need(2);
          open(view.getUint16(at - 2), false);
          break;
        case 0xdd:
          need(4);
          open(view.getUint32(at - 4), false);
          break;
        case 0xde:
          need(2);
          open(view.getUint16(at - 2), true);
          break;
        case 0xdf:
          need(4);
          open(view.getUint32(at - 4), true);
          break;
        default:
          throw invalid(`has a value of kind 0x${tag.toString(16)}, which is not one of JSON's`, start);
      }
    }
  }

  /** Steps over `count` bytes and returns the first of them. */
  function need(count: number): number {
    if (at + count > size) throw invalid('ends in the middle of a value', at);
    const first = bytes[at] as number;
    at += count;
    return first;
  }

  function string(length: number, isKey: boolean): void {
    if (length > LIMITS.stringBytes) {
      throw new RotaError(
        'FRAME_TOO_LARGE',
        `The frame has a string of ${length} bytes, the limit is ${LIMITS.stringBytes}.`,
      );
    }
    if (length > 0) need(length);
    if (isKey && length === PROTO.length && PROTO.every((byte, i) => bytes[at - length + i] === byte)) {
      throw invalid('has a map key that is not allowed', at - length);
    }
  }

  function open(count: number, map: boolean): void {
    // Each value takes a byte at least: a header that promises more than what is left is a lie.
    const values = map ? count * 2 : count;
    if (values > size - at) throw invalid('ends in the middle of a map or array', at);
    if (depth === bounds.depth) {
      throw new RotaError('FRAME_TOO_DEEP', `The frame nests deeper than ${bounds.depth}.`);
    }
    depth++;
    left[depth] = values;
    isMap[depth] = map ? 1 : 0;
  }

  function finite(value: number): void {
    if (!Number.isFinite(value)) throw invalid('has a number that is not finite', at);
  }

  function safeInteger(value: bigint): void {
    if (value > MAX_SAFE || value < -MAX_SAFE) throw invalid('has an integer beyond 2^53', at - 8);
  }
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const PROTO = [...new TextEncoder().encode('__proto__')];

/** Names a place, never the data: what a sender put there may not reach a log. */
function invalid(problem: string, at: number): RotaError {
  return new RotaError('INVALID_FRAME', `The frame ${problem}, at byte ${at}.`);
}
