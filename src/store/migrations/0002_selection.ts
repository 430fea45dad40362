import { type ColumnDataType, type Kysely, type Migration, sql } from 'kysely';
import type { ColumnTypes } from './column-types.js';

/** A value that rows have which are there already; without one the column may be null. */
type Added = readonly [name: string, type: ColumnDataType, value?: string | number];

const ADDED: Record<string, readonly Added[]> = {
  materialised: [['mono_ms', 'double precision', 0]],
  pools: [
    ['policy_version', 'text'],
    ['policy', 'text'],
    ['history_after_seq', 'bigint', 0],
    ['history_after_position', 'bigint', 0],
  ],
  agents: [
    ['enabled', 'smallint', 1],
    ['availability', 'text', 'heartbeat'],
    ['roles', 'text', '[]'],
    ['specializations', 'text', '[]'],
    ['working_hours', 'text'],
    ['embedding', 'text'],
    ['cordoned', 'smallint', 0],
    ['off_duty', 'smallint', 0],
    ['created_at_ms', 'bigint', 0],
    ['last_heartbeat_at_ms', 'bigint'],
    ['updated_at_ms', 'bigint', 0],
  ],
  tasks: [
    ['roles', 'text', '[]'],
    ['assignee', 'text'],
    ['exclude_agents', 'text', '[]'],
    ['strategy', 'text'],
    ['embedding', 'text'],
    ['handoff', 'text'],
    ['assigned_mono_ms', 'double precision'],
  ],
};

/** Before any instant that a policy looks back to: 30 days is the longest that one may name. */
const LONG_AGO_MONO_MS = -31 * 24 * 3_600_000;

/** What choosing an agent needs and leaves: policies, performance, decisions. */
export function selection(types: ColumnTypes): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await addColumns(db, types);
      await sql`UPDATE agents SET created_at_ms = registered_at_ms, updated_at_ms = registered_at_ms`.execute(db);
      // Agents of a pool are found by `agents_by_place`.
      await db.schema.createIndex('agents_by_kind').on('agents').columns(['kind', 'presence']).execute();
      await rotations(db, types);
      await performance(db, types);
      await decisions(db, types);
      // Decisions are found by agent, and name the attempt.
      await db.schema.dropIndex('attempts_by_agent').execute();
    },
    async down(db: Kysely<unknown>) {
      await db.schema.createIndex('attempts_by_agent').on('attempts').columns(['agent_id', 'assigned_at_ms']).execute();
      await sql`UPDATE attempts SET outcome = 'released' WHERE outcome = 'rejected'`.execute(db);
      await db.schema.dropTable('routing_decisions').execute();
      await totals(db, types);
      await db.schema.dropTable('agent_performance').execute();
      await db.schema.dropIndex('agents_by_kind').execute();
      await dropColumns(db);
      await cursors(db, types);
    },
  };
}

async function addColumns(db: Kysely<unknown>, { text }: ColumnTypes): Promise<void> {
  for (const [table, columns] of Object.entries(ADDED)) {
    for (const [name, type, value] of columns) {
      const change = db.schema.alterTable(table);
      const columnType = type === 'text' ? text : type;
      await change
        .addColumn(name, columnType, (c) => (value === undefined ? c : c.notNull().defaultTo(value)))
        .execute();
    }
  }
}

async function dropColumns(db: Kysely<unknown>): Promise<void> {
  for (const [table, columns] of Object.entries(ADDED)) {
    for (const [name] of columns.toReversed()) await db.schema.alterTable(table).dropColumn(name).execute();
  }
}

/** Takes the place of `pools.cursor`: the one rotation that there was goes on as that of tasks without labels. */
async function rotations(db: Kysely<unknown>, { text, longKeys }: ColumnTypes): Promise<void> {
  const table = db.schema
    .createTable('rotations')
    .addColumn('pool', text, (c) => c.notNull())
    .addColumn('rotation', text, (c) => c.notNull())
    .addColumn('cursor', 'bigint', (c) => c.notNull());
  if (longKeys === 'whole') {
    await table.addPrimaryKeyConstraint('rotations_key', ['pool', 'rotation']).execute();
  } else {
    await table.execute();
    await sql`CREATE UNIQUE INDEX rotations_key ON rotations (pool, md5(rotation))`.execute(db);
  }
  await sql`INSERT INTO rotations (pool, rotation, cursor) SELECT pool, '', cursor FROM pools WHERE cursor >= 0`.execute(
    db,
  );
  await db.schema.alterTable('pools').dropColumn('cursor').execute();
}

/** Puts `pools.cursor` back in its place: a column that is added comes last, and a table that is renamed keeps the name of its key. */
async function cursors(db: Kysely<unknown>, { text }: ColumnTypes): Promise<void> {
  await sql`CREATE TABLE pools_without_cursor AS SELECT pool, last_order FROM pools`.execute(db);
  await db.schema.dropTable('pools').execute();
  await db.schema
    .createTable('pools')
    .addColumn('pool', text, (c) => c.primaryKey().notNull())
    .addColumn('cursor', 'bigint', (c) => c.notNull())
    .addColumn('last_order', 'bigint', (c) => c.notNull())
    .execute();
  await sql`
    INSERT INTO pools (pool, cursor, last_order)
    SELECT pools.pool, coalesce(rotations.cursor, -1), pools.last_order
    FROM pools_without_cursor AS pools
    LEFT JOIN rotations ON rotations.pool = pools.pool AND rotations.rotation = ''`.execute(db);
  await db.schema.dropTable('pools_without_cursor').execute();
  await db.schema.dropTable('rotations').execute();
}

