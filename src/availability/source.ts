import { RotaError } from '../protocol/errors.js';

/** Says who is there of the agents that send no heartbeats. */
export interface AvailabilitySource {
  /**
   * The ids of those who are. Others than the pool's agents may be among them.
   *
   * @throws RotaError UNAVAILABLE or TIMEOUT while it can't be known; CLOSED.
   */
  available(): Promise<ReadonlySet<string>>;
  /** Ends what is under way: whoever waits for it gets CLOSED. */
  close(): void;
}

export function sourceClosed(): RotaError {
  return new RotaError('CLOSED', 'The availability source is closed.', { remedy: 'Create a new one.' });
}
