import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RateLimiter } from '#rota/actors/rate-limit.js';

/** One bucket, millisecond by millisecond. */
class SteppedBucket {
  #thousandths: number;
  #nowMs = 0;

  constructor(
    readonly perSecond: number,
    readonly burst: number,
  ) {
    this.#thousandths = burst * 1_000;
  }

  canTake(tokens: number, nowMs: number): boolean {
    for (; this.#nowMs < nowMs; this.#nowMs++) {
      this.#thousandths = Math.min(this.burst * 1_000, this.#thousandths + this.perSecond);
    }
    return this.#thousandths >= Math.min(tokens, this.burst) * 1_000;
  }

  take(tokens: number, nowMs: number): boolean {
    if (!this.canTake(tokens, nowMs)) return false;
    this.#thousandths -= tokens * 1_000;
    return true;
  }
}

const limits = fc.record({ perSecond: fc.integer({ min: 1, max: 2_000 }), burst: fc.integer({ min: 1, max: 50 }) });
const steps = fc.array(
  fc.record({
    who: fc.constantFrom('ann', 'bob', 'cyd'),
    tokens: fc.integer({ min: 1, max: 80 }),
    pauseMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 300 })),
  }),
  { maxLength: 60 },
);

test('grants what buckets that fill millisecond by millisecond grant', () => {
  fc.assert(
    fc.property(limits, steps, (limit, steps) => {
      const limiter = new RateLimiter(limit);
      const buckets = new Map<string, SteppedBucket>();
      let nowMs = 0;
      for (const { who, tokens, pauseMs } of steps) {
        nowMs += pauseMs;
        const bucket = buckets.get(who) ?? new SteppedBucket(limit.perSecond, limit.burst);
        buckets.set(who, bucket);
        expect(limiter.take(who, tokens, nowMs) === 0).toBe(bucket.take(tokens, nowMs));
      }
    }),
  );
});

test('the wait that it names is enough, and a millisecond less is not', () => {
  fc.assert(
    fc.property(limits, steps, fc.double({ min: 0, max: 0.999, noNaN: true }), (limit, steps, fraction) => {
      let nowMs = 1_000_000 + fraction;
      const limiter = new RateLimiter(limit);
      for (const { who, tokens } of steps) {
        const waitMs = limiter.take(who, tokens, nowMs);
        if (waitMs === 0) continue;
        expect(limiter.take(who, tokens, nowMs + waitMs - 1)).toBe(1);
        nowMs += waitMs;
        expect(limiter.take(who, tokens, nowMs)).toBe(0);
      }
    }),
  );
});

test('the wait is enough also where adding it to the time is rounded', () => {
  for (let digit = 1; digit < 16; digit += 2) {
    const atMs = 2 ** 30 - 1 + digit * 2 ** -23;
    const limiter = new RateLimiter({ perSecond: 1_000, burst: 1 });
    expect([limiter.take('ann', 1, atMs), limiter.take('ann', 1, atMs)]).toEqual([0, 1]);
    expect(limiter.take('ann', 1, atMs + 1)).toBe(0);
  }
});

test('a request larger than the burst waits for a full bucket, and leaves a debt', () => {
  const limiter = new RateLimiter({ perSecond: 10, burst: 5 });
  expect(limiter.take('ann', 1, 0)).toBe(0);
  expect(limiter.take('ann', 25, 0)).toBe(100);
  expect(limiter.take('ann', 25, 100)).toBe(0);
  expect(limiter.take('ann', 1, 100)).toBe(2_100);
  expect(limiter.take('bob', 5, 100)).toBe(0);
});

test('keeps no more buckets than principals that took something lately', () => {
  const limiter = new RateLimiter({ perSecond: 1_000, burst: 10 });
  let most = 0;
  for (let nowMs = 0; nowMs < 50_000; nowMs++) {
    limiter.take(`client-${nowMs}`, 10, nowMs);
    most = Math.max(most, limiter.size);
  }
  // Ten of them are not full at a time; as many again were added while the sweep went round.
  expect(most).toBeLessThanOrEqual(40);
});

test('the sweep forgets nobody who is in debt', () => {
  const limiter = new RateLimiter({ perSecond: 1, burst: 1 });
  limiter.take('ann', 1_000, 0);
  for (let client = 0; client < 1_000; client++) limiter.take(`client-${client}`, 1, client);
  expect(limiter.take('ann', 1, 2_000)).toBe(998_000);
});

test.each([
  [{ perSecond: 0, burst: 1 }, 'perSecond is 0'],
  [{ perSecond: 1, burst: Number.NaN }, 'burst is NaN'],
])('refuses %j', (limit, message) => {
  expect(() => new RateLimiter(limit)).toThrow(message);
});
