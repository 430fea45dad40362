import { EXIT } from './exit.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Interrupts extends Disposable {
  /** How often the user has asked to stop. */
  readonly count: number;
}

/**
 * Ctrl-C, and what init systems and closing terminals send: `steps[0]` at the first, `steps[1]` at the
 * second; further ones call the last step again.
 */
export function onInterrupt(...steps: readonly (() => void)[]): Interrupts {
  let count = 0;
  const handle = () => {
    const step = steps[Math.min(count, steps.length - 1)];
    count++;
    step?.();
  };
  for (const signal of SIGNALS) process.on(signal, handle);
  return {
    get count() {
      return count;
    },
    [Symbol.dispose]() {
      for (const signal of SIGNALS) process.off(signal, handle);
    },
  };
}

export interface Stoppable {
  /** Resolves with the exit code. */
  readonly work: Promise<number>;
  /** The first Ctrl-C: `work` is to come to its end. */
  drain(): void;
  /** The second: resolves when nothing is left that this process started. */
  kill(): Promise<void>;
}

/** Sees a service through until it ends or is killed; a third Ctrl-C waits for nothing. Resolves with the exit code. */
export async function endsBySignal({ work, drain, kill }: Stoppable): Promise<number> {
  let setKilled = () => {};
  const killed = new Promise<number>((resolve) => {
    setKilled = () => resolve(EXIT.interrupted);
  });
  using _ = onInterrupt(drain, () => void kill().finally(setKilled), setKilled);
  return await Promise.race([work, killed]);
}

export function whenAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }));
}

/** The first of these ends that is an error; never, when none is. */
export function firstFault(ends: readonly Promise<Error | undefined>[]): Promise<Error> {
  return new Promise((resolve) => {
    for (const end of ends) {
      void end.then((error) => {
        if (error !== undefined) resolve(error);
      });
    }
  });
}
