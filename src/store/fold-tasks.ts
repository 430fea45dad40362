import type {
  AttemptEnded,
  TaskAssigned,
  TaskCancelled,
  TaskCompleted,
  TaskFailed,
  TaskRecord,
  TaskReleased,
  TaskSubmitted,
} from '../protocol/journal.js';
import { type AttemptEnd, type Changes, moveRotation, type Place, patch, patchPool } from './changes.js';
import { decisionRow } from './decision-row.js';
import type { Execution } from './performance.js';
import type { TasksTable } from './schema.js';
import { jsonOrNull, plain } from './values.js';

/** What facts about tasks change: the task, its attempts, decisions, and what an end says of its agent. */

export function taskSubmitted(changes: Changes, { task, atMs }: TaskSubmitted): void {
  changes.tasks.set(task.id, { kind: 'insert', row: newTask(task, atMs) });
  patchPool(changes, task.pool, { last_order: task.order });
}

/** One literal: an object that is put together from two of this size is slow ever after. */
function newTask(task: TaskRecord, atMs: number): TasksTable {
  return {
    id: task.id,
    pool: task.pool,
    work_type: task.workType,
    capabilities: JSON.stringify(task.capabilities),
    roles: JSON.stringify(task.roles),
    assignee: task.assignee ?? null,
    exclude_agents: JSON.stringify(task.excludeAgents),
    strategy: task.strategy ?? null,
    embedding: jsonOrNull(task.embedding),
    handoff: jsonOrNull(task.handoff),
    priority: task.priority,
    payload: JSON.stringify(task.payload),
    max_attempts: task.maxAttempts,
    backoff_ms: task.backoffMs,
    timeout_ms: task.timeoutMs ?? null,
    submitted_by: task.submittedBy,
    watch: task.watch,
    pool_order: task.order,
    orchestration_id: task.orchestrationId ?? null,
    node_key: task.key ?? null,
    inputs: jsonOrNull(task.inputs),
    status: 'pending',
    attempt: 0,
    token: 0,
    agent_id: null,
    reason: null,
    result: null,
    error: null,
    release_backoff_ms: 0,
    duration_ms: null,
    created_at_ms: task.createdAtMs,
    started_at_ms: null,
    assigned_mono_ms: null,
    ended_at_ms: null,
    changed_at_ms: atMs,
  };
}

export function taskAssigned(changes: Changes, event: TaskAssigned, place: Place): void {
  const { taskId, token, attempt, agentId, atMs, monoMs, pool, rotation, cursor } = event;
  const decision = decisionRow(event, place);
  const { reason, strategy, candidates } = decision;
  patch(changes.tasks, taskId, {
    status: 'assigned',
    attempt,
    token,
    agent_id: agentId,
    reason,
    started_at_ms: atMs,
    assigned_mono_ms: monoMs,
    changed_at_ms: atMs,
  });
  changes.attempts.set(attemptKey(taskId, token), {
    task_id: taskId,
    token,
    attempt,
    agent_id: agentId,
    strategy,
    reason,
    candidates,
    outcome: 'open',
    error: null,
    assigned_at_ms: atMs,
    ended_at_ms: null,
  });
  changes.decisions.push(decision);
  moveRotation(changes, { pool, rotation, cursor });
  reached(changes, monoMs);
}

export function taskReleased(changes: Changes, event: TaskReleased): void {
  const { taskId, token, outcome, backoffMs, atMs } = event;
  patch(changes.tasks, taskId, {
    status: 'pending',
    agent_id: null,
    reason: plain(event.error.message),
    release_backoff_ms: backoffMs,
    changed_at_ms: atMs,
    // An attempt that was rejected was none: the next one has its number.
    ...(outcome === 'rejected' ? { attempt: event.attempt - 1 } : {}),
  });
  const error = JSON.stringify(event.error);
  endAttempt(changes, { task_id: taskId, token, outcome, error, ended_at_ms: atMs }, failedExecution(event, atMs));
  reached(changes, event.monoMs);
}

export function taskCompleted(changes: Changes, event: TaskCompleted): void {
  const { taskId, token, agentId, workType, durationMs, difficulty, atMs, monoMs } = event;
  patch(changes.tasks, taskId, {
    status: 'completed',
    agent_id: agentId,
    reason: null,
    result: JSON.stringify(event.result),
    duration_ms: durationMs,
    ended_at_ms: atMs,
    changed_at_ms: atMs,
  });
  const end: AttemptEnd = { task_id: taskId, token, outcome: 'completed', error: null, ended_at_ms: atMs };
  endAttempt(changes, end, { agentId, workType, isSuccess: true, durationMs, difficulty, atMs, monoMs });
  reached(changes, monoMs);
}

export function taskFailed(changes: Changes, event: TaskFailed): void {
  const { taskId, last, atMs } = event;
  const error = JSON.stringify(event.error);
  patch(changes.tasks, taskId, {
    status: 'failed',
    agent_id: last?.agentId ?? null,
    reason: null,
    error,
    ended_at_ms: atMs,
    changed_at_ms: atMs,
  });
  if (last === undefined) return;
  const { token, outcome } = last;
  endAttempt(changes, { task_id: taskId, token, outcome, error, ended_at_ms: atMs }, failedExecution(last, atMs));
  reached(changes, last.monoMs);
}

export function taskCancelled(changes: Changes, { taskId, token, agentId, atMs }: TaskCancelled): void {
  patch(changes.tasks, taskId, {
    status: 'cancelled',
    agent_id: agentId ?? null,
    reason: null,
    ended_at_ms: atMs,
    changed_at_ms: atMs,
  });
  if (token === undefined) return;
  const end: AttemptEnd = { task_id: taskId, token, outcome: 'cancelled', error: null, ended_at_ms: atMs };
  endAttempt(changes, end, undefined);
}

/** What the end says of the agent. That it was lost, left or refused says nothing of its work. */
function failedExecution(ended: AttemptEnded, atMs: number): Execution | undefined {
  if (ended.outcome !== 'failed') return undefined;
  const { agentId, workType, durationMs = 0, difficulty = 'failed', monoMs } = ended;
  return { agentId, workType, isSuccess: false, durationMs, difficulty, atMs, monoMs };
}

function endAttempt(changes: Changes, end: AttemptEnd, execution: Execution | undefined): void {
  const begun = changes.attempts.get(attemptKey(end.task_id, end.token));
  if (begun === undefined) {
    changes.ends.push({ end, isApplied: false, execution });
  } else if (begun.outcome === 'open') {
    Object.assign(begun, end);
    changes.ends.push({ end, isApplied: true, execution });
  }
}

function attemptKey(taskId: string, token: number): string {
  return `${taskId} ${token}`;
}

function reached(changes: Changes, monoMs: number): void {
  changes.monoMs = Math.max(changes.monoMs, monoMs);
}
