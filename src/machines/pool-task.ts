import type { WireError } from '../protocol/errors.js';
import type { Assignment, Progress, Report } from '../protocol/frames.js';
import type { TaskRecord } from '../protocol/journal.js';
import type { Json } from '../protocol/json.js';
import type { TaskEvent, TaskStatus } from '../protocol/task.js';
import type { Requirement } from '../selection/roster.js';
import type { Waiting } from '../selection/waiting-line.js';

/** A task in memory. */
export interface Task {
  readonly record: TaskRecord;
  readonly requirement: Requirement;
  status: TaskStatus;
  /** Attempts begun. */
  attempt: number;
  /** Of its last grant; grows by one with each. */
  token: number;
  /** Who holds it, or held it last. */
  agentId?: string;
  reason?: string;
  error?: WireError;
  result?: Json;
  progress?: Progress;
  /** Wall clock of the leader that changed it last; of its creation, after a recovery. */
  changedAtMs: number;
  /** Monotonic deadlines and instants. */
  leaseUntilMs: number;
  deliveredMs: number;
  timeoutAtMs: number;
  notBeforeMs: number;
  endedMs: number;
}

export function toTaskEvent(task: Task): TaskEvent {
  const { record } = task;
  return {
    taskId: record.id,
    status: task.status,
    attempt: task.attempt,
    atMs: task.changedAtMs,
    ...(task.agentId === undefined ? {} : { agentId: task.agentId }),
    ...(record.orchestrationId === undefined ? {} : { orchestrationId: record.orchestrationId }),
    ...(task.reason === undefined ? {} : { reason: task.reason }),
    ...(task.status === 'completed' ? { result: task.result ?? null } : {}),
    ...(task.status === 'failed' && task.error !== undefined ? { error: task.error } : {}),
  };
}

/** Whether this deadline is still the task's: a task that moved on has another, or none. */
export function isDue(task: Task, dueMs: number): boolean {
  return (
    (task.status === 'running' && task.timeoutAtMs === dueMs) ||
    (task.status === 'pending' && task.notBeforeMs === dueMs)
  );
}

/** Whether a report says what the task's end says already. */
export function isRepeated(report: Report, status: TaskStatus): boolean {
  return report.outcome === status || (report.outcome === 'accepted' && status !== 'cancelled');
}

export function toAssignment(task: Task): Assignment {
  const { record } = task;
  return {
    taskId: record.id,
    attempt: task.attempt,
    token: task.token,
    pool: record.pool,
    workType: record.workType,
    payload: record.payload,
    ...(record.inputs === undefined ? {} : { inputs: record.inputs }),
    ...(record.timeoutMs === undefined ? {} : { timeoutMs: record.timeoutMs }),
    ...(record.orchestrationId === undefined ? {} : { orchestrationId: record.orchestrationId }),
    ...(record.key === undefined ? {} : { key: record.key }),
  };
}

export function toWaiting(task: Task): Waiting {
  const { id: taskId, priority, order } = task.record;
  return { taskId, requirement: task.requirement, priority, order };
}

export function lastGrant(task: Task): { token: number; agentId: string } | undefined {
  return task.agentId === undefined ? undefined : { token: task.token, agentId: task.agentId };
}
