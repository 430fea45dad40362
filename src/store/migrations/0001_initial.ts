import { type Kysely, type Migration, sql } from 'kysely';
import type { ColumnTypes } from './column-types.js';

const TABLES = [
  'journal',
  'leadership',
  'materialised',
  'pools',
  'agents',
  'agent_totals',
  'tasks',
  'attempts',
  'refusals',
  'orchestrations',
  'orchestration_tasks',
];

/** Whole numbers are `bigint`: a 32-bit column overflows at the first time in milliseconds. */
export function initial(types: ColumnTypes): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await journal(db, types);
      await agents(db, types);
      await tasks(db, types);
      await attempts(db, types);
      await orchestrations(db, types);
    },
    async down(db: Kysely<unknown>) {
      for (const table of TABLES.toReversed()) await db.schema.dropTable(table).execute();
    },
  };
}

async function journal(db: Kysely<unknown>, { binary, text }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('journal')
    .addColumn('shard', 'bigint', (c) => c.notNull())
    .addColumn('seq', 'bigint', (c) => c.notNull())
    .addColumn('epoch', 'bigint', (c) => c.notNull())
    .addColumn('body', binary, (c) => c.notNull())
    .addPrimaryKeyConstraint('journal_key', ['shard', 'seq'])
    .execute();
  await db.schema
    .createTable('leadership')
    .addColumn('shard', 'bigint', (c) => c.primaryKey().notNull())
    .addColumn('epoch', 'bigint', (c) => c.notNull())
    .addColumn('holder', text, (c) => c.notNull())
    .addColumn('since_ms', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('materialised')
    .addColumn('shard', 'bigint', (c) => c.primaryKey().notNull())
    .addColumn('seq', 'bigint', (c) => c.notNull())
    .execute();
}

async function agents(db: Kysely<unknown>, { text }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('pools')
    .addColumn('pool', text, (c) => c.primaryKey().notNull())
    .addColumn('cursor', 'bigint', (c) => c.notNull())
    .addColumn('last_order', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('agents')
    .addColumn('id', text, (c) => c.primaryKey().notNull())
    .addColumn('pool', text, (c) => c.notNull())
    .addColumn('session', text, (c) => c.notNull())
    .addColumn('kind', text, (c) => c.notNull())
    .addColumn('capabilities', text, (c) => c.notNull())
    .addColumn('max_concurrency', 'bigint', (c) => c.notNull())
    .addColumn('prefetch', 'bigint', (c) => c.notNull())
    .addColumn('pool_index', 'bigint', (c) => c.notNull())
    .addColumn('presence', text, (c) => c.notNull())
    .addColumn('registered_at_ms', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema.createIndex('agents_by_place').on('agents').columns(['pool', 'pool_index']).execute();
  await db.schema
    .createTable('agent_totals')
    .addColumn('agent_id', text, (c) => c.primaryKey().notNull())
    .addColumn('completed', 'bigint', (c) => c.notNull())
    .addColumn('failed', 'bigint', (c) => c.notNull())
    .execute();
}

async function tasks(db: Kysely<unknown>, { text }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('tasks')
    .addColumn('id', text, (c) => c.primaryKey().notNull())
    .addColumn('pool', text, (c) => c.notNull())
    .addColumn('work_type', text, (c) => c.notNull())
    .addColumn('capabilities', text, (c) => c.notNull())
    .addColumn('priority', 'bigint', (c) => c.notNull())
    .addColumn('payload', text, (c) => c.notNull())
    .addColumn('max_attempts', 'bigint', (c) => c.notNull())
    .addColumn('backoff_ms', 'bigint', (c) => c.notNull())
    .addColumn('timeout_ms', 'bigint')
    .addColumn('submitted_by', text, (c) => c.notNull())
    .addColumn('watch', text, (c) => c.notNull())
    .addColumn('pool_order', 'bigint', (c) => c.notNull())
    .addColumn('orchestration_id', text)
    .addColumn('node_key', text)
    .addColumn('inputs', text)
    .addColumn('status', text, (c) => c.notNull())
    .addColumn('attempt', 'bigint', (c) => c.notNull())
    .addColumn('token', 'bigint', (c) => c.notNull())
    .addColumn('agent_id', text)
    .addColumn('reason', text)
    .addColumn('result', text)
    .addColumn('error', text)
    .addColumn('release_backoff_ms', 'bigint', (c) => c.notNull())
    .addColumn('duration_ms', 'double precision')
    .addColumn('created_at_ms', 'bigint', (c) => c.notNull())
    .addColumn('started_at_ms', 'bigint')
    .addColumn('ended_at_ms', 'bigint')
    .addColumn('changed_at_ms', 'bigint', (c) => c.notNull())
    .execute();
  await taskIndexes(db);
}

/** Each ends in `created_at_ms`, so that the newest of any filter are found without a sort of all. */
async function taskIndexes(db: Kysely<unknown>): Promise<void> {
  const index = (name: string) => db.schema.createIndex(name).on('tasks');
  await index('tasks_by_age').column('created_at_ms').execute();
  await index('tasks_by_pool').columns(['pool', 'created_at_ms']).execute();
  // Most tasks are completed, and are found by age; leaving them out saves each task the most writes.
  await index('tasks_not_completed')
    .columns(['status', 'created_at_ms'])
    .where(sql.ref('status'), '<>', sql.lit('completed'))
    .execute();
  await index('tasks_by_orchestration')
    .columns(['orchestration_id', 'created_at_ms'])
    .where(sql.ref('orchestration_id'), 'is not', null)
    .execute();
  await index('tasks_held')
    .column('agent_id')
    .where(sql.ref('status'), 'in', [sql.lit('assigned'), sql.lit('running')])
    .execute();
}

async function attempts(db: Kysely<unknown>, { text }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('attempts')
    .addColumn('task_id', text, (c) => c.notNull())
    .addColumn('token', 'bigint', (c) => c.notNull())
    .addColumn('attempt', 'bigint', (c) => c.notNull())
    .addColumn('agent_id', text, (c) => c.notNull())
    .addColumn('strategy', text, (c) => c.notNull())
    .addColumn('reason', text, (c) => c.notNull())
    .addColumn('candidates', 'bigint', (c) => c.notNull())
    .addColumn('outcome', text, (c) => c.notNull())
    .addColumn('error', text)
    .addColumn('assigned_at_ms', 'bigint', (c) => c.notNull())
    .addColumn('ended_at_ms', 'bigint')
    .addPrimaryKeyConstraint('attempts_key', ['task_id', 'token'])
    .execute();
  await db.schema.createIndex('attempts_by_agent').on('attempts').columns(['agent_id', 'assigned_at_ms']).execute();
  await db.schema
    .createTable('refusals')
    .addColumn('task_id', text, (c) => c.notNull())
    .addColumn('seq', 'bigint', (c) => c.notNull())
    .addColumn('position', 'bigint', (c) => c.notNull())
    .addColumn('agent_id', text, (c) => c.notNull())
    .addColumn('token', 'bigint', (c) => c.notNull())
    .addColumn('code', text, (c) => c.notNull())
    .addColumn('at_ms', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('refusals_key', ['task_id', 'seq', 'position'])
    .execute();
}

async function orchestrations(db: Kysely<unknown>, { text }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('orchestrations')
    .addColumn('id', text, (c) => c.primaryKey().notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('status', text, (c) => c.notNull())
    .addColumn('spec', text, (c) => c.notNull())
    .addColumn('submitted_by', text, (c) => c.notNull())
    .addColumn('watch', text, (c) => c.notNull())
    .addColumn('skipped', text, (c) => c.notNull())
    .addColumn('reason', text)
    .addColumn('created_at_ms', 'bigint', (c) => c.notNull())
    .addColumn('ended_at_ms', 'bigint')
    .execute();
  await db.schema
    .createIndex('orchestrations_by_status')
    .on('orchestrations')
    .columns(['status', 'created_at_ms'])
    .execute();
  await db.schema
    .createTable('orchestration_tasks')
    .addColumn('orchestration_id', text, (c) => c.notNull())
    .addColumn('position', 'bigint', (c) => c.notNull())
    .addColumn('node_key', text, (c) => c.notNull())
    .addColumn('task_id', text, (c) => c.notNull())
    .addColumn('pool', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('orchestration_tasks_key', ['orchestration_id', 'position'])
    .execute();
}
