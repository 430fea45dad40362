import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Heap } from '#rota/selection/heap.js';
import { requirementOf } from '#rota/selection/requirement.js';
import { type Waiting, WaitingLine } from '#rota/selection/waiting-line.js';
import { profileOf, TestPool } from './pool.js';

test('a heap gives back what a sort gives', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.integer(), fc.constant('pop' as const))), (steps) => {
      const heap = new Heap<number>((a, b) => a - b);
      const list: number[] = [];
      for (const step of steps) {
        if (step === 'pop') {
          list.sort((a, b) => a - b);
          expect(heap.peek()).toBe(list[0]);
          expect(heap.pop()).toBe(list.shift());
        } else {
          heap.push(step);
          list.push(step);
        }
        expect(heap.size).toBe(list.length);
      }
    }),
  );
});

const AGENTS = ['ann', 'bob'];
const entry = fc.record({
  labels: fc.uniqueArray(fc.constantFrom('sql', 'ts'), { maxLength: 2 }),
  assignee: fc.option(fc.constantFrom(...AGENTS), { nil: undefined }),
  excludeAgents: fc.subarray(AGENTS),
  priority: fc.integer({ min: 1, max: 5 }),
  cancelled: fc.boolean(),
});

test('an agent gets the oldest of the highest priority that it can do, as from a sorted list', () => {
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 30 }),
      fc.uniqueArray(fc.constantFrom('sql', 'ts'), { maxLength: 2 }),
      (entries, capabilities) => {
        const { roster } = new TestPool();
        const member = roster.put('ann', 0, 's', profileOf({ capabilities }));
        const waiting = new Set<number>();
        const line = new WaitingLine((one) => waiting.has(one.order));
        for (const [order, { labels, assignee, excludeAgents, priority, cancelled }] of entries.entries()) {
          if (!cancelled) waiting.add(order);
          const requirement = requirementOf({ capabilities: labels, roles: [], excludeAgents, assignee });
          line.push({ taskId: `t${order}`, requirement, priority, order });
        }
        const expected = entries
          .map((one, order) => ({ ...one, order }))
          .filter((one) => !one.cancelled && one.labels.every((label) => capabilities.includes(label)))
          .filter((one) => (one.assignee ?? 'ann') === 'ann' && !one.excludeAgents.includes('ann'))
          .sort((a, b) => a.priority - b.priority || a.order - b.order)
          .map((one) => one.order);
        const taken: number[] = [];
        for (let first = next(); first !== undefined; first = next()) {
          taken.push(first.order);
          waiting.delete(first.order);
        }
        expect(taken).toEqual(expected);

        function next(): Waiting | undefined {
          return line.firstFor(roster, member);
        }
      },
    ),
  );
});

test('tasks for other agents are not looked at, however many they are', () => {
  const { roster } = new TestPool();
  const ann = roster.put('ann', 0, 's', profileOf());
  let looks = 0;
  const line = new WaitingLine(() => {
    looks++;
    return true;
  });
  for (let order = 0; order < 1_000; order++) {
    const requirement = requirementOf({ capabilities: [], roles: [], excludeAgents: [], assignee: `a${order}` });
    line.push({ taskId: `t${order}`, requirement, priority: 1, order });
  }
  expect(line.firstFor(roster, ann)).toBeUndefined();
  expect(looks).toBe(0);
});
