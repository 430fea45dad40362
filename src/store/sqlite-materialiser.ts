import type { JournalRow } from '../protocol/journal.js';
import { fold } from './fold.js';
import type { Connection } from './sqlite-connection.js';
import type { SqliteJournal } from './sqlite-journal.js';
import type { SqliteTables } from './sqlite-tables.js';

/** One batch ends with the row that reaches this many events: an append waits for one batch at most. */
const EVENTS_PER_BATCH = 1_024;
const ROWS_PER_READ = 128;

/**
 * Moves the tables along the journal.
 *
 * Holds rows that it has read ahead. Where the tables stand is read from the file in each batch's
 * own transaction, so that each row is applied once, whoever else does the same.
 */
export class SqliteMaterialiser {
  readonly #connection: Connection;
  readonly #journal: SqliteJournal;
  readonly #tables: SqliteTables;
  #ahead: JournalRow[] = [];

  constructor(connection: Connection, journal: SqliteJournal, tables: SqliteTables) {
    this.#connection = connection;
    this.#journal = journal;
    this.#tables = tables;
  }

  /** Applies the next batch, and says where the tables stand then. @throws what the driver throws. */
  async step(): Promise<number> {
    // What is lost here is made again from the journal, which is durable.
    this.#connection.setDurable(false);
    return this.#connection.transact('immediate', () => {
      const from = this.#tables.materialised();
      const batch = this.#next(from);
      const to = batch.at(-1)?.seq ?? from;
      if (to > from) this.#tables.apply(fold(batch), to);
      return to;
    });
  }

  #next(after: number): JournalRow[] {
    if (this.#ahead[0]?.seq !== after + 1) this.#ahead = this.#journal.after(after, ROWS_PER_READ);
    let events = 0;
    let rows = 0;
    for (const row of this.#ahead) {
      if (events >= EVENTS_PER_BATCH) break;
      events += row.events.length;
      rows++;
    }
    return this.#ahead.splice(0, rows);
  }
}
