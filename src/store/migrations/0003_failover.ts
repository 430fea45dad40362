import { type Kysely, type Migration, sql } from 'kysely';
import type { ColumnTypes } from './column-types.js';

/**
 * Leases for leadership, and the age of the journal's rows. Leadership that is there already is nobody's. When rows
 * were appended that are there already is not known: they are as old as this step, so that none is trimmed too early.
 */
export function failover({ nowMs }: ColumnTypes): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema
        .alterTable('leadership')
        .addColumn('renewed_at_ms', 'bigint', (c) => c.notNull().defaultTo(0))
        .execute();
      await db.schema
        .alterTable('leadership')
        .addColumn('lease_ms', 'bigint', (c) => c.notNull().defaultTo(0))
        .execute();
      await db.schema
        .alterTable('journal')
        .addColumn('at_ms', 'bigint', (c) => c.notNull().defaultTo(0))
        .execute();
      await sql`UPDATE journal SET at_ms = ${nowMs}`.execute(db);
    },
    async down(db: Kysely<unknown>) {
      await db.schema.alterTable('journal').dropColumn('at_ms').execute();
      await db.schema.alterTable('leadership').dropColumn('lease_ms').execute();
      await db.schema.alterTable('leadership').dropColumn('renewed_at_ms').execute();
    },
  };
}
