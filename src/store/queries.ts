import { type Kysely, sql } from 'kysely';
import type { AgentRow, TaskDetail, TaskRow } from '../protocol/frames.js';
import { AFTER_TIME_SORTED, type LiveRows } from './images.js';
import type { Schema } from './schema.js';
import type { OrchestrationDetail, TaskFilter } from './store.js';
import { agentRow, orchestrationDetail, REFUSALS_SHOWN, taskDetail, taskRow } from './views.js';

/** What the store is asked, in any SQL. */

/** Literals, not parameters: an index of only these rows serves no other query. */
const HELD = [sql.lit('assigned' as const), sql.lit('running' as const)];
const NODE_TASK = ['node.orchestration_id', 'node.node_key', 'task.status', 'task.result', 'task.error'] as const;

export async function readTask(db: Kysely<Schema>, taskId: string): Promise<TaskDetail | undefined> {
  const task = await db.selectFrom('tasks').selectAll().where('id', '=', taskId).executeTakeFirst();
  if (task === undefined) return undefined;
  const attempts = await db.selectFrom('attempts').selectAll().where('task_id', '=', taskId).orderBy('token').execute();
  const refusals = await db
    .selectFrom('refusals')
    .selectAll()
    .where('task_id', '=', taskId)
    .orderBy('seq', 'desc')
    .orderBy('position', 'desc')
    .limit(REFUSALS_SHOWN)
    .execute();
  return taskDetail(task, attempts, refusals.reverse());
}

export async function readTasks(db: Kysely<Schema>, filter: TaskFilter): Promise<TaskRow[]> {
  let query = db
    .selectFrom('tasks')
    .selectAll()
    .orderBy('created_at_ms', 'desc')
    .orderBy('pool_order', 'desc')
    .orderBy('id')
    .limit(filter.limit);
  if (filter.status !== undefined) query = query.where('status', '=', filter.status);
  // Said in the index's own words: SQLite takes a partial index for nothing less.
  if (filter.status !== undefined && filter.status !== 'completed')
    query = query.where('status', '<>', sql.lit('completed'));
  if (filter.pool !== undefined) query = query.where('pool', '=', filter.pool);
  if (filter.orchestrationId !== undefined) query = query.where('orchestration_id', '=', filter.orchestrationId);
  const rows = await query.execute();
  return rows.map(taskRow);
}

export async function readAgents(db: Kysely<Schema>, pool?: string): Promise<AgentRow[]> {
  let query = db
    .selectFrom('agents')
    .leftJoin('agent_totals as totals', 'totals.agent_id', 'agents.id')
    .selectAll('agents')
    .select((eb) => [
      'totals.completed',
      'totals.failed',
      eb
        .selectFrom('tasks')
        .select((count) => count.fn.countAll<number>().as('load'))
        .whereRef('tasks.agent_id', '=', 'agents.id')
        .where('tasks.status', 'in', HELD)
        .as('load'),
    ])
    .orderBy('agents.pool')
    .orderBy('agents.pool_index')
    .orderBy('agents.id');
  if (pool !== undefined) query = query.where('agents.pool', '=', pool);
  const rows = await query.execute();
  return rows.map((row) =>
    agentRow(row, { load: row.load ?? 0, completed: row.completed ?? 0, failed: row.failed ?? 0 }),
  );
}

export async function readOrchestration(db: Kysely<Schema>, id: string): Promise<OrchestrationDetail | undefined> {
  const row = await db.selectFrom('orchestrations').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) return undefined;
  const nodes = await db
    .selectFrom('orchestration_tasks')
    .selectAll()
    .where('orchestration_id', '=', id)
    .orderBy('position')
    .execute();
  const tasks = await nodeTasks(db).where('node.orchestration_id', '=', id).execute();
  return orchestrationDetail(row, nodes, tasks);
}

/** Orchestrations that have not ended. */
const OPEN = ['running', 'cancelling'] as const;

/** All that has not ended. */
export async function readLive(db: Kysely<Schema>): Promise<LiveRows> {
  const running = db.selectFrom('orchestrations').select('id').where('status', 'in', OPEN);
  return {
    pools: await db.selectFrom('pools').selectAll().orderBy('pool').execute(),
    agents: await db.selectFrom('agents').selectAll().orderBy('pool_index').orderBy('id').execute(),
    tasks: await db
      .selectFrom('tasks')
      .selectAll()
      .where('status', 'in', ['pending', 'assigned', 'running'])
      .orderBy('pool_order')
      .execute(),
    newestId:
      (await db
        .selectFrom('tasks')
        .select((eb) => eb.fn.max('id').as('id'))
        .where('id', '<', AFTER_TIME_SORTED)
        .executeTakeFirst()
        .then((row) => row?.id)) ?? null,
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
      .where('orchestration_id', 'in', running)
      .orderBy('orchestration_id')
      .orderBy('position')
      .execute(),
    nodeTasks: await nodeTasks(db).where('node.orchestration_id', 'in', running).execute(),
  };
}

/** The tasks that orchestrations have submitted so far, each with its node's key. */
function nodeTasks(db: Kysely<Schema>) {
  return db
    .selectFrom('orchestration_tasks as node')
    .innerJoin('tasks as task', (join) =>
      join.onRef('task.id', '=', 'node.task_id').onRef('task.orchestration_id', '=', 'node.orchestration_id'),
    )
    .select(NODE_TASK)
    .orderBy('node.orchestration_id')
    .orderBy('node.position');
}
