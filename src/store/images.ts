import type { AgentProfile } from '../protocol/agent.js';
import type {
  AgentImage,
  EndedAttempt,
  Handoff,
  OrchestrationImage,
  PerformanceImage,
  PoolImage,
  TaskImage,
  TaskRecord,
} from '../protocol/journal.js';
import { type Policy, PolicySchema } from '../protocol/policy.js';
import { isTerminal } from '../protocol/task.js';
import type {
  AgentsTable,
  AttemptsTable,
  DecisionsTable,
  OrchestrationsTable,
  OrchestrationTasksTable,
  PerformanceTable,
  PoolsTable,
  RotationsTable,
  TasksTable,
} from './schema.js';
import { parse, present } from './values.js';
import { type NodeTask, nodeImage } from './views.js';

/** Ids that sort by time begin with a digit below this one; a bound that others push up only costs look-ups. */
export const AFTER_TIME_SORTED = '8';

/** Rows that a new leader starts from. */
export interface LiveRows {
  /** The latest instant of the leaders' monotonic clock; 0 where there is none. */
  readonly monoMs: number;
  /** By name. */
  readonly pools: readonly PoolsTable[];
  readonly rotations: readonly RotationsTable[];
  /** By pool, oldest first, as many as `historySize` says. */
  readonly history: ReadonlyMap<string, readonly HistoryRow[]>;
  /** By agent and work type. */
  readonly performance: readonly PerformanceRow[];
  /** By place in the rotation. */
  readonly agents: readonly AgentStart[];
  /** Those that have not ended, by order. */
  readonly tasks: readonly TasksTable[];
  /** Attempts of these tasks that ended, each task's by token. */
  readonly ended: readonly AttemptsTable[];
  /** Those that run, oldest first. */
  readonly orchestrations: readonly OrchestrationsTable[];
  /** The latest id of a task that begins as those do that sort by time. */
  readonly newestId: string | null;
  /** Of running orchestrations, in the order of each graph. */
  readonly nodes: readonly OrchestrationTasksTable[];
  /** Of running orchestrations, ended or not, in the order of each graph. */
  readonly nodeTasks: readonly (NodeTask & Pick<OrchestrationTasksTable, 'orchestration_id'>)[];
}

/** What a new leader needs of an agent: of many agents each column costs time. */
export const AGENT_START = [
  'id',
  'pool',
  'session',
  'kind',
  'enabled',
  'availability',
  'capabilities',
  'roles',
  'specializations',
  'max_concurrency',
  'prefetch',
  'working_hours',
  'embedding',
  'pool_index',
  'presence',
  'cordoned',
  'off_duty',
] as const satisfies (keyof AgentsTable)[];

type AgentStart = Pick<AgentsTable, (typeof AGENT_START)[number]>;

/** What the history of a pool is made of. */
export type HistoryRow = Pick<DecisionsTable, 'selected_agent_id' | 'task_id' | 'mono_ms'>;

type PerformanceRow = Pick<
  PerformanceTable,
  'agent_id' | 'work_type' | 'success_count' | 'failure_count' | 'last_mono_ms'
>;

/** How many decisions a pool that has no policy yet remembers. */
const HISTORY_SIZE = PolicySchema.parse({}).historySize;

export function historySize({ policy }: Pick<PoolsTable, 'policy'>): number {
  return parse<Policy>(policy)?.historySize ?? HISTORY_SIZE;
}

export interface Images {
  readonly monoMs: number;
  readonly pools: PoolImage[];
  readonly orchestrations: OrchestrationImage[];
  readonly newestId: string;
}

