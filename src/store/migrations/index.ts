import { type Kysely, type Migration, type MigrationResult, Migrator, NO_MIGRATIONS, sql } from 'kysely';
import { RotaError } from '../../protocol/errors.js';
import type { Schema } from '../schema.js';
import { initial } from './0001_initial.js';
import { selection } from './0002_selection.js';
import { failover } from './0003_failover.js';
import type { ColumnTypes } from './column-types.js';

const MIGRATION_TABLE = 'kysely_migration';
const LOCK_TABLE = 'kysely_migration_lock';

/** One step of the schema, and where the database stands with it. */
export interface MigrationState {
  readonly name: string;
  /** `unknown`: a newer version made it, and this one can't undo it. */
  readonly state: 'applied' | 'pending' | 'unknown';
}

/** Every step from an empty database to the schema of this version, in the order of their names. */
function migrations(types: ColumnTypes): Record<string, Migration> {
  return { '0001_initial': initial(types), '0002_selection': selection(types), '0003_failover': failover(types) };
}

/** It begins no transaction: whoever migrates has begun one that takes back what was half done. */
export function createMigrator(db: Kysely<Schema>, types: ColumnTypes): Migrator {
  return new Migrator({
    db,
    provider: { getMigrations: async () => migrations(types) },
    migrationTableName: MIGRATION_TABLE,
    migrationLockTableName: LOCK_TABLE,
    disableTransactions: true,
    ...(types.schema === undefined ? {} : { migrationTableSchema: types.schema }),
  });
}

/** In their order; those that this version does not know come last. Whatever the database throws. */
export async function migrationStates(db: Kysely<Schema>, types: ColumnTypes): Promise<MigrationState[]> {
  const done = await applied(db, types);
  const known = Object.keys(migrations(types));
  return [
    ...known.map((name) => ({ name, state: done.includes(name) ? ('applied' as const) : ('pending' as const) })),
    ...done.filter((name) => !known.includes(name)).map((name) => ({ name, state: 'unknown' as const })),
  ];
}

/**
 * Whether the database has the schema of this version; false where it is empty.
 * @throws RotaError SCHEMA_MISMATCH when its schema is older or newer; whatever the database throws.
 */
export async function hasSchema(db: Kysely<Schema>, types: ColumnTypes): Promise<boolean> {
  const states = await migrationStates(db, types);
  assertKnown(states);
  const pending = states.find(({ state }) => state === 'pending');
  if (pending === undefined) return true;
  if (states.every(({ state }) => state === 'pending')) return false;
  throw new RotaError('SCHEMA_MISMATCH', `The store lacks the migration ${pending.name}: its schema is older.`, {
    remedy: 'Stop every coordinator of it and run `rota db migrate up`.',
  });
}

/** Gives an empty database the schema of this version. @throws as `hasSchema` does. */
export async function ensureSchema(db: Kysely<Schema>, types: ColumnTypes): Promise<void> {
  if (!(await hasSchema(db, types))) await migrateUp(db, types);
}

/**
 * Takes the steps that are missing. Returns their names.
 * @throws RotaError SCHEMA_MISMATCH when a newer version has been here; whatever the database throws.
 */
export async function migrateUp(db: Kysely<Schema>, types: ColumnTypes): Promise<string[]> {
  assertKnown(await migrationStates(db, types));
  const { error, results } = await createMigrator(db, types).migrateToLatest();
  if (error !== undefined) throw error;
  return namesOf(results);
}

/**
 * Takes the last step back, or all of them; then nothing of rota is left in the database. Returns their names.
 * @throws RotaError SCHEMA_MISMATCH when a newer version has been here; whatever the database throws.
 */
export async function migrateDown(db: Kysely<Schema>, types: ColumnTypes, steps: 'last' | 'all'): Promise<string[]> {
  assertKnown(await migrationStates(db, types));
  if ((await applied(db, types)).length === 0) return [];
  const migrator = createMigrator(db, types);
  const { error, results } = await (steps === 'last' ? migrator.migrateDown() : migrator.migrateTo(NO_MIGRATIONS));
  if (error !== undefined) throw error;
  if ((await applied(db, types)).length === 0) {
    await db.schema.dropTable(MIGRATION_TABLE).execute();
    await db.schema.dropTable(LOCK_TABLE).execute();
  }
  return namesOf(results);
}

/** @throws RotaError SCHEMA_MISMATCH */
function assertKnown(states: readonly MigrationState[]): void {
  const newer = states.find(({ state }) => state === 'unknown');
  if (newer === undefined) return;
  throw new RotaError(
    'SCHEMA_MISMATCH',
    `The store has the migration ${newer.name}, which this version does not know.`,
  );
}

async function applied(db: Kysely<Schema>, { isThere }: ColumnTypes): Promise<string[]> {
  const { rows } = await sql<{ found: unknown }>`SELECT ${isThere(MIGRATION_TABLE)} AS found`.execute(db);
  if (!rows[0]?.found) return [];
  const done = await db
    .withTables<{ [MIGRATION_TABLE]: { name: string } }>()
    .selectFrom(MIGRATION_TABLE)
    .select('name')
    .orderBy('name')
    .execute();
  return done.map(({ name }) => name);
}

function namesOf(results: readonly MigrationResult[] | undefined): string[] {
  return (results ?? []).map(({ migrationName }) => migrationName);
}
