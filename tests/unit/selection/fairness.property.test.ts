import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TestPool } from './pool.js';

const MINUTE_MS = 60_000;

const assign = { weight: 6, arbitrary: fc.constant({ do: 'assign' as const }) };
const wait = {
  weight: 2,
  arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1_000, MINUTE_MS, 6 * MINUTE_MS) }),
};
const guest = fc.integer({ min: 0, max: 5 }).map((n) => `guest-${n}`);
const comeOrGo = {
  weight: 3,
  arbitrary: fc.record({ do: fc.constantFrom('join' as const, 'leave' as const, 'forget' as const), who: guest }),
};
const leave = { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), who: guest }) };
type Step = { do: 'assign' } | { do: 'wait'; ms: number } | { do: 'join' | 'leave' | 'forget'; who: string };

const stayingCount = fc.integer({ min: 1, max: 8 });
const perWindow = fc.integer({ min: 1, max: 3 });

/** A pool whose agents finish at once: some stay, and are eligible all the time; guests come and go. */
class Rotation {
  readonly pool: TestPool;
  readonly staying: readonly string[];
  served = new Map<string, number>();
  #tasks = 0;

  constructor(rotationWindowMinutes: number, assignmentsPerWindow: number, count: number) {
    this.pool = new TestPool({ rotationWindowMinutes, assignmentsPerWindow, historySize: 20 });
    this.staying = Array.from({ length: count }, (_, n) => `staying-${n}`);
  }

  run(step: Step): void {
    const { pool } = this;
    if (step.do === 'wait') pool.monoMs += step.ms;
    else if (step.do === 'join') pool.join(step.who);
    else if (step.do === 'assign') this.#assign();
    else {
      const member = pool.roster.get(step.who);
      if (member === undefined) return;
      if (step.do === 'leave') pool.roster.setPresence(member, 'offline');
      else {
        pool.history.forget(step.who);
        pool.roster.remove(member);
      }
    }
  }

  /** Whether every agent that stays was a candidate of the next choice. */
  areAllCandidates(): boolean {
    this.pool.history.advance(this.pool.monoMs);
    const state = this.pool.decide()?.decision.fallback === undefined ? 'free' : 'recent';
    return this.staying.every((id) => this.pool.roster.get(id)?.state === state);
  }

  /** Most minus least, of those that stay. */
  spread(): number {
    const counts = this.staying.map((id) => this.served.get(id) ?? 0);
    return Math.max(...counts) - Math.min(...counts);
  }

  #assign(): void {
    const { pool } = this;
    const choice = pool.decide();
    if (choice === undefined) expect.fail('an agent is free, and nobody was chosen');
    const taskId = `t${this.#tasks++}`;
    pool.hold(choice.member, taskId);
    pool.letGo(choice.member, taskId);
    this.served.set(choice.member.id, (this.served.get(choice.member.id) ?? 0) + 1);
  }
}

describe('round robin serves those that are eligible all the time equally, one ahead of the others at most,', () => {
  test('while others come and go', () => {
    fc.assert(
      fc.property(
        stayingCount,
        fc.array(fc.oneof(assign, wait, comeOrGo), { maxLength: 80, size: 'max' }),
        (count, steps) => {
          const rotation = new Rotation(0, 1, count);
          rotation.pool.join('guest-0');
          for (const id of rotation.staying) rotation.pool.join(id);
          for (const step of steps) {
            rotation.run(step);
            expect(rotation.spread()).toBeLessThanOrEqual(1);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test('with a rotation window, while others leave', () => {
    fc.assert(
      fc.property(
        stayingCount,
        perWindow,
        fc.array(fc.oneof(assign, wait, leave), { maxLength: 80, size: 'max' }),
        (count, times, steps) => {
          const rotation = new Rotation(5, times, count);
          for (const id of rotation.staying) rotation.pool.join(id);
          for (let n = 0; n < 6; n++) rotation.pool.join(`guest-${n}`);
          for (const step of steps) {
            rotation.run(step);
            expect(rotation.spread()).toBeLessThanOrEqual(1);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test('with a rotation window, while others come and go, as long as it passes over none of them', () => {
    fc.assert(
      fc.property(
        stayingCount,
        perWindow,
        fc.array(fc.oneof(assign, wait, comeOrGo), { maxLength: 80, size: 'max' }),
        (count, times, steps) => {
          const rotation = new Rotation(5, times, count);
          for (const id of rotation.staying) rotation.pool.join(id);
          for (const step of steps) {
            if (step.do === 'assign' && !rotation.areAllCandidates()) rotation.served = new Map();
            rotation.run(step);
            if (rotation.areAllCandidates()) expect(rotation.spread()).toBeLessThanOrEqual(1);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

test('an agent that joins takes the lowest free place and moves nobody else’s turn', () => {
  const pool = new TestPool({ rotationWindowMinutes: 0 });
  for (const id of ['ann', 'bob', 'cem', 'dan']) pool.join(id, { maxConcurrency: 10 });
  expect([pool.assign(), pool.assign()]).toEqual(['ann', 'bob']);
  pool.letGo(pool.roster.get('ann') ?? expect.fail(), 't0');
  pool.roster.remove(pool.roster.get('ann') ?? expect.fail());
  expect(pool.join('eve', { maxConcurrency: 10 }).index).toBe(0);
  expect([pool.assign(), pool.assign(), pool.assign(), pool.assign()]).toEqual(['cem', 'dan', 'eve', 'bob']);
});