export function images(rows: LiveRows): Images {
  const agents = groupBy(rows.agents, (agent) => agent.pool);
  const rotations = groupBy(rows.rotations, (row) => row.pool);
  const tasks = groupBy(rows.tasks, (task) => task.pool);
  const ended = groupBy(rows.ended, (attempt) => attempt.task_id);
  const poolOf = new Map(rows.agents.map((agent) => [agent.id, agent.pool]));
  const performance = groupBy(rows.performance, (row) => poolOf.get(row.agent_id) ?? '');
  const nodes = groupBy(rows.nodes, (node) => node.orchestration_id);
  const nodeTasks = groupBy(rows.nodeTasks, (task) => task.orchestration_id);
  return {
    monoMs: rows.monoMs,
    pools: rows.pools.map(({ pool, last_order, policy_version, policy }) => ({
      pool,
      rotations: Object.fromEntries((rotations.get(pool) ?? []).map((row) => [row.rotation, row.cursor])),
      lastOrder: last_order,
      ...(policy_version === null || policy === null
        ? {}
        : { policy: { version: policy_version, policy: parse(policy) } }),
      history: (rows.history.get(pool) ?? []).map((row) => ({
        agentId: row.selected_agent_id ?? '',
        taskId: row.task_id,
        monoMs: row.mono_ms,
      })),
      performance: (performance.get(pool) ?? []).map(performanceImage),
      agents: (agents.get(pool) ?? []).map(agentImage),
      tasks: (tasks.get(pool) ?? []).flatMap((task) => taskImage(task, ended.get(task.id) ?? [])),
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

function agentImage(row: AgentStart): AgentImage {
  return {
    id: row.id,
    session: row.session,
    profile: {
      pool: row.pool,
      kind: row.kind,
      enabled: row.enabled === 1,
      availability: row.availability,
      capabilities: parse(row.capabilities),
      roles: parse(row.roles),
      specializations: parse(row.specializations),
      maxConcurrency: row.max_concurrency,
      prefetch: row.prefetch,
      ...present({
        workingHours: parse<NonNullable<AgentProfile['workingHours']>>(row.working_hours),
        embedding: parse<number[]>(row.embedding),
      }),
    },
    index: row.pool_index,
    presence: row.presence,
    isCordoned: row.cordoned === 1,
    isOffDuty: row.off_duty === 1,
  };
}

function performanceImage(row: PerformanceRow): PerformanceImage {
  return {
    agentId: row.agent_id,
    workType: row.work_type,
    successes: row.success_count,
    failures: row.failure_count,
    lastMonoMs: row.last_mono_ms,
  };
}

function taskImage(row: TasksTable, ended: readonly AttemptsTable[]): TaskImage[] {
  if (isTerminal(row.status)) return [];
  const waits = row.status === 'pending';
  return [
    {
      task: taskRecord(row),
      status: row.status,
      attempt: row.attempt,
      token: row.token,
      backoffMs: row.release_backoff_ms,
      ended: ended.flatMap(endedAttempt),
      ...(waits
        ? present({ reason: row.reason })
        : present({ agentId: row.agent_id, assignedMonoMs: row.assigned_mono_ms })),
    },
  ];
}

/** Of a task that has not ended, so none of its attempts brought a result or was cancelled. */
function endedAttempt({ attempt, agent_id, outcome, error }: AttemptsTable): EndedAttempt[] {
  if (outcome === 'open' || outcome === 'completed' || outcome === 'cancelled' || error === null) return [];
  return [{ attempt, agentId: agent_id, outcome, error: parse(error) }];
}

function taskRecord(row: TasksTable): TaskRecord {
  return {
    id: row.id,
    pool: row.pool,
    workType: row.work_type,
    capabilities: parse(row.capabilities),
    roles: parse(row.roles),
    excludeAgents: parse(row.exclude_agents),
    priority: row.priority,
    payload: parse(row.payload),
    maxAttempts: row.max_attempts,
    backoffMs: row.backoff_ms,
    submittedBy: row.submitted_by,
    watch: row.watch,
    order: row.pool_order,
    createdAtMs: row.created_at_ms,
    ...present({
      assignee: row.assignee,
      strategy: row.strategy,
      embedding: parse<number[]>(row.embedding),
      handoff: parse<Handoff>(row.handoff),
      timeoutMs: row.timeout_ms,
      orchestrationId: row.orchestration_id,
      key: row.node_key,
      inputs: parse<NonNullable<TaskRecord['inputs']>>(row.inputs),
    }),
  };
}
