import { Kysely, PostgresAdapter, PostgresDialect, type PostgresPoolClient, sql } from 'kysely';
import { type ClientBase, DatabaseError, type QueryConfig, type QueryResult } from 'pg';
import type { ColumnTypes } from './migrations/column-types.js';
import type { Schema } from './schema.js';

/** The database's own clock at this moment, not at the begin of the transaction, which may have waited for another. */
export const NOW_MS = 'floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

const TYPES = {
  ...({ text: sql`text COLLATE "C"`, binary: 'bytea', serial: 'bigserial', longKeys: 'hashed' } as const),
  nowMs: sql<number>`${sql.raw(NOW_MS)}`,
  isThere: (table: string) =>
    sql`to_regclass(quote_ident(current_schema()) || '.' || quote_ident(${table})) IS NOT NULL`,
};

const ALLOW = "SELECT set_config('statement_timeout', $1, $2::boolean)";

/** The database gives a statement up first: then its connection can be used again. */
export const ANSWER_LATER_MS = 500;

/** Names of prepared statements, the same for every connection: by a name alone each knows its own. */
const names = new Map<string, string>();

/**
 * One connection, while somebody has it. Statements run one at a time.
 *
 * `run` and `rows` take statements that are few and run often: the database plans each once a connection.
 */
export class Session {
  readonly #client: ClientBase;
  #statementMs: number;

  /** `statementMs`: how long the database gives to a statement. */
  constructor(client: ClientBase, statementMs: number) {
    this.#client = client;
    this.#statementMs = statementMs;
  }

  /** Resolves with how many rows were written. */
  async run(text: string, values: readonly unknown[] = []): Promise<number> {
    return (await this.#query(text, values, nameOf(text))).rowCount ?? 0;
  }

  async rows<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return (await this.#query<Row>(text, values, nameOf(text))).rows;
  }

  /** Within a transaction, or for as long as the connection is used: lets statements take as long. */
  async allow(statementMs: number, scope: 'transaction' | 'connection' = 'transaction'): Promise<void> {
    this.#statementMs = statementMs;
    await this.run(ALLOW, [String(statementMs), scope === 'transaction']);
  }

  /** For migrations: in the one schema that the connection looks at. */
  async columnTypes(): Promise<ColumnTypes> {
    const [row] = await this.rows<{ schema: string }>('SELECT current_schema() AS schema');
    return { ...TYPES, ...row };
  }

  /** The same connection for the schema and for queries. It is not Kysely's to end. */
  kysely(): Kysely<Schema> {
    return this.#kysely((text, values) => this.#query(text, values, undefined));
  }

  /** The same, but that queries are planned alone, and find nothing. */
  rehearsal(): Kysely<Schema> {
    return this.#kysely(async (text, values) => {
      await this.#query(`EXPLAIN ${text}`, values, undefined);
      return { command: 'SELECT', rowCount: 0, rows: [] };
    });
  }

  #kysely(query: (text: string, values: readonly unknown[]) => Promise<object>): Kysely<Schema> {
    const client = {
      query,
      release: () => {},
      // Nor is it asked for cursors, as the type would have it.
    } as unknown as PostgresPoolClient;
    return new Kysely<Schema>({
      dialect: new OneSession({ pool: { connect: async () => client, end: async () => {} } }),
    });
  }

  #query<Row extends object>(
    text: string,
    values: readonly unknown[],
    name: string | undefined,
  ): Promise<QueryResult<Row>> {
    const config: QueryConfig & { query_timeout: number } = {
      ...(name === undefined ? {} : { name }),
      ...{ text, values: [...values], query_timeout: this.#statementMs + ANSWER_LATER_MS },
    };
    return this.#client.query<Row>(config);
  }
}

function nameOf(text: string): string {
  const name = names.get(text) ?? `rota_${names.size}`;
  names.set(text, name);
  return name;
}

/** Whether the database refused a statement: the connection is as good as before. */
export function isRefusal(thrown: unknown): thrown is DatabaseError {
  return thrown instanceof DatabaseError;
}

/** No table: nobody has led the store yet. */
export function isMissingTable(thrown: unknown): boolean {
  return isRefusal(thrown) && thrown.code === '42P01';
}

/** Another transaction held what this one waited for. */
export function isLockTimeout(thrown: unknown): boolean {
  return isRefusal(thrown) && thrown.code === '55P03';
}

class OneSession extends PostgresDialect {
  override createAdapter(): PostgresAdapter {
    return new LockedAdapter();
  }
}

/** Whoever migrates holds a lock already that ends with the transaction; Kysely's own would outlive one that failed. */
class LockedAdapter extends PostgresAdapter {
  override async acquireMigrationLock(): Promise<void> {}
  override async releaseMigrationLock(): Promise<void> {}
}
