import type { Clock } from '../clock.js';
import { asRotaError, type RotaError } from '../protocol/errors.js';
import { type AvailabilitySource, sourceClosed } from './source.js';

export interface CacheOptions {
  /** How long an answer holds. */
  readonly ttlMs: number;
  /** Called once when answers fail to come, with the time of the last one that came, if any did; wall clock. */
  readonly onStale: (error: RotaError, sinceMs: number | undefined) => void;
  /** Called once when they come again. */
  readonly onFresh: () => void;
}

/** A source that fails is not asked again at once, however many callers there are. */
const RETRY_MS_MAX = 5_000;

/**
 * Keeps a source's answer.
 *
 * 1. The source has one request at a time, whoever asks meanwhile waits for it.
 * 2. While an answer holds, the source is not asked. When it no longer does and no newer one comes, it holds on.
 * 3. What fails throws only while there never was an answer.
 */
export class CachedSource implements AvailabilitySource {
  readonly #source: AvailabilitySource;
  readonly #options: CacheOptions;
  readonly #clock: Pick<Clock, 'monoMs' | 'wallMs'>;
  #last: { readonly ids: ReadonlySet<string>; readonly wallMs: number } | undefined;
  /** Set from a failure on, until the next answer. */
  #error: RotaError | undefined;
  #asking: Promise<void> | undefined;
  #askAgainMs = -Infinity;
  #isClosed = false;

  constructor(source: AvailabilitySource, options: CacheOptions, clock: Pick<Clock, 'monoMs' | 'wallMs'>) {
    this.#source = source;
    this.#options = options;
    this.#clock = clock;
  }

  async available(): Promise<ReadonlySet<string>> {
    if (!this.#isClosed && this.#clock.monoMs() >= this.#askAgainMs) {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = undefined;
      });
      await this.#asking;
    }
    if (this.#isClosed) throw sourceClosed();
    if (this.#last !== undefined) return this.#last.ids;
    throw this.#error;
  }

  close(): void {
    this.#isClosed = true;
    this.#source.close();
  }

  async #ask(): Promise<void> {
    try {
      this.#keep(await this.#source.available());
    } catch (thrown) {
      this.#fail(asRotaError(thrown, 'UNAVAILABLE'));
    }
  }

  #keep(ids: ReadonlySet<string>): void {
    this.#last = { ids, wallMs: this.#clock.wallMs() };
    this.#askAgainMs = this.#clock.monoMs() + this.#options.ttlMs;
    if (this.#error === undefined || this.#isClosed) return;
    this.#error = undefined;
    this.#options.onFresh();
  }

  #fail(error: RotaError): void {
    const isFirst = this.#error === undefined;
    this.#error = error;
    this.#askAgainMs = this.#clock.monoMs() + Math.min(this.#options.ttlMs, RETRY_MS_MAX);
    if (isFirst && !this.#isClosed) this.#options.onStale(error, this.#last?.wallMs);
  }
}
