import { expect } from 'vitest';
import { type ErrorCode, RotaError } from '#rota/protocol/errors.js';

/** Runs `action` and gives back the RotaError that it must throw. Anything else fails the test. */
export function refusal(action: () => unknown): RotaError {
  let thrown: unknown;
  try {
    action();
  } catch (error) {
    thrown = error;
  }
  expect(thrown, 'nothing was thrown, or nothing of ours').toBeInstanceOf(RotaError);
  if (!(thrown instanceof RotaError)) throw new Error('unreachable');
  return thrown;
}

export function expectCode(code: ErrorCode, action: () => unknown): RotaError {
  const error = refusal(action);
  expect(error.code, error.message).toBe(code);
  return error;
}

/** Bytes from numbers and texts: `bytes(0xa1, 'a')`. */
export function bytes(...parts: readonly (number | string | Uint8Array)[]): Uint8Array {
  return Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part))));
}
