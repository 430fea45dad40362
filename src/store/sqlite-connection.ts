import { Kysely, SqliteDialect, sql } from 'kysely';
import Database from 'libsql';
import type { ColumnTypes } from './migrations/column-types.js';
import type { Schema } from './schema.js';

/** How long a statement waits while another process writes. */
const BUSY_TIMEOUT_MS = 5_000;

export const SQLITE_TYPES: ColumnTypes = {
  ...{ text: 'text', binary: 'blob', serial: 'integer', longKeys: 'whole' },
  nowMs: sql`CAST(unixepoch('subsec') * 1000 AS integer)`,
  isThere: (table) => sql`EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ${table})`,
};

/**
 * One connection, seen two ways: `db` for the schema and for queries, `raw` for statements that run
 * often. Both run at once and in the order of their calls, so a transaction begun on one holds the other.
 */
export class Connection {
  readonly path: string;
  readonly raw: Database.Database;
  readonly db: Kysely<Schema>;
  #durable: boolean | undefined;

  /**
   * Turns the file to a write-ahead log, or leaves its journal as it is found.
   * @throws what the driver throws when the file can't be opened or is not a database.
   */
  constructor(path: string, journal: 'wal' | 'as found' = 'wal') {
    this.path = path;
    this.raw = new Database(path, { timeout: BUSY_TIMEOUT_MS });
    this.db = new Kysely<Schema>({ dialect: new SqliteDialect({ database: this.raw }) });
    try {
      if (journal === 'wal') enableWal(this.raw);
      else this.raw.prepare('SELECT count(*) FROM sqlite_master').all([]);
      this.setDurable(true);
      this.raw.exec('PRAGMA foreign_keys = ON');
    } catch (thrown) {
      this.raw.close();
      throw thrown;
    }
  }

  /**
   * Whether commits from now on wait until they are on disk. One that does not is still whole or not
   * there at all, and is on disk once a later one that waits is: the log is written in order.
   */
  setDurable(on: boolean): void {
    if (this.#durable === on) return;
    this.raw.exec(`PRAGMA synchronous = ${on ? 'FULL' : 'NORMAL'}`);
    this.#durable = on;
  }

  /**
   * Runs `body` in one transaction. `immediate` takes the right to write at once: a transaction that
   * takes it later can fail halfway. Nothing else may use the connection until it settles.
   */
  async transact<T>(mode: 'deferred' | 'immediate', body: () => T | Promise<T>): Promise<T> {
    this.raw.exec(`BEGIN ${mode}`);
    try {
      const result = await body();
      this.raw.exec('COMMIT');
      return result;
    } catch (thrown) {
      // A full disk and the like end the transaction by themselves.
      if (this.raw.inTransaction) this.raw.exec('ROLLBACK');
      throw thrown;
    }
  }

  close(): void {
    this.raw.close();
  }
}

/** How often a file is tried that another process turns to a write-ahead log at the same moment. */
const WAL_ATTEMPTS = 10;

/**
 * A file that is new is turned once. Whoever is second then is told that it is locked, however long it would
 * wait; a transaction does wait, and behind it the file has its log.
 */
function enableWal(raw: Database.Database): void {
  for (let attempt = 1; ; attempt++) {
    try {
      return turnToWal(raw);
    } catch (thrown) {
      if (!isBusy(thrown) || attempt === WAL_ATTEMPTS) throw thrown;
      raw.exec('BEGIN IMMEDIATE; COMMIT');
    }
  }
}

function isBusy(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'SQLITE_BUSY';
}

function turnToWal(raw: Database.Database): void {
  const [row] = raw.prepare('PRAGMA journal_mode = WAL').all([]) as { journal_mode: string }[];
  if (row?.journal_mode !== 'wal') {
    throw new Error(`its file system does not support a write-ahead log (journal_mode is ${row?.journal_mode})`);
  }
}
