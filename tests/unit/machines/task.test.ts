import { describe, expect, test } from 'vitest';
import { nextStatus, TASK_TABLE, TASK_TRANSITIONS } from '#rota/machines/task.js';
import { TASK_STATUSES, TERMINAL_STATUSES } from '#rota/protocol/task.js';

/** Every transition that may happen, written out once more. All others are refused. */
const ALLOWED = new Set([
  'pending assign assigned',
  'pending fail failed',
  'pending cancel cancelled',
  'assigned accept running',
  'assigned release pending',
  'assigned complete completed',
  'assigned fail failed',
  'assigned cancel cancelled',
  'running accept running',
  'running release pending',
  'running complete completed',
  'running fail failed',
  'running cancel cancelled',
]);

describe('the table of a task', () => {
  for (const status of TASK_STATUSES) {
    for (const transition of TASK_TRANSITIONS) {
      test(`${status} ${transition}`, () => {
        const next = TASK_TABLE[status][transition];
        if (next === 'refused') {
          expect([...ALLOWED].filter((one) => one.startsWith(`${status} ${transition} `))).toEqual([]);
          expect(() => nextStatus(status, transition)).toThrow(`A ${status} task can't ${transition}.`);
        } else {
          expect(ALLOWED).toContain(`${status} ${transition} ${next}`);
          expect(nextStatus(status, transition)).toBe(next);
        }
      });
    }
  }

  test('terminal states absorb', () => {
    for (const status of TERMINAL_STATUSES) {
      expect(new Set(Object.values(TASK_TABLE[status]))).toEqual(new Set(['refused']));
    }
  });
});
