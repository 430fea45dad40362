import type { WireError } from '../protocol/errors.js';
import type { Assignment, Progress, Report } from '../protocol/frames.js';
import type { EndedAttempt, TaskImage, TaskRecord } from '../protocol/journal.js';
import type { Json } from '../protocol/json.js';
import { LIMITS } from '../protocol/limits.js';
import type { TaskEvent, TaskStatus } from '../protocol/task.js';
import { type Requirement, requirementOf } from '../selection/requirement.js';
import type { Waiting } from '../selection/waiting-line.js';
import type { ElsewhereTask } from './selector-events.js';
import { isHeld } from './task.js';

/** A task in memory. */
export interface Task {
  readonly record: TaskRecord;
  /** What it asks of its next agent: whoever refused it is excluded while others are left. */
  requirement: Requirement;
  status: TaskStatus;
  /** Attempts begun, without those that were rejected. */
  attempt: number;
  /** Of its last grant; grows by one with each. */
  token: number;
  /** Who holds it, or held it last. */
  agentId?: string;
  reason?: string;
  error?: WireError;
  result?: Json;
  progress?: Progress;
  /** Its attempts that brought no result, in their order. */
  ended: EndedAttempt[];
  /** The run of a scorer that it waits for; 0 for none. */
  scoringRun: number;
  /** Wall clock of the leader that changed it last; of its creation, after a recovery. */
  changedAtMs: number;
  /** Monotonic deadlines and instants. */
  leaseUntilMs: number;
  deliveredMs: number;
  acceptUntilMs: number;
  timeoutAtMs: number;
  notBeforeMs: number;
  /** Since when it could be assigned. */
  readyMs: number;
  endedMs: number;
}

export function newTask(record: TaskRecord, monoMs: number): Task {
  return {
    record,
    requirement: requirementOf(record),
    status: 'pending',
    attempt: 0,
    token: 0,
    ended: [],
    scoringRun: 0,
    changedAtMs: record.createdAtMs,
    leaseUntilMs: 0,
    deliveredMs: 0,
    acceptUntilMs: 0,
    timeoutAtMs: 0,
    notBeforeMs: 0,
    readyMs: monoMs,
    endedMs: 0,
  };
}

export function restoredTask(image: TaskImage, monoMs: number): Task {
  const task = newTask(image.task, monoMs);
  task.status = image.status;
  task.attempt = image.attempt;
  task.token = image.token;
  task.ended = image.ended.map(kept);
  if (image.reason !== undefined) task.reason = image.reason;
  return task;
}

/** Of a message of an attempt that is kept with the task. */
const KEPT_CHARS = 300;

/** An attempt that brought no result, as far as it is kept. */
export function kept({ attempt, agentId, outcome, error }: EndedAttempt): EndedAttempt {
  return { attempt, agentId, outcome, error: { ...error, message: error.message.slice(0, KEPT_CHARS) } };
}

export function toTaskEvent(task: Task): TaskEvent {
  const { record } = task;
  return {
    taskId: record.id,
    status: task.status,
    attempt: task.attempt,
    atMs: task.changedAtMs,
    ...(record.handoff !== undefined && isHeld(task.status) ? { token: task.token } : {}),
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
    (task.status === 'assigned' && task.acceptUntilMs === dueMs) ||
    (task.status === 'pending' && task.notBeforeMs === dueMs)
  );
}

/** Whether a report says what the task's end says already. */
export function isRepeated(report: Pick<Report, 'outcome'>, status: TaskStatus): boolean {
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

/** The same as another selector is told of it. */
export function toElsewhere({ record, status, token, agentId }: Task): ElsewhereTask {
  return {
    ...{ status, token },
    ...(agentId === undefined ? {} : { agentId }),
    ...(record.handoff === undefined ? {} : { handedOverBy: record.submittedBy }),
  };
}

export function lastGrant(task: Task): { token: number; agentId: string } | undefined {
  return task.agentId === undefined ? undefined : { token: task.token, agentId: task.agentId };
}

/** Whom it was with before, whatever became of it. */
export function triedBefore(task: Task): ReadonlySet<string> {
  return task.ended.length === 0 ? NOBODY : new Set(task.ended.map((one) => one.agentId));
}

const NOBODY: ReadonlySet<string> = new Set();

/** The last error of a task that failed for good, with every attempt and refusal before it. */
export function finalError(task: Task, agentId: string, error: WireError): WireError {
  const last = `Attempt ${task.attempt} of ${task.record.maxAttempts}, on ${agentId}: ${error.message}`;
  // Many attempts leave fewer words to each.
  const room = Math.max(40, Math.floor((LIMITS.errorChars - last.length) / (task.ended.length + 1)) - 60);
  const before = task.ended.map(({ attempt, agentId: on, outcome, error: { message } }) => {
    const said = message.slice(0, room);
    return outcome === 'rejected' ? `  not taken by ${on}: ${said}` : `  attempt ${attempt}, on ${on}: ${said}`;
  });
  const message = before.length === 0 ? last : [last, 'Before it:', ...before].join('\n');
  return { ...error, retryable: false, message: message.slice(0, LIMITS.errorChars) };
}
