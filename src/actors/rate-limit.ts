import { RotaError } from '../protocol/errors.js';

export interface RateLimit {
  /** Tokens that a bucket gets back each second. */
  readonly perSecond: number;
  /** Tokens that a full bucket holds, and so what may be taken at once after a pause. */
  readonly burst: number;
}

/** Thousandths of tokens: `perSecond` of them come back each millisecond, so that whole limits are counted exactly. */
const TOKEN = 1_000;

interface Bucket {
  /** How much less than full it was at `atMs`, in thousandths; more than the whole burst where it is in debt. */
  missing: number;
  atMs: number;
}

/** Buckets that each `take` looks at to drop those that are full again: more than the one that it may add. */
const SWEPT_EACH = 2;

/**
 * Token buckets, one a principal.
 *
 * 1. What is granted never goes beyond the burst and what came back since, but for one request that is larger
 *    than the burst: it waits for a full bucket, and those after it wait until its debt is paid.
 * 2. A refused request takes nothing.
 * 3. A bucket that is full says nothing, and is not kept: there are no more of them than principals that took
 *    something lately.
 */
export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #buckets = new Map<string, Bucket>();
  #sweep = this.#buckets.entries();

  /** @throws RotaError INVALID_VALUE */
  constructor(limit: RateLimit) {
    for (const field of ['perSecond', 'burst'] as const) {
      if (limit[field] > 0) continue;
      throw new RotaError('INVALID_VALUE', `${field} is ${limit[field]}: it must be above 0.`, { field });
    }
    this.#limit = limit;
  }

  /** How many buckets are kept. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Takes `tokens` and returns 0, or takes nothing and returns after how many milliseconds to ask again. */
  take(principal: string, tokens: number, monoMs: number): number {
    const nowMs = Math.floor(monoMs);
    this.#dropFull(nowMs);
    const { perSecond, burst } = this.#limit;
    const bucket = this.#buckets.get(principal);
    const missing = bucket === undefined ? 0 : this.#missing(bucket, nowMs);
    const lacking = missing + Math.min(tokens, burst) * TOKEN - burst * TOKEN;
    if (lacking > 0) return Math.ceil(lacking / perSecond);
    this.#buckets.set(principal, { missing: missing + tokens * TOKEN, atMs: nowMs });
    return 0;
  }

  #missing({ missing, atMs }: Bucket, nowMs: number): number {
    return Math.max(0, missing - (nowMs - atMs) * this.#limit.perSecond);
  }

  /** Goes round the buckets, a few with each call, so that no call pays for all. */
  #dropFull(nowMs: number): void {
    for (let looked = 0; looked < SWEPT_EACH; looked++) {
      const next = this.#sweep.next();
      if (next.done) {
        this.#sweep = this.#buckets.entries();
        return;
      }
      const [principal, bucket] = next.value;
      if (this.#missing(bucket, nowMs) === 0) this.#buckets.delete(principal);
    }
  }
}
