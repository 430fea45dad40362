import { Packr } from 'msgpackr';
import type { z } from 'zod';
import { RotaError } from './errors.js';
import { type Bounds, COMBINED_BOUNDS, LIMITS } from './limits.js';
import { isName } from './names.js';
import { scan } from './scan.js';

/** The protocol's version, the first field of every frame. */
export const PROTOCOL_VERSION = 1;

const packr = new Packr({
  useRecords: false,
  mapsAsObjects: true,
  structuredClone: false,
  copyBuffers: true,
  variableMapSize: true,
  encodeUndefinedAsNil: true,
  // Other languages write instants as 64-bit integers; the scan lets only those through that a double holds.
  int64AsType: 'number',
  // What travels is data: of `{ constructor: 1, toJSON: 1 }` msgpackr would call the 1.
  useToJSON: false,
});

/**
 * Encodes a frame. The bytes are the caller's own: msgpackr packs into one shared buffer, and a
 * transport keeps a reference to what it is given. They are scanned as the receiver will scan them:
 * a Date or NaN that a handler returned fails here, where it can be answered, and not over there.
 * Agents and clients pass `LIMITS`, which is what the coordinator takes.
 *
 * @throws RotaError FRAME_TOO_LARGE, FRAME_TOO_DEEP or INVALID_FRAME.
 */
export function encode(frame: object, bounds: Bounds = COMBINED_BOUNDS): Uint8Array {
  const bytes = pack({ v: PROTOCOL_VERSION, ...frame });
  scan(bytes, bounds);
  return bytes;
}

/**
 * Encodes `items` in as few frames as fit the bounds, in order. One item that does not fit alone throws.
 *
 * @throws RotaError FRAME_TOO_LARGE, FRAME_TOO_DEEP, INVALID_FRAME
 */
export function encodeBatches<T>(
  items: readonly T[],
  toFrame: (items: readonly T[]) => object,
  bounds: Bounds = COMBINED_BOUNDS,
): Uint8Array[] {
  if (items.length === 0) return [];
  if (items.length <= LIMITS.tasksPerFrame) {
    try {
      return [encode(toFrame(items), bounds)];
    } catch (error) {
      if (items.length === 1 || !(error instanceof RotaError) || error.code !== 'FRAME_TOO_LARGE') throw error;
    }
  }
  const middle = Math.ceil(items.length / 2);
  return [
    ...encodeBatches(items.slice(0, middle), toFrame, bounds),
    ...encodeBatches(items.slice(middle), toFrame, bounds),
  ];
}

/** Packs any value of ours, without a bound: for the store's journal, which splits by itself. */
export function pack(value: unknown): Uint8Array {
  return new Uint8Array(packr.pack(value));
}

/** Reads what `pack` wrote. Not for foreign bytes. */
export function unpack(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}

/** How many bytes a value takes in a frame. */
export function packedSize(value: unknown): number {
  return packr.pack(value).length;
}

/**
 * Decodes foreign bytes against a schema: scan, unpack, validate. Agents and clients pass
 * `COMBINED_BOUNDS`, which is what the coordinator may send.
 *
 * @throws RotaError naming the first field that does not fit. Never quotes the data.
 */
export function decode<S extends z.ZodType>(schema: S, bytes: Uint8Array, bounds: Bounds = LIMITS): z.infer<S> {
  scan(bytes, bounds);
  let value: unknown;
  try {
    value = packr.unpack(bytes);
  } catch {
    // The decoder's own message quotes what it decoded.
    throw new RotaError('INVALID_FRAME', 'The frame is not valid msgpack.');
  }
  return validate(schema, value);
}

/** Validates a value of this process with the schema of the wire, so that both get the same errors. */
export function validate<S extends z.ZodType>(schema: S, value: unknown): z.infer<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0] as z.core.$ZodIssue;
  const unknown = issue.code === 'unrecognized_keys';
  const field = fieldPath(unknown ? [...issue.path, issue.keys[0] ?? ''] : issue.path) || 'frame';
  throw new RotaError('INVALID_VALUE', `${field}: ${unknown ? 'is not a known field' : issue.message}.`, { field });
}

/** `['tasks', 3, 'priority']` → `tasks[3].priority`. A sender's key that is no name is not repeated. */
export function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    const name = typeof key === 'string' && isName(key) ? key : '?';
    return text ? `${text}.${name}` : name;
  }, '');
}
