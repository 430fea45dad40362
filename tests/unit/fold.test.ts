import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JournalRow } from '#rota/protocol/journal.js';
import { fold } from '#rota/store/fold.js';
import { images } from '#rota/store/images.js';
import { Tables } from '#rota/store/tables.js';
import { cutIntoRows, eventHistory } from '../support/histories.js';

const sizes = fc.infiniteStream(fc.integer({ min: 1, max: 60 }));

test('however the journal is cut into batches, the tables are the same as event by event', () => {
  fc.assert(
    fc.property(eventHistory(200), sizes, sizes, (events, rowSizes, batchSizes) => {
      const rows = cutIntoRows(events, rowSizes);
      expect(everything(inBatches(rows, batchSizes))).toEqual(everything(oneByOne(rows)));
    }),
    { numRuns: 500 },
  );
});

/** Each event alone, still under its own row's seq; positions are what a row of one event has. */
function oneByOne(rows: readonly JournalRow[]): Tables {
  const tables = new Tables();
  for (const row of rows) for (const event of row.events) tables.apply(fold([{ ...row, events: [event] }]));
  return tables;
}

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

function everything(tables: Tables) {
  const counts = tables.agentCounts();
  const tasks = tables.tasks({ limit: 1_000 });
  const orchestrations = tasks.map((task) => task.orchestration_id ?? '');
  return {
    live: tables.live(),
    images: images(tables.live()),
    tasks: tasks.map((task) => ({ task, attempts: tables.attempts(task.id), refusals: refusals(tables, task.id) })),
    agents: tables.agents().map((agent) => ({ agent, counts: counts(agent.id) })),
    orchestrations: orchestrations.map((id) => ({ row: tables.orchestration(id), nodes: tables.nodeTasks(id) })),
  };
}

function refusals(tables: Tables, taskId: string) {
  return tables.refusals(taskId).map(({ position: _position, ...row }) => row);
}
