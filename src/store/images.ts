import type { AgentImage, OrchestrationImage, PoolImage, TaskImage, TaskRecord } from '../protocol/journal.js';
import { isTerminal } from '../protocol/task.js';
import type { AgentsTable, OrchestrationsTable, OrchestrationTasksTable, PoolsTable, TasksTable } from './schema.js';
import { type NodeTask, nodeImage, parse, present } from './views.js';

/** Ids that sort by time begin with a digit below this one; a bound that others push up only costs look-ups. */
export const AFTER_TIME_SORTED = '8';

/** Rows that a new leader starts from. */
export interface LiveRows {
  /** By name. */
  readonly pools: readonly PoolsTable[];
  /** By place in the rotation. */
  readonly agents: readonly AgentsTable[];
  /** Those that have not ended, by order. */
  readonly tasks: readonly TasksTable[];
  /** Those that run, oldest first. */
  readonly orchestrations: readonly OrchestrationsTable[];
  /** The latest id of a task that begins as those do that sort by time. */
  readonly newestId: string | null;
  /** Of running orchestrations, in the order of each graph. */
  readonly nodes: readonly OrchestrationTasksTable[];
  /** Of running orchestrations, ended or not, in the order of each graph. */
  readonly nodeTasks: readonly (NodeTask & Pick<OrchestrationTasksTable, 'orchestration_id'>)[];
}

export interface Images {
  readonly pools: PoolImage[];
  readonly orchestrations: OrchestrationImage[];
  readonly newestId: string;
}

export function images(rows: LiveRows): Images {
  const agents = groupBy(rows.agents, (agent) => agent.pool);
  const tasks = groupBy(rows.tasks, (task) => task.pool);
  const nodes = groupBy(rows.nodes, (node) => node.orchestration_id);
  const nodeTasks = groupBy(rows.nodeTasks, (task) => task.orchestration_id);
  return {
    pools: rows.pools.map(({ pool, cursor, last_order }) => ({
      pool,
      cursor,
      lastOrder: last_order,
      agents: (agents.get(pool) ?? []).map(agentImage),
      tasks: (tasks.get(pool) ?? []).flatMap(taskImage),
    })),
    orchestrations: rows.orchestrations.map((row) => ({
      spec: parse(row.spec),
      submittedBy: row.submitted_by,
      watch: row.watch,
      taskIds: Object.fromEntries((nodes.get(row.id) ?? []).map((node) => [node.node_key, node.task_id])),
      isCancelling: row.status === 'cancelling',
      nodes: (nodeTasks.get(row.id) ?? []).map(nodeImage),
    })),
    newestId: rows.newestId ?? '',
  };
}

function groupBy<T>(rows: readonly T[], keyOf: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group) group.push(row);
    else groups.set(keyOf(row), [row]);
  }
  return groups;
}

function agentImage(row: AgentsTable): AgentImage {
  return {
    id: row.id,
    session: row.session,
    profile: {
      pool: row.pool,
      kind: row.kind,
      capabilities: parse(row.capabilities),
      maxConcurrency: row.max_concurrency,
      prefetch: row.prefetch,
    },
    index: row.pool_index,
    presence: row.presence,
  };
}

function taskImage(row: TasksTable): TaskImage[] {
  if (isTerminal(row.status)) return [];
  const waits = row.status === 'pending';
  return [
    {
      task: taskRecord(row),
      status: row.status,
      attempt: row.attempt,
      token: row.token,
      backoffMs: row.release_backoff_ms,
      ...present({ agentId: waits ? null : row.agent_id, reason: waits ? row.reason : null }),
    },
  ];
}

function taskRecord(row: TasksTable): TaskRecord {
  return {
    id: row.id,
    pool: row.pool,
    workType: row.work_type,
    capabilities: parse(row.capabilities),
    priority: row.priority,
    payload: parse(row.payload),
    maxAttempts: row.max_attempts,
    backoffMs: row.backoff_ms,
    submittedBy: row.submitted_by,
    watch: row.watch,
    order: row.pool_order,
    createdAtMs: row.created_at_ms,
    ...present({
      timeoutMs: row.timeout_ms,
      orchestrationId: row.orchestration_id,
      key: row.node_key,
      inputs: parse<NonNullable<TaskRecord['inputs']>>(row.inputs),
    }),
  };
}
