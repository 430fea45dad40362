import type { Clock } from '../clock.js';

export interface ImpatientClock extends Clock {
  /** Fires every timer that waits, now and in this call; later ones fire at once. */
  hurry(): void;
}

/**
 * A clock whose waiting can be cut short: a process that was asked to end and has a grace to do so is
 * then killed before this process ends.
 */
export function createImpatientClock(clock: Clock): ImpatientClock {
  const waiting = new Map<object, () => void>();
  let isHurried = false;
  return {
    ...clock,
    after(delayMs, fn) {
      const id = {};
      const fire = () => {
        if (waiting.delete(id)) fn();
      };
      waiting.set(id, fire);
      const cancel = clock.after(isHurried ? 0 : delayMs, fire);
      return () => {
        waiting.delete(id);
        cancel();
      };
    },
    hurry() {
      isHurried = true;
      for (const fire of [...waiting.values()]) fire();
    },
  };
}
