import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JournalRow } from '#rota/protocol/journal.js';
import { fold } from '#rota/store/fold.js';
import { images } from '#rota/store/images.js';
import { Tables } from '#rota/store/tables.js';
import { assigned, completed, deregistered, failed, registered, submitted } from '../support/events.js';
import { cutIntoRows, eventHistory } from '../support/histories.js';

const sizes = fc.infiniteStream(fc.integer({ min: 1, max: 60 }));
const ones = always(1);

test('however the journal is cut into rows and batches, the tables are the same as event by event', () => {
  fc.assert(
    fc.property(eventHistory(200), sizes, sizes, (events, rowSizes, batchSizes) => {
      const rows = cutIntoRows(events, rowSizes);
      const oneByOne = inBatches(cutIntoRows(events, ones), ones);
      expect(everything(inBatches(rows, batchSizes))).toEqual(everything(oneByOne));
    }),
    { numRuns: 500 },
  );
});

test('an agent that takes the id of one that was deregistered begins with nothing, in one batch or in many', () => {
  const before = [
    registered('a'),
    submitted('t-1', 1),
    assigned('t-1', 'a'),
    completed('t-1', 'a'),
    submitted('t-2', 2),
  ];
  const after = [registered('a'), assigned('t-2', 'a'), failed('t-2', 'a', { durationMs: 8, difficulty: 'tricky' })];
  const events = [...before, deregistered('a'), ...after];
  for (const size of [1, 3, events.length]) {
    const tables = inBatches(cutIntoRows(events, always(size)), ones);
    const [pool] = images(tables.live()).pools;
    expect(pool?.history.map((entry) => [entry.agentId, entry.taskId])).toEqual([
      ['', 't-1'],
      ['a', 't-2'],
    ]);
    expect(tables.performance({ limit: 10 })).toMatchObject([
      { success_count: 0, failure_count: 1, total_duration_ms: 8, difficulty_assessment: 'tricky' },
    ]);
    expect(tables.decisions({ agentId: 'a', limit: 10 })).toMatchObject([
      { task_id: 't-2', selected_agent_id: 'a' },
      { task_id: 't-1', selected_agent_id: null },
    ]);
  }
});

test.each([1, 2, 10])('performance says when it began and when it was last, in batches of %i', (size) => {
  const first = [submitted('t-1', 1), assigned('t-1', 'a'), completed('t-1', 'a', 1, { atMs: 5, monoMs: 1 })];
  const second = [submitted('t-2', 2), assigned('t-2', 'a'), completed('t-2', 'a', 1, { atMs: 9, monoMs: 2 })];
  const tables = inBatches(cutIntoRows([registered('a'), ...first, ...second], always(size)), ones);
  expect(tables.performance({ limit: 10 })).toMatchObject([
    { success_count: 2, created_at_ms: 5, updated_at_ms: 9, last_execution_at_ms: 9, last_mono_ms: 2 },
  ]);
});

function inBatches(rows: readonly JournalRow[], sizes: Iterable<number>): Tables {
  const tables = new Tables();
  let from = 0;
  for (const size of sizes) {
    if (from >= rows.length) break;
    tables.apply(fold(rows.slice(from, from + size)));
    from += size;
  }
  return tables;
}

/** All but the places in the journal, which say how it was cut. */
function everything(tables: Tables) {
  const counts = tables.agentCounts();
  const tasks = tables.tasks({ limit: 1_000 });
  const orchestrations = tasks.map((task) => task.orchestration_id ?? '');
  const { pools, ...live } = tables.live();
  return {
    live: { ...live, pools: pools.map(({ history_after_seq: _s, history_after_position: _p, ...row }) => row) },
    images: images(tables.live()),
    tasks: tasks.map((task) => ({
      task,
      attempts: tables.attempts(task.id),
      decisions: tables.decisions({ taskId: task.id, limit: 1_000 }).map(withoutPlace),
      refusals: tables.refusals(task.id).map(withoutPlace),
    })),
    agents: tables.agents().map((agent) => ({ agent, counts: counts(agent.id) })),
    performance: tables.performance({ limit: 1_000 }),
    orchestrations: orchestrations.map((id) => ({ row: tables.orchestration(id), nodes: tables.nodeTasks(id) })),
  };
}

function withoutPlace<Row extends { seq: number; position: number }>({ seq: _seq, position: _position, ...row }: Row) {
  return row;
}

function always(size: number): Iterable<number> {
  return {
    *[Symbol.iterator]() {
      for (;;) yield size;
    },
  };
}
