import { failpoint } from '../failpoints.js';
import { Batches } from './batches.js';
import { fold } from './fold.js';
import type { Connection } from './sqlite-connection.js';
import type { SqliteJournal } from './sqlite-journal.js';
import type { SqliteTables } from './sqlite-tables.js';

/** An append waits for one batch at most. */
const EVENTS_PER_BATCH = 1_024;

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
  readonly #batches = new Batches(EVENTS_PER_BATCH);

  constructor(connection: Connection, journal: SqliteJournal, tables: SqliteTables) {
    this.#connection = connection;
    this.#journal = journal;
    this.#tables = tables;
  }

  /** Applies the next batch, and says where the tables stand then. @throws what the driver throws. */
  async step(): Promise<number> {
    // What is lost here is made again from the journal, which is durable.
    this.#connection.setDurable(false);
    failpoint('materialise.before');
    const reached = await this.#connection.transact('immediate', async () => {
      const from = this.#tables.materialised();
      const batch = await this.#batches.next(from, (...limits) => this.#journal.after(...limits));
      const to = batch.at(-1)?.seq ?? from;
      if (to > from) this.#tables.apply(fold(batch), to);
      return to;
    });
    failpoint('materialise.after');
    return reached;
  }
}
