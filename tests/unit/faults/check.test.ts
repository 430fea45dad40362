import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSqlite } from '#rota/index.js';
import type { JournalEvent } from '#rota/protocol/journal.js';
import type { Store } from '#rota/store/store.js';
import { check, type Evidence } from '../../faults/check.js';
import { Ledger } from '../../faults/ledger.js';
import { assigned, completed, registered, released, submitted } from '../../support/events.js';
import { leadAs, temporaryFolder } from '../../support/stores.js';

/** One task done in its second attempt, one that waits, and one that was cancelled. */
const STORY: readonly JournalEvent[] = [
  registered('ann'),
  submitted('done', 1),
  assigned('done', 'ann', 1),
  released('done', 'ann', 'released'),
  assigned('done', 'ann', 2),
  completed('done', 'ann', 2, { result: { answer: 42 } }),
  submitted('gone', 2),
  { type: 'taskCancelled', atMs: 1, taskId: 'gone' },
];

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let store: Store;
beforeAll(async () => {
  folder = await temporaryFolder();
  store = await openSqlite({ path: folder.file('rota.db') });
  const { row } = await leadAs(store, 'leader');
  await store.append(row(...STORY));
});
afterAll(async () => {
  await store.close();
  await folder[Symbol.asyncDispose]();
});

/** What is wrong with a ledger, given the story in a real store; or with a store that is doctored. */
function judged(fill: (ledger: Ledger) => void, doctor: (store: Store) => Partial<Evidence> = () => ({})) {
  const ledger = new Ledger();
  fill(ledger);
  const evidence: Evidence = {
    rows: (after, limit) => store.rows(after, limit),
    tasks: (filter) => store.tasks(filter),
    task: (id) => store.task(id),
    decisions: (filter) => store.decisions(filter),
    orchestration: (id) => store.orchestration(id),
    ...doctor(store),
  };
  return check(evidence, ledger);
}

const ENDING = { taskId: 'done', status: 'completed', attempt: 2, agentId: 'ann', result: { answer: 42 } } as const;
const VERDICT = {
  heard: 'ack',
  agentId: 'ann',
  taskId: 'done',
  token: 2,
  outcome: 'completed',
  accepted: true,
} as const;

describe('what was promised and kept', () => {
  test('has nothing wrong', async () => {
    const problems = await judged((ledger) => {
      ledger.submitAcknowledged(['done', 'gone']);
      ledger.ended(ENDING);
      ledger.ended(ENDING);
      ledger.agentSaid({ heard: 'assignment', agentId: 'ann', taskId: 'done', token: 1 });
      ledger.agentSaid(VERDICT);
      // The loss of its agent was noticed before its failure was said.
      ledger.agentSaid({ ...VERDICT, token: 1, outcome: 'failed' });
      ledger.agentSaid({ ...VERDICT, token: 1, accepted: false });
      ledger.cancelAcknowledged({ done: 'completed', gone: 'cancelled', unknown: undefined });
    });
    expect(problems).toEqual([]);
  });
});

describe('a ledger that the store does not keep', () => {
  test.each<[problem: string, fill: (ledger: Ledger) => void]>([
    ['I1: acknowledged task lost is lost', (ledger) => ledger.submitAcknowledged(['lost'])],
    ['I1: acknowledged orchestration o is lost', (ledger) => ledger.orchestrationAcknowledged('o', {})],
    ['I2: task done was told to be failed and is completed', (ledger) => ledger.ended({ ...ENDING, status: 'failed' })],
    ['I2: task done has another result than its client was told', (ledger) => ledger.ended({ ...ENDING, result: 1 })],
    ['I2: task done was told to have ended in attempt 1, not 2', (ledger) => ledger.ended({ ...ENDING, attempt: 1 })],
    ['I2: task done was told to be done by bob, not ann', (ledger) => ledger.ended({ ...ENDING, agentId: 'bob' })],
    [
      'I2: ann was told that completed with token 1 of task done was taken, and it was released',
      (ledger) => ledger.agentSaid({ ...VERDICT, token: 1 }),
    ],
    [
      'I2: ann was told that completed with token 2 of task done was refused, and it was taken',
      (ledger) => ledger.agentSaid({ ...VERDICT, accepted: false }),
    ],
    [
      'I11: token 3 of task done was told to ann, the journal has nobody',
      (ledger) => ledger.agentSaid({ heard: 'assignment', agentId: 'ann', taskId: 'done', token: 3 }),
    ],
    [
      'I15: a cancel of task done was answered with cancelled, and it is completed',
      (ledger) => ledger.cancelAcknowledged({ done: 'cancelled' }),
    ],
  ])('%s', async (problem, fill) => {
    expect(await judged(fill)).toEqual([problem]);
  });
});

describe('a store that is not what its journal says', () => {
  test.each<[problem: string, doctor: (store: Store) => Partial<Evidence>]>([
    [
      'I17: 1 tasks in the tables, 2 in the journal',
      (store) => ({ tasks: async (filter) => (await store.tasks(filter)).slice(1) }),
    ],
    [
      'I17: task done is failed in the tables and completed in the journal',
      (store) => ({
        tasks: async (filter) =>
          (await store.tasks(filter)).map((row) => (row.id === 'done' ? { ...row, status: 'failed' } : row)),
      }),
    ],
    [
      'I11: token 2 of task done has no decision',
      (store) => ({
        decisions: async (filter) => (await store.decisions(filter)).filter(({ token }) => token !== 2),
      }),
    ],
    [
      'I11: token 2 of task done has two decisions',
      (store) => ({
        decisions: async (filter) => {
          const found = await store.decisions(filter);
          return [...found, ...found.filter(({ token }) => token === 2)];
        },
      }),
    ],
    [
      'I2: task done is completed and has 2 accepted results',
      (store) => ({
        task: async (id) => {
          const detail = await store.task(id);
          return detail && { ...detail, attempts: detail.attempts.map((one) => ({ ...one, outcome: 'completed' })) };
        },
      }),
    ],
    [
      'I16: task done is still assigned',
      (store) => ({
        rows: async (after, limit) => {
          const rows = await store.rows(after, limit);
          return rows.map((row) => ({ ...row, events: row.events.filter(({ type }) => type !== 'taskCompleted') }));
        },
      }),
    ],
  ])('%s', async (problem, doctor) => {
    expect(await judged(() => {}, doctor)).toContain(problem);
  });
});
