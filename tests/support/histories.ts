import fc from 'fast-check';
import type { JournalEvent, JournalRow } from '#rota/protocol/journal.js';
import type { Json } from '#rota/protocol/json.js';
import { HistoryModel, KINDS } from './history-model.js';

/**
 * Random histories that a correct leader could have written. They are made of plain numbers that a small
 * model reads as choices among what is legal next, so they shrink well.
 */

/** As it is after a journey through JSON and msgpack: no `-0`, and no key that the protocol refuses. */
const json: fc.Arbitrary<Json> = fc
  .jsonValue({ maxDepth: 2 })
  .map((value) => JSON.parse(JSON.stringify(value)) as Json)
  .filter((value) => !JSON.stringify(value).includes('__proto__'));

const choice = fc.record({
  kind: fc.constantFrom(...KINDS),
  a: fc.nat(1_000),
  b: fc.nat(1_000),
  json,
});

/** A legal history as one list of events. */
export const eventHistory = (maxLength = 120): fc.Arbitrary<JournalEvent[]> =>
  fc.array(choice, { maxLength, size: 'max' }).map((choices) => new HistoryModel(choices).events);

/** A legal history, cut into the rows of one epoch. */
export const rowHistory = (maxLength = 120): fc.Arbitrary<JournalRow[]> =>
  fc
    .tuple(eventHistory(maxLength), fc.infiniteStream(fc.integer({ min: 1, max: 9 })))
    .map(([events, sizes]) => cutIntoRows(events, sizes));

export function cutIntoRows(events: readonly JournalEvent[], sizes: Iterable<number>, epoch = 1): JournalRow[] {
  const rows: JournalRow[] = [];
  let from = 0;
  for (const size of sizes) {
    if (from >= events.length) break;
    rows.push({ seq: rows.length + 1, epoch, events: events.slice(from, from + size) });
    from += size;
  }
  return rows;
}
