import { systemClock } from '../clock.js';
import { assertNotLed, type StoreAdmin } from './admin.js';
import { storeFailed } from './errors.js';
import { hasSchema, migrateDown, migrateUp, migrationStates } from './migrations/index.js';
import { type PostgresOptions, postgresPlace } from './postgres.js';
import { Connections } from './postgres-connections.js';
import { readStanding, rowsAfter } from './postgres-journal.js';
import { LOCK_SCHEMA } from './postgres-lead.js';
import { NOW_MS, type Session } from './postgres-session.js';
import { PostgresTables } from './postgres-tables.js';
import { type Verification, verifyTables } from './verify.js';

/** How long one statement of an operator's command may take: it may move all that there is. */
const STATEMENT_MS = 600_000;

/** @throws RotaError INVALID_VALUE for an address that is none */
export function openPostgresAdmin({ url }: PostgresOptions): StoreAdmin {
  const place = postgresPlace(url);
  return new PostgresAdmin(new Connections(url, place, systemClock));
}

/** Connects when it is first asked for something. */
class PostgresAdmin implements StoreAdmin {
  readonly #connections: Connections;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  get place(): string {
    return this.#connections.place;
  }

  migrations(): ReturnType<StoreAdmin['migrations']> {
    return this.#transact('BEGIN READ ONLY', async (session) =>
      migrationStates(session.kysely(), await session.columnTypes()),
    );
  }

  migrateUp(): Promise<string[]> {
    return this.#change(async (session) => migrateUp(session.kysely(), await session.columnTypes()));
  }

  migrateDown(steps: 'last' | 'all'): Promise<string[]> {
    return this.#change(async (session) => migrateDown(session.kysely(), await session.columnTypes(), steps));
  }

  verify(onProgress: (seq: number) => void): Promise<Verification> {
    const { reads } = this.#connections;
    return this.#try(() =>
      reads.transact('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', async (stored) => {
        await patient(stored);
        if (!(await hasSchema(stored.kysely(), await stored.columnTypes()))) return { seq: 0, tables: [] };
        return reads.use((session) => this.#verify(stored, session, onProgress));
      }),
    );
  }

  close(): Promise<void> {
    return this.#connections.end();
  }

  /** The scratch schema is of a transaction that is never committed: whatever happens, nothing is left of it. */
  async #verify(stored: Session, scratch: Session, onProgress: (seq: number) => void): Promise<Verification> {
    await scratch.run('BEGIN');
    try {
      await patient(scratch);
      await scratch.run('CREATE SCHEMA rota_verify');
      await scratch.run('SET LOCAL search_path TO rota_verify');
      await migrateUp(scratch.kysely(), await scratch.columnTypes());
      const tables = new PostgresTables();
      await tables.lock(scratch);
      const { materialised } = await readStanding(stored);
      const source = {
        db: stored.kysely(),
        seq: materialised,
        rows: (after: number, limit: number, bytes: number) => rowsAfter(stored, after, limit, bytes),
      };
      const made = {
        db: scratch.kysely(),
        apply: (changes: Parameters<typeof tables.apply>[1], seq: number) => tables.apply(scratch, changes, seq),
      };
      return await verifyTables(source, made, onProgress);
    } finally {
      await scratch.run('ROLLBACK');
    }
  }

  /** All of the steps or none, and nobody takes the lead meanwhile. */
  #change<T>(change: (session: Session) => Promise<T>): Promise<T> {
    return this.#transact('BEGIN', async (session) => {
      await session.rows(LOCK_SCHEMA);
      const [now] = await session.rows<{ ms: number }>(`SELECT ${NOW_MS} AS ms`);
      await assertNotLed(session.kysely(), await session.columnTypes(), now?.ms ?? 0);
      return change(session);
    });
  }

  #transact<T>(begin: string, work: (session: Session) => Promise<T>): Promise<T> {
    return this.#try(() =>
      this.#connections.tables.transact(begin, async (session) => {
        await patient(session);
        return work(session);
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

/** Within a transaction: one that does much may take long, and may wait for another that does. */
async function patient(session: Session): Promise<void> {
  await session.allow(STATEMENT_MS);
  await session.run('SET LOCAL idle_in_transaction_session_timeout = 0');
}
