import { type ExpressionBuilder, type Kysely, sql } from 'kysely';
import type { RoutingDecision } from '../protocol/decision.js';
import type { AgentRow, PerformanceRow, TaskDetail, TaskRow } from '../protocol/frames.js';
import { LIMITS } from '../protocol/limits.js';
import { newestFirst, routingDecision } from './decision-row.js';
import type { Schema } from './schema.js';
import type { DecisionFilter, OrchestrationDetail, PerformanceFilter, TaskFilter } from './store.js';
import {
  AGENT_SHOWN,
  agentRow,
  orchestrationDetail,
  performanceRow,
  REFUSALS_SHOWN,
  taskDetail,
  taskRow,
} from './views.js';

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
  const counted = (eb: ExpressionBuilder<Schema, 'agents'>, column: 'success_count' | 'failure_count') =>
    eb
      .selectFrom('agent_performance as done')
      .select((sum) => sum.fn.sum<number | null>(`done.${column}`).as('sum'))
      .whereRef('done.agent_id', '=', 'agents.id');
  let query = db
    .selectFrom('agents')
    .select(AGENT_SHOWN)
    .select((eb) => [
      counted(eb, 'success_count').as('completed'),
      counted(eb, 'failure_count').as('failed'),
      eb
        .selectFrom('tasks')
        .select((count) => count.fn.countAll<number>().as('load'))
        .whereRef('tasks.agent_id', '=', 'agents.id')
        .where('tasks.status', 'in', HELD)
        .as('load'),
    ])
    .orderBy('agents.pool')
    .orderBy('agents.pool_index')
    .orderBy('agents.id')
    .limit(LIMITS.rowsPerQuery);
  if (pool !== undefined) query = query.where('agents.pool', '=', pool);
  const rows = await query.execute();
  return rows.map((row) =>
    agentRow(row, { load: row.load ?? 0, completed: row.completed ?? 0, failed: row.failed ?? 0 }),
  );
}

/** An agent's are found where it is registered, and where it was: ids come back, what they refer to does not. */
export async function readDecisions(db: Kysely<Schema>, filter: DecisionFilter): Promise<RoutingDecision[]> {
  const { agentId, limit } = filter;
  const query = decisions(db, filter);
  if (agentId === undefined) return (await query.execute()).map(routingDecision);
  const now = await query.where('selected_agent_id', '=', agentId).execute();
  const formerly = await query.where('selected_agent_id', 'is', null).where('agent_id', '=', agentId).execute();
  return [...now, ...formerly].sort(newestFirst).slice(0, limit).map(routingDecision);
}

/** Decisions are numbered in the order of the journal. */
function decisions(db: Kysely<Schema>, { taskId, workType, pool, fromMs, toMs, limit }: DecisionFilter) {
  let query = db
    .selectFrom('routing_decisions')
    .selectAll()
    .orderBy('created_at_ms', 'desc')
    .orderBy('id', 'desc')
    .limit(limit);
  if (taskId !== undefined) query = query.where('task_id', '=', taskId);
  if (workType !== undefined) query = query.where('work_type', '=', workType);
  if (pool !== undefined) query = query.where('agent_pool', '=', pool);
  if (fromMs !== undefined) query = query.where('created_at_ms', '>=', fromMs);
  if (toMs !== undefined) query = query.where('created_at_ms', '<=', toMs);
  return query;
}

export async function readPerformance(db: Kysely<Schema>, filter: PerformanceFilter): Promise<PerformanceRow[]> {
  const { agentId, workType, limit } = filter;
  let query = db.selectFrom('agent_performance').selectAll().orderBy('agent_id').orderBy('work_type').limit(limit);
  if (agentId !== undefined) query = query.where('agent_id', '=', agentId);
  if (workType !== undefined) query = query.where('work_type', '=', workType);
  return (await query.execute()).map(performanceRow);
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

/** The tasks that orchestrations have submitted so far, each with its node's key. */
export function nodeTasks(db: Kysely<Schema>) {
  return db
    .selectFrom('orchestration_tasks as node')
    .innerJoin('tasks as task', (join) =>
      join.onRef('task.id', '=', 'node.task_id').onRef('task.orchestration_id', '=', 'node.orchestration_id'),
    )
    .select(NODE_TASK)
    .orderBy('node.orchestration_id')
    .orderBy('node.position');
}
