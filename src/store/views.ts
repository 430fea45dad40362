import type { WireError } from '../protocol/errors.js';
import type {
  AgentRow,
  AttemptRow,
  OrchestrationRow,
  PerformanceRow,
  TaskDetail,
  TaskRow,
} from '../protocol/frames.js';
import type { NodeImage } from '../protocol/journal.js';
import type { Json } from '../protocol/json.js';
import type { TaskEvent } from '../protocol/task.js';
import type {
  AgentsTable,
  AttemptsTable,
  OrchestrationsTable,
  OrchestrationTasksTable,
  PerformanceTable,
  RefusalsTable,
  TasksTable,
} from './schema.js';
import type { KnownTask, OrchestrationDetail } from './store.js';
import { parse, present } from './values.js';

/** How rows of the tables look to those who ask. Pure; every store answers with these. */

/** Of a task's refused reports the newest are shown: whoever sends wrong ones may send many. */
export const REFUSALS_SHOWN = 100;

/** A result may be `null`, which is not the same as none. */
function resultOf(row: Pick<TasksTable, 'result'>): { result?: Json } {
  const result = parse<Json>(row.result);
  return result === undefined ? {} : { result };
}

export function taskRow(row: TasksTable): TaskRow {
  return {
    id: row.id,
    pool: row.pool,
    workType: row.work_type,
    capabilities: parse(row.capabilities),
    roles: parse(row.roles),
    excludeAgents: parse(row.exclude_agents),
    priority: row.priority,
    status: row.status,
    attempt: row.attempt,
    maxAttempts: row.max_attempts,
    submittedBy: row.submitted_by,
    createdAtMs: row.created_at_ms,
    ...present({
      assignee: row.assignee,
      strategy: row.strategy,
      agentId: row.agent_id,
      orchestrationId: row.orchestration_id,
      key: row.node_key,
      reason: row.reason,
      error: parse<WireError>(row.error),
      startedAtMs: row.started_at_ms,
      endedAtMs: row.ended_at_ms,
    }),
  };
}

function attemptRow(row: AttemptsTable): AttemptRow {
  return {
    attempt: row.attempt,
    token: row.token,
    agentId: row.agent_id,
    reason: row.reason,
    strategy: row.strategy,
    candidates: row.candidates,
    outcome: row.outcome,
    assignedAtMs: row.assigned_at_ms,
    ...present({ error: parse<WireError>(row.error), endedAtMs: row.ended_at_ms }),
  };
}

/** `attempts` by token and `refusals` oldest first. */
export function taskDetail(
  task: TasksTable,
  attempts: readonly AttemptsTable[],
  refusals: readonly RefusalsTable[],
): TaskDetail {
  return {
    task: taskRow(task),
    payload: parse(task.payload),
    ...resultOf(task),
    attempts: attempts.map(attemptRow),
    refusals: refusals.map((row) => ({ agentId: row.agent_id, token: row.token, code: row.code, atMs: row.at_ms })),
  };
}

/** What answers a repeated submit or report: without the payload, which may be of many kilobytes. */
export const KNOWN_COLUMNS = [
  ...(['id', 'status', 'attempt', 'token', 'agent_id', 'orchestration_id'] as const),
  ...(['reason', 'result', 'error', 'handoff', 'submitted_by', 'changed_at_ms'] as const),
] as const satisfies readonly (keyof TasksTable)[];

export type KnownColumns = Pick<TasksTable, (typeof KNOWN_COLUMNS)[number]>;

/** `lastAgentId`: whom its last grant went to. */
export function knownTask(row: KnownColumns, lastAgentId: string | null | undefined): KnownTask {
  const isHandedOver = row.handoff !== null && (row.status === 'assigned' || row.status === 'running');
  const event: TaskEvent = {
    taskId: row.id,
    status: row.status,
    attempt: row.attempt,
    atMs: row.changed_at_ms,
    ...resultOf(row),
    ...present({
      token: isHandedOver ? row.token : null,
      agentId: row.agent_id,
      orchestrationId: row.orchestration_id,
      reason: row.reason,
      error: parse<WireError>(row.error),
    }),
  };
  const handedOverBy = row.handoff === null ? null : row.submitted_by;
  return { event, token: row.token, ...present({ agentId: lastAgentId, handedOverBy }) };
}

/** Tasks that an agent has now, and how its attempts ended. */
export interface AgentCounts {
  readonly load: number;
  readonly completed: number;
  readonly failed: number;
}

/** What is shown of an agent. An embedding, which may be longer than all of it, is not. */
export const AGENT_SHOWN = [
  'id',
  'pool',
  'kind',
  'enabled',
  'availability',
  'capabilities',
  'roles',
  'specializations',
  'max_concurrency',
  'prefetch',
  'presence',
  'cordoned',
  'off_duty',
  'registered_at_ms',
] as const satisfies (keyof AgentsTable)[];

export function agentRow(row: Pick<AgentsTable, (typeof AGENT_SHOWN)[number]>, counts: AgentCounts): AgentRow {
  return {
    id: row.id,
    pool: row.pool,
    kind: row.kind,
    enabled: row.enabled === 1,
    availability: row.availability,
    capabilities: parse(row.capabilities),
    roles: parse(row.roles),
    specializations: parse(row.specializations),
    maxConcurrency: row.max_concurrency,
    prefetch: row.prefetch,
    presence: row.presence,
    cordoned: row.cordoned === 1,
    offDuty: row.off_duty === 1,
    load: counts.load,
    completed: counts.completed,
    failed: counts.failed,
    registeredAtMs: row.registered_at_ms,
  };
}

export function performanceRow(row: PerformanceTable): PerformanceRow {
  return {
    agentId: row.agent_id,
    workType: row.work_type,
    successCount: row.success_count,
    failureCount: row.failure_count,
    totalDurationMs: row.total_duration_ms,
    ...present({
      lastExecutionAtMs: row.last_execution_at_ms,
      difficultyAssessment: row.difficulty_assessment,
    }),
  };
}

function orchestrationRow(row: OrchestrationsTable): OrchestrationRow {
  return {
    id: row.id,
    name: row.name,
    status: row.status,
    createdAtMs: row.created_at_ms,
    ...present({ endedAtMs: row.ended_at_ms }),
  };
}

/** How the task of a node stands. */
export interface NodeTask extends Pick<TasksTable, 'status' | 'result' | 'error'> {
  readonly node_key: string;
}

export function nodeImage(row: NodeTask): NodeImage {
  return {
    key: row.node_key,
    status: row.status,
    ...resultOf(row),
    ...present({ error: parse<WireError>(row.error) }),
  };
}

/** `nodes` and `tasks` in the order of the graph. */
export function orchestrationDetail(
  row: OrchestrationsTable,
  nodes: readonly OrchestrationTasksTable[],
  tasks: readonly NodeTask[],
): OrchestrationDetail {
  return {
    spec: parse(row.spec),
    orchestration: orchestrationRow(row),
    skipped: parse(row.skipped),
    tasks: nodes.map((node) => ({ key: node.node_key, taskId: node.task_id, pool: node.pool })),
    nodes: tasks.map(nodeImage),
  };
}
