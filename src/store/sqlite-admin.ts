import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { systemClock } from '../clock.js';
import { assertNotLed, type StoreAdmin } from './admin.js';
import { storeFailed } from './errors.js';
import { hasSchema, migrateDown, migrateUp, migrationStates } from './migrations/index.js';
import { Connection, SQLITE_TYPES } from './sqlite-connection.js';
import { SqliteJournal } from './sqlite-journal.js';
import { SqliteTables } from './sqlite-tables.js';
import { type Verification, verifyTables } from './verify.js';

/** @throws RotaError STORE_FAILED, naming the path, when there is no such file or it is no database. */
export async function openSqliteAdmin({ path }: { readonly path: string }): Promise<StoreAdmin> {
  const file = resolve(path);
  try {
    // To look at a store must not make one, nor change a file that is none.
    await stat(file);
    return new SqliteAdmin(new Connection(file, 'as found'));
  } catch (thrown) {
    throw storeFailed(file, thrown);
  }
}

/** Owns a connection of its own, in the calling thread: an operator's command has nothing else to do. */
class SqliteAdmin implements StoreAdmin {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get place(): string {
    return this.#connection.path;
  }

  migrations(): ReturnType<StoreAdmin['migrations']> {
    return this.#try(() => migrationStates(this.#connection.db, SQLITE_TYPES));
  }

  migrateUp(): Promise<string[]> {
    return this.#change(() => migrateUp(this.#connection.db, SQLITE_TYPES));
  }

  migrateDown(steps: 'last' | 'all'): Promise<string[]> {
    return this.#change(() => migrateDown(this.#connection.db, SQLITE_TYPES, steps));
  }

  verify(onProgress: (seq: number) => void): Promise<Verification> {
    return this.#try(() => this.#connection.transact('deferred', () => this.#verify(onProgress)));
  }

  async close(): Promise<void> {
    this.#connection.close();
  }

  async #verify(onProgress: (seq: number) => void): Promise<Verification> {
    const { db } = this.#connection;
    if (!(await hasSchema(db, SQLITE_TYPES))) return { seq: 0, tables: [] };
    const folder = await mkdtemp(join(tmpdir(), 'rota-verify-'));
    const scratch = new Connection(join(folder, 'scratch.db'));
    try {
      await migrateUp(scratch.db, SQLITE_TYPES);
      scratch.raw.exec('PRAGMA synchronous = OFF');
      const journal = new SqliteJournal(this.#connection);
      const tables = new SqliteTables(scratch);
      return await verifyTables(
        {
          db,
          seq: new SqliteTables(this.#connection).materialised(),
          rows: async (...limits) => journal.after(...limits),
        },
        { db: scratch.db, apply: (changes, seq) => scratch.transact('immediate', () => tables.apply(changes, seq)) },
        onProgress,
      );
    } finally {
      scratch.close();
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** All of the steps or none, and nobody takes the lead meanwhile. */
  #change<T>(change: () => Promise<T>): Promise<T> {
    return this.#try(() =>
      this.#connection.transact('immediate', async () => {
        await assertNotLed(this.#connection.db, SQLITE_TYPES, systemClock.wallMs());
        return change();
      }),
    );
  }

  async #try<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      throw storeFailed(this.place, thrown);
    }
  }
}