/** Takes the place of `agent_totals`; what was counted there is counted again, from the attempts. */
async function performance(db: Kysely<unknown>, { serial, text }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('agent_performance')
    .addColumn('id', serial, (c) => c.primaryKey())
    .addColumn('agent_id', text, (c) => c.notNull().references('agents.id').onDelete('cascade'))
    .addColumn('work_type', text, (c) => c.notNull())
    .addColumn('success_count', 'bigint', (c) => c.notNull())
    .addColumn('failure_count', 'bigint', (c) => c.notNull())
    .addColumn('total_duration_ms', 'double precision', (c) => c.notNull())
    .addColumn('last_execution_at_ms', 'bigint')
    .addColumn('last_mono_ms', 'double precision', (c) => c.notNull())
    .addColumn('difficulty_assessment', text)
    .addColumn('created_at_ms', 'bigint', (c) => c.notNull())
    .addColumn('updated_at_ms', 'bigint', (c) => c.notNull())
    .addUniqueConstraint('agent_performance_key', ['agent_id', 'work_type'])
    .execute();
  await sql`
    INSERT INTO agent_performance (agent_id, work_type, success_count, failure_count, total_duration_ms,
      last_execution_at_ms, last_mono_ms, difficulty_assessment, created_at_ms, updated_at_ms)
    SELECT attempts.agent_id, tasks.work_type,
      sum(CASE attempts.outcome WHEN 'completed' THEN 1 ELSE 0 END),
      sum(CASE attempts.outcome WHEN 'failed' THEN 1 ELSE 0 END),
      sum(CASE attempts.outcome WHEN 'completed' THEN coalesce(tasks.duration_ms, 0) ELSE 0 END),
      max(attempts.ended_at_ms), ${sql.lit(LONG_AGO_MONO_MS)}, NULL, min(attempts.ended_at_ms), max(attempts.ended_at_ms)
    FROM attempts JOIN tasks ON tasks.id = attempts.task_id JOIN agents ON agents.id = attempts.agent_id
    WHERE attempts.outcome IN ('completed', 'failed')
    GROUP BY attempts.agent_id, tasks.work_type`.execute(db);
  await db.schema.dropTable('agent_totals').execute();
}

async function totals(db: Kysely<unknown>, { text }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('agent_totals')
    .addColumn('agent_id', text, (c) => c.primaryKey().notNull())
    .addColumn('completed', 'bigint', (c) => c.notNull())
    .addColumn('failed', 'bigint', (c) => c.notNull())
    .execute();
  await sql`
    INSERT INTO agent_totals (agent_id, completed, failed)
    SELECT agent_id, sum(success_count), sum(failure_count) FROM agent_performance GROUP BY agent_id`.execute(db);
}

async function decisions(db: Kysely<unknown>, { serial, text }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('routing_decisions')
    .addColumn('id', serial, (c) => c.primaryKey())
    .addColumn('task_id', text, (c) => c.notNull())
    .addColumn('token', 'bigint', (c) => c.notNull())
    .addColumn('attempt', 'bigint', (c) => c.notNull())
    .addColumn('work_type', text, (c) => c.notNull())
    .addColumn('agent_pool', text, (c) => c.notNull())
    .addColumn('selected_agent_id', text, (c) => c.references('agents.id').onDelete('set null'))
    .addColumn('agent_id', text, (c) => c.notNull())
    .addColumn('strategy', text, (c) => c.notNull())
    .addColumn('policy_version', text, (c) => c.notNull())
    .addColumn('reason', text, (c) => c.notNull())
    .addColumn('candidates', 'bigint', (c) => c.notNull())
    .addColumn('excluded', text, (c) => c.notNull())
    .addColumn('probability', 'double precision')
    .addColumn('seed', 'bigint')
    .addColumn('score', 'double precision')
    .addColumn('score_parts', text)
    .addColumn('scorer', text)
    .addColumn('success_rate_percent', 'bigint', (c) => c.notNull())
    .addColumn('specialization_match', 'smallint', (c) => c.notNull())
    .addColumn('recent_context_match', 'smallint', (c) => c.notNull())
    .addColumn('retried', 'smallint', (c) => c.notNull())
    .addColumn('fallback', text)
    .addColumn('runners_up', text)
    .addColumn('given', text)
    .addColumn('latency_ms', 'double precision', (c) => c.notNull())
    .addColumn('created_at_ms', 'bigint', (c) => c.notNull())
    .addColumn('mono_ms', 'double precision', (c) => c.notNull())
    .addColumn('seq', 'bigint', (c) => c.notNull())
    .addColumn('position', 'bigint', (c) => c.notNull())
    .addUniqueConstraint('routing_decisions_key', ['task_id', 'token'])
    .execute();
  await decisionIndexes(db);
}

/** Each filter finds its newest without a sort of all. */
async function decisionIndexes(db: Kysely<unknown>): Promise<void> {
  const index = (name: string) => db.schema.createIndex(name).on('routing_decisions');
  await index('decisions_by_age').column('created_at_ms').execute();
  await index('decisions_by_work_type').columns(['work_type', 'created_at_ms']).execute();
  await index('decisions_by_pool').columns(['agent_pool', 'created_at_ms']).execute();
  // Of agents that are registered, which a deregistration looks for too; and of those that were.
  await index('decisions_by_agent').columns(['selected_agent_id', 'created_at_ms']).execute();
  await index('decisions_by_former_agent')
    .columns(['agent_id', 'created_at_ms'])
    .where(sql.ref('selected_agent_id'), 'is', null)
    .execute();
  await index('decisions_history').columns(['agent_pool', 'seq', 'position']).execute();
}
