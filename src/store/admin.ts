import type { Kysely } from 'kysely';
import { RotaError } from '../protocol/errors.js';
import type { ColumnTypes } from './migrations/column-types.js';
import type { MigrationState } from './migrations/index.js';
import { type Schema, SHARD } from './schema.js';
import type { Verification } from './verify.js';

export type { MigrationState } from './migrations/index.js';
export type { TableVerification, Verification } from './verify.js';

/** What operators do with a store beside having it served. Every call may throw RotaError STORE_FAILED. */
export interface StoreAdmin {
  /** Which store, without a password. */
  readonly place: string;
  migrations(): Promise<MigrationState[]>;
  /** Takes the steps that are missing; returns their names. @throws RotaError SCHEMA_MISMATCH, UNAVAILABLE while a coordinator leads */
  migrateUp(): Promise<string[]>;
  /**
   * Takes the last step back, or all; what only they had room for is lost. Returns their names.
   * @throws RotaError SCHEMA_MISMATCH, UNAVAILABLE while a coordinator leads
   */
  migrateDown(steps: 'last' | 'all'): Promise<string[]>;
  /**
   * Makes the tables anew from the journal, elsewhere, and compares. Changes nothing, and may run beside a leader.
   * @throws RotaError SCHEMA_MISMATCH, NOT_REPLAYABLE when the journal was trimmed
   */
  verify(onProgress: (seq: number) => void): Promise<Verification>;
  close(): Promise<void>;
}

/** A leader counts on the schema that it found. @throws RotaError UNAVAILABLE */
export async function assertNotLed(db: Kysely<Schema>, { schema }: ColumnTypes, nowMs: number): Promise<void> {
  const tables = await db.introspection.getTables();
  // Another schema's leader is of another store.
  const table = tables.find((found) => found.name === 'leadership' && (schema ?? found.schema) === found.schema);
  if (!table?.columns.some(({ name }) => name === 'lease_ms')) return;
  const row = await db.selectFrom('leadership').selectAll().where('shard', '=', SHARD).executeTakeFirst();
  if (row === undefined || row.renewed_at_ms > nowMs || row.renewed_at_ms + row.lease_ms <= nowMs) return;
  throw new RotaError('UNAVAILABLE', `The coordinator ${row.holder} leads this store.`, {
    remedy: 'Stop every coordinator of it first.',
    retryAfterMs: row.renewed_at_ms + row.lease_ms - nowMs,
  });
}
