import { asRotaError, RotaError } from '../protocol/errors.js';

/** When it is worth asking again a store that is away, or a coordinator that has no room. */
const RETRY_AFTER_MS = 1_000;

/**
 * What a sender hears of what went wrong. What is wrong with the store of this coordinator is nothing that the sender
 * could mend: another coordinator, or this one a little later, will answer.
 */
export function refusalOf(thrown: unknown): RotaError {
  const error = asRotaError(thrown, 'UNAVAILABLE');
  switch (error.code) {
    case 'CLOSED':
    case 'DEPOSED':
      return stopping();
    case 'STORE_FAILED':
      return new RotaError('UNAVAILABLE', 'The store does not answer.', { retryAfterMs: RETRY_AFTER_MS });
    default:
      return error;
  }
}

export function stopping(): RotaError {
  return new RotaError('UNAVAILABLE', 'The coordinator is stopping.', { retryAfterMs: 250 });
}

export function crowded(): RotaError {
  const problem = 'More requests wait for an answer than the coordinator has room for.';
  return new RotaError('UNAVAILABLE', problem, { retryAfterMs: RETRY_AFTER_MS });
}

/** Of a leader whose journal takes no more for now. */
export function behind(): RotaError {
  return new RotaError('UNAVAILABLE', 'The store is behind.', { retryAfterMs: RETRY_AFTER_MS });
}

/** Of a leader that may not act. */
export function unsure(): RotaError {
  const problem = 'The coordinator does not know whether it still leads: its store does not answer in time.';
  return new RotaError('UNAVAILABLE', problem, { retryAfterMs: RETRY_AFTER_MS });
}

/** Nothing that is wrong with a request, and said already where it came to be so. */
export function isKnown(thrown: unknown): boolean {
  return thrown instanceof RotaError && thrown.code === 'UNAVAILABLE';
}

export function isStoreFailure(thrown: unknown): boolean {
  return thrown instanceof RotaError && thrown.code === 'STORE_FAILED';
}

/** What a log says of it. The message may quote the request, which stays out of logs, unless it is the store's. */
export function detailsOf(thrown: unknown): object {
  const { code, field } = asRotaError(thrown, 'UNAVAILABLE');
  return { code, field, ...(isStoreFailure(thrown) ? { err: thrown } : {}) };
}
