/**
 * Time as a port. This is the only file that reads the machine's clocks or sets a timer, so a
 * simulation that passes its own `Clock` decides every instant.
 */
export interface Clock {
  /** Wall clock, milliseconds since 1970. For records that people read, never for deadlines. */
  wallMs(): number;
  /** Monotonic milliseconds. For every deadline: a wall clock that jumps moves no lease. */
  monoMs(): number;
  /** Runs `fn` once after `delayMs`; the returned function cancels it. Keeps the process alive. */
  after(delayMs: number, fn: () => void): () => void;
  /** Runs `fn` every `periodMs` until cancelled. Keeps the process alive. */
  every(periodMs: number, fn: () => void): () => void;
  /** Runs `fn` once everything that this turn of the event loop received has been handled. */
  defer(fn: () => void): void;
}

/** Longer delays overflow Node's 32-bit timer and would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monoMs: () => performance.now(),
  after(delayMs, fn) {
    const timer = setTimeout(fn, Math.min(Math.max(delayMs, 0), MAX_DELAY_MS));
    return () => clearTimeout(timer);
  },
  every(periodMs, fn) {
    const timer = setInterval(fn, Math.min(Math.max(periodMs, 1), MAX_DELAY_MS));
    return () => clearInterval(timer);
  },
  defer: (fn) => void setImmediate(fn),
};

/** Resolves after `delayMs`, or as soon as `signal` aborts. Never rejects. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(delayMs, done);
    signal?.addEventListener('abort', done);
  });
}

/**
 * What `work` resolves with; undefined where that takes longer than `delayMs`, or the signal aborts first. Leaves no
 * timer behind, which would keep the process alive.
 */
export async function within<T>(
  clock: Clock,
  delayMs: number,
  work: Promise<T>,
  signal?: AbortSignal,
): Promise<T | undefined> {
  const over = new AbortController();
  const end = () => over.abort();
  if (signal?.aborted) end();
  signal?.addEventListener('abort', end);
  try {
    return await Promise.race([work, sleep(clock, delayMs, over.signal).then(() => undefined)]);
  } finally {
    signal?.removeEventListener('abort', end);
    end();
  }
}
