import { systemClock } from '#rota/clock.js';

/** The longest that anything may take once the faults are over: what has not come by then does not come. */
const PATIENCE_MS = 30_000;

/** What `promise` resolves with. @throws Error saying `what` did not come */
export async function until<T>(what: string, promise: Promise<T>, patienceMs = PATIENCE_MS): Promise<T> {
  let cancel = () => {};
  const late = new Promise<never>((_, reject) => {
    cancel = systemClock.after(patienceMs, () => reject(new Error(`Waited ${patienceMs} ms for ${what}.`)));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel();
  }
}
