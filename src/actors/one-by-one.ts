import type { Clock } from '../clock.js';
import { crowded } from './refusal.js';

/** Jobs that wait, and for how long: whoever asked for one has given up by then. */
const WAITING_MAX = 16;
const WAITING_MS_MAX = 5_000;

export type OneByOne = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Runs what it is given one after the other, in the order in which it came, whatever became of those before.
 * What it returns rejects with UNAVAILABLE where too many wait already, or it waited for too long.
 */
export function createOneByOne(clock: Pick<Clock, 'monoMs'>): OneByOne {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return async (work) => {
    if (waiting >= WAITING_MAX) throw crowded();
    const giveUpMs = clock.monoMs() + WAITING_MS_MAX;
    waiting++;
    const job = last.then(() => {
      waiting--;
      if (clock.monoMs() > giveUpMs) throw crowded();
      return work();
    });
    last = job.catch(() => {});
    return job;
  };
}
