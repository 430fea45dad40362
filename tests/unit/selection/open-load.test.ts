import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OpenLoad } from '#rota/selection/open-load.js';

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('add' as const), index: fc.nat(2), agoMs: fc.constantFrom(0, 0, 7, 30) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), nth: fc.nat(10) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(15) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('configure' as const), loadMs: fc.constantFrom(1, 10, 40) }) },
);

test('counts the open assignments of a short while ago as a plain list does, also when added out of order', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50, size: 'max' }), (steps) => {
      const counted = [0, 0, 0];
      const load = new OpenLoad(
        {
          addRecentLoad: (index, change) => {
            counted[index] = (counted[index] ?? 0) + change;
          },
        },
        10,
      );
      let loadMs = 10;
      let nowMs = 100;
      let open: { taskId: string; index: number; monoMs: number }[] = [];
      load.advance(nowMs);
      for (const [n, one] of steps.entries()) {
        if (one.do === 'add') {
          open.push({ taskId: `t${n}`, index: one.index, monoMs: nowMs - one.agoMs });
          load.add(`t${n}`, one.index, nowMs - one.agoMs);
        } else if (one.do === 'delete') {
          const taskId = open[one.nth]?.taskId ?? 'unknown';
          open = open.filter((entry) => entry.taskId !== taskId);
          load.delete(taskId);
        } else if (one.do === 'wait') {
          nowMs += one.ms;
          load.advance(nowMs);
        } else {
          loadMs = one.loadMs;
          load.configure(loadMs);
        }
        const young = open.filter((entry) => nowMs - entry.monoMs < loadMs);
        expect(counted).toEqual([0, 1, 2].map((index) => young.filter((entry) => entry.index === index).length));
      }
    }),
    { numRuns: 2_000 },
  );
});
