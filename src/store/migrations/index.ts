import { type Kysely, type Migration, Migrator } from 'kysely';
import { RotaError } from '../../protocol/errors.js';
import type { Schema } from '../schema.js';
import { type ColumnTypes, initial } from './0001_initial.js';
import { selection } from './0002_selection.js';

const MIGRATION_TABLE = 'kysely_migration';

/** Every step from an empty database to the schema of this version, in the order of their names. */
function migrations(types: ColumnTypes): Record<string, Migration> {
  return { '0001_initial': initial(types), '0002_selection': selection(types) };
}

export function createMigrator(db: Kysely<Schema>, types: ColumnTypes): Migrator {
  return new Migrator({
    db,
    provider: { getMigrations: async () => migrations(types) },
    migrationTableName: MIGRATION_TABLE,
  });
}

/**
 * Brings the schema up to this version.
 * @throws RotaError SCHEMA_MISMATCH when a newer version has been here; whatever the database throws.
 */
export async function migrateUp(db: Kysely<Schema>, types: ColumnTypes): Promise<void> {
  await refuseNewer(db, types);
  const { error } = await createMigrator(db, types).migrateToLatest();
  if (error !== undefined) throw error;
}

async function refuseNewer(db: Kysely<Schema>, types: ColumnTypes): Promise<void> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === MIGRATION_TABLE)) return;
  const done = await db
    .withTables<{ [MIGRATION_TABLE]: { name: string } }>()
    .selectFrom(MIGRATION_TABLE)
    .select('name')
    .orderBy('name')
    .execute();
  const known = migrations(types);
  const newer = done.find(({ name }) => !Object.hasOwn(known, name));
  if (newer) {
    throw new RotaError(
      'SCHEMA_MISMATCH',
      `The store has the migration ${newer.name}, which this version does not know.`,
    );
  }
}
