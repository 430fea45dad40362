import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AssignmentHistory } from '#rota/selection/history.js';
import { policyOf, TestPool } from './pool.js';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const AGENTS = ['ann', 'bob', 'cem'];

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('push' as const), who: fc.constantFrom(...AGENTS) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(1, MINUTE_MS, 3 * MINUTE_MS, DAY_MS / 2),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), who: fc.constantFrom(...AGENTS) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'clear' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'restore' as const }) },
);
const policy = fc.record({
  historySize: fc.integer({ min: 1, max: 8 }),
  rotationWindowMinutes: fc.constantFrom(0, 2, 5, 1_440),
  assignmentsPerWindow: fc.integer({ min: 1, max: 3 }),
});

describe('the assignment history', () => {
  test('remembers what a plain list remembers, and marks whom the list says was served', () => {
    fc.assert(
      fc.property(policy, fc.array(step, { maxLength: 50, size: 'max' }), (fields, steps) => {
        const pool = new TestPool(fields);
        for (const id of AGENTS) pool.join(id);
        let list: { agentId: string; taskId: string; monoMs: number }[] = [];
        let nowMs = 0;
        const windowMs = fields.rotationWindowMinutes * MINUTE_MS;
        for (const [n, one] of steps.entries()) {
          if (one.do === 'wait') nowMs += one.ms;
          if (one.do === 'push') {
            list.push({ agentId: one.who, taskId: `t${n}`, monoMs: nowMs });
            pool.history.push(one.who, `t${n}`, nowMs);
          }
          if (one.do === 'forget') {
            list = list.map((entry) => (entry.agentId === one.who ? { ...entry, agentId: '' } : entry));
            pool.history.forget(one.who);
          }
          if (one.do === 'clear') {
            list = [];
            pool.history.clear();
          }
          if (one.do === 'restore') pool.history.restore(pool.history.entries());
          pool.history.advance(nowMs);
          list = list.slice(-fields.historySize).filter((entry) => nowMs - entry.monoMs < DAY_MS);

          expect(pool.history.entries()).toEqual(list);
          for (const id of AGENTS) {
            const own = list.filter((entry) => entry.agentId === id);
            const within = own.filter((entry) => nowMs - entry.monoMs < windowMs);
            const isRecent = within.length >= fields.assignmentsPerWindow;
            expect(pool.roster.get(id)?.isRecent).toBe(isRecent);
            expect(pool.history.wasRecentlyAssigned(id, windowMs, nowMs)).toBe(within.length > 0);
            const nth = within.at(-fields.assignmentsPerWindow);
            expect(pool.history.windowEnds().get(id)).toBe(isRecent && nth ? nth.monoMs + windowMs : undefined);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('forgets what is a day old, and the oldest beyond its size', () => {
    const pool = new TestPool({ historySize: 2 });
    for (const [n, id] of AGENTS.entries()) pool.history.push(id, `t${n}`, n);
    expect(pool.history.entries().map((entry) => entry.agentId)).toEqual(['bob', 'cem']);
    pool.history.advance(DAY_MS + 1);
    expect(pool.history.entries().map((entry) => entry.agentId)).toEqual(['cem']);
    expect(pool.history.wasRecentlyAssigned('bob', 2 * DAY_MS, DAY_MS + 1)).toBe(false);
  });

  test('remembers 1,000 assignments where the policy names no size', () => {
    const pool = new TestPool();
    for (let n = 0; n < 1_001; n++) pool.history.push('ann', `t${n}`, n);
    expect(pool.history.entries()).toHaveLength(1_000);
  });

  test('holds nothing of anybody but ids and an instant', () => {
    const pool = new TestPool();
    pool.join('ann');
    pool.assign();
    expect(pool.history.entries()).toEqual([{ agentId: 'ann', taskId: 't0', monoMs: 0 }]);
  });

  test('lets another policy rule over what was assigned before', () => {
    const pool = new TestPool({ rotationWindowMinutes: 0 });
    const ann = pool.join('ann');
    pool.history.push('ann', 't', 0);
    pool.history.advance(MINUTE_MS);
    expect(ann.isRecent).toBe(false);
    pool.history.configure(policyOf({ rotationWindowMinutes: 5 }));
    expect(ann.isRecent).toBe(true);
    pool.history.configure(policyOf({ rotationWindowMinutes: 5, assignmentsPerWindow: 2 }));
    expect(ann.isRecent).toBe(false);
  });

  test('restored into another roster it marks the same agents', () => {
    const pool = new TestPool();
    for (const id of AGENTS) pool.join(id);
    pool.history.push('ann', 't1', 0);
    pool.history.push('bob', 't2', 4 * MINUTE_MS);
    pool.history.advance(6 * MINUTE_MS);

    const after = new TestPool();
    for (const id of AGENTS) after.join(id);
    const history = new AssignmentHistory(after.roster, after.policy);
    history.restore(pool.history.entries());
    history.advance(6 * MINUTE_MS);
    expect(AGENTS.filter((id) => after.roster.get(id)?.isRecent)).toEqual(['bob']);
  });
});
