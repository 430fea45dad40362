import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Heap } from '#rota/selection/heap.js';
import { Roster, requirementOf } from '#rota/selection/roster.js';
import { type Waiting, WaitingLine } from '#rota/selection/waiting-line.js';

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

const entry = fc.record({
  labels: fc.uniqueArray(fc.constantFrom('sql', 'ts'), { maxLength: 2 }),
  priority: fc.integer({ min: 1, max: 5 }),
  cancelled: fc.boolean(),
});

test('an agent gets the oldest of the highest priority that it can do, as from a sorted list', () => {
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 30 }),
      fc.uniqueArray(fc.constantFrom('sql', 'ts'), { maxLength: 2 }),
      (entries, capabilities) => {
        const roster = new Roster();
        const member = roster.put('a', 0, 's', {
          pool: 'p',
          kind: 'bot',
          capabilities,
          maxConcurrency: 1,
          prefetch: 0,
        });
        const waiting = new Set<number>();
        const line = new WaitingLine((one) => waiting.has(one.order));
        for (const [order, { labels, priority, cancelled }] of entries.entries()) {
          if (!cancelled) waiting.add(order);
          line.push({ taskId: `t${order}`, requirement: requirementOf(labels), priority, order });
        }
        const expected = entries
          .map((one, order) => ({ ...one, order }))
          .filter((one) => !one.cancelled && one.labels.every((label) => capabilities.includes(label)))
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
