import type { JournalRow } from '../protocol/journal.js';
import { assertFollow } from './whole.js';

const ROWS_PER_READ = 128;
const BYTES_PER_READ = 4 * 1024 * 1024;

/** Rows of the journal, read ahead and given out in batches. */
export class Batches {
  readonly #eventsPerBatch: number;
  #ahead: JournalRow[] = [];
  #last: Pick<JournalRow, 'seq' | 'epoch'> = { seq: 0, epoch: 0 };

  /** A batch ends with the row that reaches so many events. */
  constructor(eventsPerBatch: number) {
    this.#eventsPerBatch = eventsPerBatch;
  }

  /**
   * The batch behind `after`; empty at the journal's end. `readRows` gives so many rows at most, in order. They end
   * before that where their bodies together would be larger, but not before the first: a read that takes longer than
   * it may would be tried for ever.
   *
   * @throws RotaError STORE_FAILED where a row is missing.
   */
  async next(
    after: number,
    readRows: (after: number, limit: number, bytes: number) => JournalRow[] | Promise<JournalRow[]>,
  ): Promise<JournalRow[]> {
    // Whoever else moves the tables may have been faster.
    while (this.#ahead[0] !== undefined && this.#ahead[0].seq <= after) this.#ahead.shift();
    if (this.#ahead[0]?.seq !== after + 1) {
      const read = await readRows(after, ROWS_PER_READ, BYTES_PER_READ);
      assertFollow(read, this.#last.seq === after ? this.#last : { seq: after, epoch: 0 });
      this.#ahead = read;
    }
    let events = 0;
    let rows = 0;
    for (const row of this.#ahead) {
      if (events >= this.#eventsPerBatch) break;
      events += row.events.length;
      rows++;
    }
    const batch = this.#ahead.splice(0, rows);
    this.#last = batch.at(-1) ?? this.#last;
    return batch;
  }
}
