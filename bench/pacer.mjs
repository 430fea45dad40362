import { Worker } from 'node:worker_threads';
import { nowMs } from './clock.mjs';

/**
 * An open loop: calls `send(dueMs)` at instants that are fixed before the first, whatever became of the
 * earlier ones. Resolves with what all calls resolve with. A thread keeps the time, since it can sleep for
 * less than the millisecond that timers round to.
 */
export async function pace({ rate, seconds }, send) {
  const count = Math.max(1, Math.round(rate * seconds));
  const thread = new Worker(new URL('./pacer-thread.mjs', import.meta.url), {
    workerData: { startMs: nowMs() + 100, rate, count },
  });
  const sent = [];
  await new Promise((resolve, reject) => {
    thread.once('error', reject);
    thread.on('message', (dueMs) => {
      if (sent.push(send(dueMs)) === count) resolve();
    });
  });
  return Promise.all(sent);
}
