import { Packr } from 'msgpackr';
import type { z } from 'zod';
import { RotaError } from './errors.js';
import { LIMITS } from './limits.js';
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
});

/**
 * Encodes a frame. The bytes are the caller's own: msgpackr packs into one shared buffer, and a
 * transport keeps a reference to what it is given.
 *
 * @throws RotaError FRAME_TOO_LARGE.
 */
export function encode(frame: object): Uint8Array {
  const bytes = pack({ v: PROTOCOL_VERSION, ...frame });
  if (bytes.length > LIMITS.frameBytes) {
    throw new RotaError('FRAME_TOO_LARGE', `The frame has ${bytes.length} bytes, the limit is ${LIMITS.frameBytes}.`);
  }
  return bytes;
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
 * Decodes foreign bytes against a schema: scan, unpack, validate.
 *
 * @throws RotaError naming the first field that does not fit. Never quotes the data.
 */
export function decode<S extends z.ZodType>(schema: S, bytes: Uint8Array): z.infer<S> {
  scan(bytes);
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
  const field = fieldPath(issue.path) || 'frame';
  throw new RotaError('INVALID_VALUE', `${field}: ${issue.message}.`, { field });
}

/** `['tasks', 3, 'priority']` → `tasks[3].priority`. */
export function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text ? `${text}.${String(key)}` : String(key)),
    '',
  );
}
