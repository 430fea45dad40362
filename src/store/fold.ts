import type { WireError } from '../protocol/errors.js';
import type {
  AgentRegistered,
  JournalEvent,
  JournalRow,
  OrchestrationCreated,
  TaskAssigned,
  TaskCancelled,
  TaskCompleted,
  TaskFailed,
  TaskRecord,
  TaskReleased,
} from '../protocol/journal.js';
import { type AttemptEnd, type Change, type Changes, count } from './changes.js';
import type { PoolsTable } from './schema.js';

/** Reduces rows of the journal, in their order, to what they change. */
export function fold(rows: readonly JournalRow[]): Changes {
  const changes: Changes = {
    pools: new Map(),
    agents: new Map(),
    tasks: new Map(),
    attempts: new Map(),
    ends: new Map(),
    counts: new Map(),
    refusals: [],
    orchestrations: new Map(),
    orchestrationTasks: [],
  };
  for (const { seq, events } of rows) {
    for (const [position, event] of events.entries()) add(changes, event, seq, position);
  }
  return changes;
}

function add(changes: Changes, event: JournalEvent, seq: number, position: number): void {
  switch (event.type) {
    case 'agentRegistered':
      agentRegistered(changes, event);
      break;
    case 'agentPresence':
      patch(changes.agents, event.agentId, { presence: event.presence });
      break;
    case 'taskSubmitted':
      taskSubmitted(changes, event.task, event.atMs);
      break;
    case 'taskAssigned':
      taskAssigned(changes, event);
      break;
    case 'taskAccepted':
      patch(changes.tasks, event.taskId, { status: 'running', changed_at_ms: event.atMs });
      break;
    case 'taskReleased':
      taskReleased(changes, event);
      break;
    case 'taskCompleted':
      taskCompleted(changes, event);
      break;
    case 'taskFailed':
      taskEnded(changes, event, 'failed', event.error);
      break;
    case 'taskCancelled':
      taskEnded(changes, event, 'cancelled');
      break;
    case 'reportRefused': {
      const { taskId, agentId, token, code, atMs } = event;
      changes.refusals.push({ task_id: taskId, seq, position, agent_id: agentId, token, code, at_ms: atMs });
      break;
    }
    case 'orchestrationCreated':
      orchestrationCreated(changes, event);
      break;
    case 'orchestrationCancelling':
      patch(changes.orchestrations, event.orchestrationId, { status: 'cancelling' });
      break;
    case 'orchestrationEnded':
      patch(changes.orchestrations, event.orchestrationId, {
        status: event.status,
        skipped: JSON.stringify(event.skipped),
        reason: plain(event.reason),
        ended_at_ms: event.atMs,
      });
      break;
  }
}

function agentRegistered(changes: Changes, { agentId, session, profile, index, atMs }: AgentRegistered): void {
  changes.agents.set(agentId, {
    kind: 'insert',
    row: {
      id: agentId,
      pool: profile.pool,
      session,
      kind: profile.kind,
      capabilities: JSON.stringify(profile.capabilities),
      max_concurrency: profile.maxConcurrency,
      prefetch: profile.prefetch,
      pool_index: index,
      presence: 'online',
      registered_at_ms: atMs,
    },
  });
  patchPool(changes, profile.pool, {});
}

function taskSubmitted(changes: Changes, task: TaskRecord, atMs: number): void {
  changes.tasks.set(task.id, {
    kind: 'insert',
    row: {
      id: task.id,
      pool: task.pool,
      work_type: task.workType,
      capabilities: JSON.stringify(task.capabilities),
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
      inputs: task.inputs === undefined ? null : JSON.stringify(task.inputs),
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
      ended_at_ms: null,
      changed_at_ms: atMs,
    },
  });
  patchPool(changes, task.pool, { last_order: task.order });
}

function taskAssigned(changes: Changes, event: TaskAssigned): void {
  const { taskId, token, attempt, agentId, decision, atMs } = event;
  const reason = plain(decision.reason);
  patch(changes.tasks, taskId, {
    status: 'assigned',
    attempt,
    token,
    agent_id: agentId,
    reason,
    started_at_ms: atMs,
    changed_at_ms: atMs,
  });
  changes.attempts.set(attemptKey(taskId, token), {
    task_id: taskId,
    token,
    attempt,
    agent_id: agentId,
    strategy: decision.strategy,
    reason,
    candidates: decision.candidates,
    outcome: 'open',
    error: null,
    assigned_at_ms: atMs,
    ended_at_ms: null,
  });
  patchPool(changes, event.pool, { cursor: event.cursor });
}

