import { packedSize } from '../protocol/codec.js';
import { RotaError } from '../protocol/errors.js';

/** Outcomes that nobody has asked for yet are kept up to this many; whoever asks for an older one asks the coordinator. */
const KEPT_MAX = 100_000;
/** The same, as what they have encoded. */
const KEPT_BYTES = 32 * 1024 * 1024;
/** Outcomes that are to be told. Those that were lost on the way are expected for ever, and make room for newer ones. */
const EXPECTED_MAX = 100_000;

interface Waiter<T> {
  readonly resolve: (outcome: T) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Who waits for which outcome. An outcome is told when it happens; whoever might have missed that is
 * answered by `ask`, which is called at once for what we did not start ourselves, and now and then for all.
 */
export class Waiters<T> {
  readonly #waiting = new Map<string, Set<Waiter<T>>>();
  readonly #kept = new Map<string, { readonly outcome: T; readonly bytes: number }>();
  #keptBytes = 0;
  /** Started here, so that its outcome will be told, and not told yet. */
  readonly #expected = new Set<string>();
  readonly #askFor: (ids: readonly string[]) => Promise<void>;
  readonly #toAsk = new Set<string>();
  #isAsking = false;
  #closed: Error | undefined;

  constructor(askFor: (ids: readonly string[]) => Promise<void>) {
    this.#askFor = askFor;
  }

  expect(id: string): void {
    this.#expected.add(id);
    if (this.#expected.size > EXPECTED_MAX) this.#expected.delete(oldest(this.#expected));
  }

  forget(id: string): void {
    this.#expected.delete(id);
  }

  wait(id: string, signal?: AbortSignal): Promise<T> {
    const kept = this.#kept.get(id);
    if (kept !== undefined) {
      this.#drop(id);
      return Promise.resolve(kept.outcome);
    }
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (signal?.aborted) return Promise.reject(signal.reason);
    const outcome = new Promise<T>((resolve, reject) => {
      const waiters = this.#waiting.get(id) ?? new Set();
      const giveUp = () => {
        waiters.delete(waiter);
        // What nobody waits for is not asked for.
        if (waiters.size === 0) this.#waiting.delete(id);
        waiter.reject(signal?.reason);
      };
      const settled = () => signal?.removeEventListener('abort', giveUp);
      const waiter: Waiter<T> = {
        resolve(value) {
          settled();
          resolve(value);
        },
        reject(error) {
          settled();
          reject(error);
        },
      };
      this.#waiting.set(id, waiters.add(waiter));
      signal?.addEventListener('abort', giveUp);
    });
    if (!this.#expected.has(id)) this.askFor(id);
    return outcome;
  }

  settle(id: string, outcome: T): void {
    const waiters = this.#waiting.get(id);
    this.#waiting.delete(id);
    // It is had here once: whoever asks later than the first is answered by the coordinator.
    if (this.#expected.delete(id) && waiters === undefined) this.#keep(id, outcome);
    for (const { resolve } of waiters ?? []) resolve(outcome);
  }

  reject(id: string, error: Error): void {
    const waiters = this.#waiting.get(id);
    this.#waiting.delete(id);
    for (const { reject } of waiters ?? []) reject(error);
  }

  /** Fails what waits, and what is waited for later. */
  close(error: Error): void {
    this.#closed = error;
    this.fail(error);
  }

  fail(error: Error): void {
    for (const id of [...this.#waiting.keys()]) this.reject(id, error);
  }

  /** Asks for one of those that are waited for. */
  askFor(id: string): void {
    this.#toAsk.add(id);
    if (!this.#isAsking) void this.#askLoop();
  }

  /** Asks for all that are waited for. */
  ask(): void {
    for (const id of this.#waiting.keys()) this.askFor(id);
  }

  /** One question at a time; what comes up meanwhile goes into the next one. */
  async #askLoop(): Promise<void> {
    this.#isAsking = true;
    // Whoever waits in the same turn shares the question.
    await Promise.resolve();
    try {
      while (this.#toAsk.size > 0) {
        const ids = [...this.#toAsk].filter((id) => this.#waiting.has(id));
        this.#toAsk.clear();
        if (ids.length > 0) await this.#askFor(ids);
      }
    } catch (error) {
      // Asked again by the next poll; what can't be repaired by asking again is the waiters' to know.
      if (!(error instanceof RotaError) || !error.retryable) this.fail(error as Error);
    } finally {
      this.#isAsking = false;
    }
  }

  #keep(id: string, outcome: T): void {
    const bytes = packedSize(outcome);
    this.#kept.set(id, { outcome, bytes });
    this.#keptBytes += bytes;
    while (this.#kept.size > KEPT_MAX || this.#keptBytes > KEPT_BYTES) this.#drop(oldest(this.#kept));
  }

  #drop(id: string): void {
    this.#keptBytes -= this.#kept.get(id)?.bytes ?? 0;
    this.#kept.delete(id);
  }
}

/** Of what is not empty. */
function oldest(ids: Pick<ReadonlyMap<string, unknown>, 'keys'>): string {
  return ids.keys().next().value as string;
}
