import type { Logger } from 'pino';
import type { Clock } from '../clock.js';

/** How often it looks, and how late it must be to say so: far more than a garbage collection takes. */
const PERIOD_MS = 500;
const LATE_MS = 1_000;

/**
 * Says in the log when this process stood still, be it that it was paused or that its event loop was blocked: whatever
 * was late or lost by that is easily blamed on the store or the network. The returned function ends it.
 */
export function watchStandstill(clock: Clock, log: Logger): () => void {
  let lastMs = clock.monoMs();
  return clock.every(PERIOD_MS, () => {
    const nowMs = clock.monoMs();
    const stoodStillMs = Math.round(nowMs - lastMs - PERIOD_MS);
    lastMs = nowMs;
    if (stoodStillMs >= LATE_MS)
      log.warn({ stoodStillMs }, 'this process stood still: it was paused, or its event loop was blocked');
  });
}
