import { randomFillSync } from 'node:crypto';
import { monotonicFactory } from 'ulid';
import type { Clock } from './clock.js';

/** Randomness as a port: a number in [0, 1). */
export type Random = () => number;

/** Makes ids that sort by the time they were made: 26 characters, safe as a subject token. */
export type Ids = () => string;

/** Randomness from the operating system, so that ids of different processes never meet. */
export const systemRandom: Random = createSystemRandom();

/** A call to the operating system costs microseconds, and an id wants a dozen numbers: they are fetched ahead. */
function createSystemRandom(): Random {
  const ahead = new Uint32Array(256);
  let used = ahead.length;
  return () => {
    if (used === ahead.length) {
      randomFillSync(ahead);
      used = 0;
    }
    return (ahead[used++] ?? 0) / 2 ** 32;
  };
}

const TIME_SORTED = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** Whether an id has the form that `createIds` gives: those sort by the time they were made. */
export function isTimeSorted(id: string): boolean {
  return TIME_SORTED.test(id);
}

export function createIds(clock: Pick<Clock, 'wallMs'>, random: Random): Ids {
  const next = monotonicFactory(random);
  return () => next(clock.wallMs());
}
