import type { RawBuilder } from 'kysely';

/** What the databases have different words for, and where the tables are. */
export interface ColumnTypes {
  /** Compared by code, not by language: ids have an order that counts. */
  readonly text: 'text' | RawBuilder<unknown>;
  readonly binary: 'blob' | 'bytea';
  /** Of a key that the database counts up itself. */
  readonly serial: 'integer' | 'bigserial';
  /** Whether an index has room for a text of some kilobytes, or for its hash alone. */
  readonly longKeys: 'whole' | 'hashed';
  /** Milliseconds since 1970 by the clock that rows of the journal are given their time by. */
  readonly nowMs: RawBuilder<number>;
  /** Whether this table is there, in SQL. To ask for all tables takes long in a database that others use as well. */
  readonly isThere: (table: string) => RawBuilder<unknown>;
  /** Which of its schemas, in a database that has several. */
  readonly schema?: string;
}
