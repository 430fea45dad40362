import type { JournalRow } from '../protocol/journal.js';

const ROWS_PER_READ = 128;
const BYTES_PER_READ = 4 * 1024 * 1024;

/** Rows of the journal, read ahead and given out in batches. */
export class Batches {
  readonly #eventsPerBatch: number;
  #ahead: JournalRow[] = [];

  /** A batch ends with the row that reaches so many events. */
  constructor(eventsPerBatch: number) {
    this.#eventsPerBatch = eventsPerBatch;
  }

  /**
   * The batch behind `after`; empty at the journal's end. `read` gives so many rows at most, in order. They end
   * before that where their bodies together would be larger, but not before the first: a read that takes longer than
   * it may would be tried for ever.
   */
  async next(
    after: number,
    read: (after: number, limit: number, bytes: number) => JournalRow[] | Promise<JournalRow[]>,
  ): Promise<JournalRow[]> {
    // Whoever else moves the tables may have been faster.
    while (this.#ahead[0] !== undefined && this.#ahead[0].seq <= after) this.#ahead.shift();
    if (this.#ahead[0]?.seq !== after + 1) this.#ahead = await read(after, ROWS_PER_READ, BYTES_PER_READ);
    let events = 0;
    let rows = 0;
    for (const row of this.#ahead) {
      if (events >= this.#eventsPerBatch) break;
      events += row.events.length;
      rows++;
    }
    return this.#ahead.splice(0, rows);
  }
}
