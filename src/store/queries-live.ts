import { type Kysely, sql } from 'kysely';
import { AFTER_TIME_SORTED, AGENT_START, type HistoryRow, historySize, type LiveRows } from './images.js';
import { nodeTasks } from './queries.js';
import { type PoolsTable, type Schema, SHARD } from './schema.js';

/** What a new leader loads, in any SQL. */

/** Tasks that have not ended. The index is of those that are not completed, and wants to be asked in these words too. */
const LIVE = ['pending', 'assigned', 'running'] as const;
/** Orchestrations that have not ended. */
const OPEN = ['running', 'cancelling'] as const;

/** All that has not ended. */
export async function readLive(db: Kysely<Schema>): Promise<LiveRows> {
  const pools = await db.selectFrom('pools').selectAll().orderBy('pool').execute();
  return {
    monoMs: await readMonoMs(db),
    pools,
    rotations: await db.selectFrom('rotations').selectAll().execute(),
    history: await readHistory(db, pools),
    performance: await readCounts(db),
    agents: await db.selectFrom('agents').select(AGENT_START).orderBy('pool_index').orderBy('id').execute(),
    tasks: await db
      .selectFrom('tasks')
      .selectAll()
      .where('status', 'in', LIVE)
      .where('status', '<>', sql.lit('completed'))
      .orderBy('pool_order')
      .execute(),
    ended: await readEnded(db),
    newestId: await readNewestId(db),
    ...(await readOpenOrchestrations(db)),
  };
}

async function readMonoMs(db: Kysely<Schema>): Promise<number> {
  const row = await db.selectFrom('materialised').select('mono_ms').where('shard', '=', SHARD).executeTakeFirst();
  return row?.mono_ms ?? 0;
}

async function readHistory(db: Kysely<Schema>, pools: readonly PoolsTable[]): Promise<Map<string, HistoryRow[]>> {
  const history = new Map<string, HistoryRow[]>();
  for (const row of pools) {
    const newestFirst = await db
      .selectFrom('routing_decisions')
      .select(['selected_agent_id', 'task_id', 'mono_ms'])
      .where('agent_pool', '=', row.pool)
      .where(({ eb, refTuple, tuple }) =>
        eb(refTuple('seq', 'position'), '>', tuple(row.history_after_seq, row.history_after_position)),
      )
      .orderBy('seq', 'desc')
      .orderBy('position', 'desc')
      .limit(historySize(row))
      .execute();
    history.set(row.pool, newestFirst.reverse());
  }
  return history;
}

function readCounts(db: Kysely<Schema>) {
  return db
    .selectFrom('agent_performance')
    .select(['agent_id', 'work_type', 'success_count', 'failure_count', 'last_mono_ms'])
    .orderBy('agent_id')
    .orderBy('work_type')
    .execute();
}

/** Most tasks that wait were never assigned, and have no attempts to look for. */
function readEnded(db: Kysely<Schema>) {
  return db
    .selectFrom('tasks as task')
    .innerJoin('attempts as attempt', 'attempt.task_id', 'task.id')
    .selectAll('attempt')
    .where('task.status', 'in', LIVE)
    .where('task.status', '<>', sql.lit('completed'))
    .where('task.token', '>', 0)
    .where('attempt.outcome', '<>', 'open')
    .orderBy('attempt.task_id')
    .orderBy('attempt.token')
    .execute();
}

async function readNewestId(db: Kysely<Schema>): Promise<string | null> {
  const row = await db
    .selectFrom('tasks')
    .select((eb) => eb.fn.max('id').as('id'))
    .where('id', '<', AFTER_TIME_SORTED)
    .executeTakeFirst();
  return row?.id ?? null;
}

async function readOpenOrchestrations(
  db: Kysely<Schema>,
): Promise<Pick<LiveRows, 'orchestrations' | 'nodes' | 'nodeTasks'>> {
  const open = db.selectFrom('orchestrations').select('id').where('status', 'in', OPEN);
  return {
    orchestrations: await db
      .selectFrom('orchestrations')
      .selectAll()
      .where('status', 'in', OPEN)
      .orderBy('created_at_ms')
      .orderBy('id')
      .execute(),
    nodes: await db
      .selectFrom('orchestration_tasks')
      .selectAll()
      .where('orchestration_id', 'in', open)
      .orderBy('orchestration_id')
      .orderBy('position')
      .execute(),
    nodeTasks: await nodeTasks(db).where('node.orchestration_id', 'in', open).execute(),
  };
}
