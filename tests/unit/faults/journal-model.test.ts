import { expect, test } from 'vitest';
import type { JournalEvent, JournalRow } from '#rota/protocol/journal.js';
import { JournalModel } from '../../faults/journal-model.js';
import { AT_MS, assigned, completed, failed, registered, released, submitted } from '../../support/events.js';

/** What the model says of a history of one row. */
function problemsOf(...events: JournalEvent[]): string[] {
  return problemsIn([{ seq: 1, epoch: 1, events }]);
}

function problemsIn(rows: readonly JournalRow[]): string[] {
  const model = new JournalModel();
  for (const row of rows) model.take(row);
  return model.problems;
}

const accepted = (taskId: string, token: number): JournalEvent => ({
  type: 'taskAccepted',
  atMs: AT_MS,
  taskId,
  token,
});
const cancelled = (taskId: string): JournalEvent => ({ type: 'taskCancelled', atMs: AT_MS, taskId });
const begin = [registered('ann'), submitted('t', 1)] as const;

test('a whole history has nothing wrong', () => {
  const story = [
    ...begin,
    assigned('t', 'ann', 1),
    accepted('t', 1),
    released('t', 'ann', 'released'),
    assigned('t', 'ann', 2),
    completed('t', 'ann', 2),
    submitted('u', 2),
    assigned('u', 'ann', 1),
    released('u', 'ann', 'rejected'),
    assigned('u', 'ann', 2, { attempt: 1 }),
    failed('u', 'ann', { token: 2 }),
    submitted('v', 3),
    cancelled('v'),
  ];
  expect(problemsOf(...story)).toEqual([]);
});

test.each<[invariant: string, story: JournalEvent[]]>([
  ['I1: task t was submitted twice', [...begin, submitted('t', 2)]],
  ['I1: task x is unknown and has complete', [completed('x', 'ann')]],
  [
    'I2: token 1 of task t was released, then completed',
    [...begin, assigned('t', 'ann'), released('t', 'ann', 'released'), completed('t', 'ann')],
  ],
  ['I3: task t got token 3 after 0', [...begin, assigned('t', 'ann', 3, { attempt: 1 })]],
  ['I4: task t has complete with token 2, its own is 1', [...begin, assigned('t', 'ann'), completed('t', 'ann', 2)]],
  ['I4: task t was ended by bob and is held by ann', [...begin, assigned('t', 'ann'), completed('t', 'bob')]],
  [
    'I6: agent ann holds 2 tasks and may hold 1',
    [...begin, submitted('u', 2), assigned('t', 'ann'), assigned('u', 'ann')],
  ],
  ['I10: task t is in attempt 2, not 1', [...begin, assigned('t', 'ann', 1, { attempt: 2 })]],
  [
    'I10: task t is in attempt 2 of 1',
    [
      registered('ann'),
      submitted('t', 1, { maxAttempts: 1 }),
      assigned('t', 'ann'),
      released('t', 'ann', 'failed'),
      assigned('t', 'ann', 2),
    ],
  ],
  ['I13: task t is completed and has cancel', [...begin, assigned('t', 'ann'), completed('t', 'ann'), cancelled('t')]],
  ['I13: task t is assigned and has assign', [...begin, assigned('t', 'ann'), assigned('t', 'ann', 2)]],
  ['I13: task t is pending and has complete', [...begin, completed('t', 'ann')]],
])('%s', (problem, story) => {
  expect(problemsOf(...story)).toContain(problem);
});

test('rows follow each other, and epochs do not fall', () => {
  const row = (seq: number, epoch: number): JournalRow => ({ seq, epoch, events: [] });
  expect(problemsIn([row(1, 1), row(2, 3), row(3, 3)])).toEqual([]);
  expect(problemsIn([row(1, 1), row(3, 1)])).toEqual(['I5: row 3 follows row 1']);
  expect(problemsIn([row(1, 2), row(2, 1)])).toEqual(['I5: row 2 has epoch 1 after 2']);
});
