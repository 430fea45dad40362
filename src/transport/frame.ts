import { RotaError } from '../protocol/errors.js';
import { LIMITS } from '../protocol/limits.js';
import type { Message } from './transport.js';

/** @throws RotaError FRAME_TOO_LARGE */
export function assertFrameSize(data: Uint8Array): void {
  if (data.length > LIMITS.frameBytes) {
    throw new RotaError('FRAME_TOO_LARGE', `The frame has ${data.length} bytes, the limit is ${LIMITS.frameBytes}.`);
  }
}

/** Bytes of their own. Not `slice()`: that of a Buffer is a view of the same memory. */
export function copyOf(data: Uint8Array): Uint8Array {
  return new Uint8Array(data);
}

/** An empty `reply` is none. */
export function createMessage(subject: string, data: Uint8Array, reply: string | undefined): Message {
  return reply ? { subject, data, reply } : { subject, data };
}