function taskReleased(changes: Changes, event: TaskReleased): void {
  const { taskId, token, agentId, outcome, error, backoffMs, atMs } = event;
  patch(changes.tasks, taskId, {
    status: 'pending',
    agent_id: null,
    reason: plain(error.message),
    release_backoff_ms: backoffMs,
    changed_at_ms: atMs,
  });
  const text = JSON.stringify(error);
  endAttempt(changes, { task_id: taskId, token, outcome, error: text, ended_at_ms: atMs }, agentId);
}

function taskCompleted(changes: Changes, event: TaskCompleted): void {
  const { taskId, token, agentId, atMs } = event;
  patch(changes.tasks, taskId, {
    status: 'completed',
    agent_id: agentId,
    reason: null,
    result: JSON.stringify(event.result),
    duration_ms: event.durationMs,
    ended_at_ms: atMs,
    changed_at_ms: atMs,
  });
  endAttempt(changes, { task_id: taskId, token, outcome: 'completed', error: null, ended_at_ms: atMs }, agentId);
}

function taskEnded(
  changes: Changes,
  event: TaskFailed | TaskCancelled,
  status: 'failed' | 'cancelled',
  wire?: WireError,
): void {
  const { taskId, token, agentId, atMs } = event;
  const error = wire === undefined ? null : JSON.stringify(wire);
  patch(changes.tasks, taskId, {
    status,
    agent_id: agentId ?? null,
    reason: null,
    error,
    ended_at_ms: atMs,
    changed_at_ms: atMs,
  });
  if (token !== undefined) {
    endAttempt(changes, { task_id: taskId, token, outcome: status, error, ended_at_ms: atMs }, agentId);
  }
}

function orchestrationCreated(changes: Changes, event: OrchestrationCreated): void {
  const { spec, submittedBy, watch, taskIds, atMs } = event;
  changes.orchestrations.set(spec.id, {
    kind: 'insert',
    row: {
      id: spec.id,
      name: plain(spec.name),
      status: 'running',
      spec: JSON.stringify(spec),
      submitted_by: submittedBy,
      watch,
      skipped: '[]',
      reason: null,
      created_at_ms: atMs,
      ended_at_ms: null,
    },
  });
  for (const [position, { key, pool }] of spec.tasks.entries()) {
    const taskId = taskIds[key];
    if (taskId === undefined) continue;
    changes.orchestrationTasks.push({
      orchestration_id: spec.id,
      position,
      node_key: key,
      task_id: taskId,
      pool,
    });
  }
}

function attemptKey(taskId: string, token: number): string {
  return `${taskId} ${token}`;
}

function endAttempt(changes: Changes, end: AttemptEnd, agentId: string | undefined): void {
  const key = attemptKey(end.task_id, end.token);
  const begun = changes.attempts.get(key);
  if (begun === undefined) {
    if (!changes.ends.has(key)) changes.ends.set(key, { end, agentId });
  } else if (begun.outcome === 'open') {
    Object.assign(begun, end);
    count(changes.counts, begun.agent_id, end.outcome);
  }
}

function patchPool(changes: Changes, pool: string, values: Partial<Omit<PoolsTable, 'pool'>>): void {
  changes.pools.set(pool, { ...changes.pools.get(pool), ...values });
}

/** The last write of each column wins. */
function patch<Row extends object>(table: Map<string, Change<Row>>, key: string, values: Partial<Row>): void {
  const change = table.get(key);
  if (change === undefined) table.set(key, { kind: 'patch', values });
  else Object.assign(change.kind === 'insert' ? change.row : change.values, values);
}

/** Databases end a text at its first NUL, or refuse it. */
function plain(text: string): string;
function plain(text: string | undefined): string | null;
function plain(text: string | undefined): string | null {
  return text?.replaceAll('\0', '\uFFFD') ?? null;
}
