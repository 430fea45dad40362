import type { JournalEvent, TaskAssigned } from '#rota/protocol/journal.js';
import { credit, nextInTurn } from '../eligible.js';
import { isHeld, type Model, type ModelTask } from '../model.js';
import type { Said } from '../said.js';

/**
 * What must hold of each fact as it is committed, looked at before the model takes it over. Each answers with what is
 * wrong, or with nothing.
 */
export interface FactContext {
  readonly model: Model;
  readonly said: Said;
  /** Tasks whose cancel was acknowledged. */
  readonly cancelled: ReadonlySet<string>;
  /** Tasks whose submit was acknowledged. */
  readonly acknowledged: ReadonlySet<string>;
}

export type FactCheck = (event: JournalEvent, context: FactContext) => string | undefined;

/** A task is submitted once, whatever is repeated. */
function i1(event: JournalEvent, { model }: FactContext): string | undefined {
  if (event.type !== 'taskSubmitted' || !model.tasks.has(event.task.id)) return undefined;
  return `${event.task.id} was submitted a second time`;
}

/** At most one accepted result, and it is the one that was reported. */
function i2(event: JournalEvent, { model, said }: FactContext): string | undefined {
  if (event.type !== 'taskCompleted') return undefined;
  const task = model.tasks.get(event.taskId);
  if (task?.status === 'completed') return `${event.taskId} got a second result`;
  const results = said.results(event.taskId, event.token);
  if (results.length === 0 || results.includes(JSON.stringify(event.result))) return undefined;
  return `${event.taskId} has result ${JSON.stringify(event.result)}, and reported was ${results.join(' or ')}`;
}

/** One live lease, and a fencing token that grows by one. */
function i3(event: JournalEvent, { model }: FactContext): string | undefined {
  if (event.type !== 'taskAssigned') return undefined;
  const task = model.tasks.get(event.taskId);
  if (task === undefined) return `${event.taskId} was assigned and never submitted`;
  if (isHeld(task)) return `${event.taskId} was assigned to ${event.agentId} while ${task.agentId} holds it`;
  if (event.token === task.token + 1) return undefined;
  return `${event.taskId} was granted token ${event.token} after ${task.token}`;
}

/** What an agent says counts if and only if attempt, agent and token are current and the task is held. */
function i4(event: JournalEvent, { model, said: sayings }: FactContext): string | undefined {
  const said = claimOf(event);
  if (said === undefined) return undefined;
  const task = model.tasks.get(said.taskId);
  if (task === undefined) return `${event.type} of ${said.taskId}, which nobody submitted`;
  const isCurrent =
    isHeld(task) &&
    said.token === task.token &&
    (said.agentId ?? task.agentId) === task.agentId &&
    (said.attempt ?? task.attempt) === task.attempt;
  const claim = `${event.type} of ${said.taskId} by ${said.agentId ?? '?'} with token ${said.token}`;
  const now = `it is ${task.status} with ${task.agentId ?? 'nobody'}, token ${task.token}`;
  if (event.type === 'reportRefused') {
    // A process that was replaced, and whoever speaks for a handoff of another's, hold nothing.
    if (event.code === 'SESSION_REPLACED') return undefined;
    const isHandedOver = task.record.handoff !== undefined || sayings.isSettled(event.taskId, event.token);
    if (event.code === 'NOT_YOURS' && isHandedOver) return undefined;
    return isCurrent ? `${claim} was refused as ${event.code}, and ${now}` : undefined;
  }
  return isCurrent ? undefined : `${claim} was taken, and ${now}`;
}

function claimOf(event: JournalEvent) {
  switch (event.type) {
    case 'taskAccepted':
      return { taskId: event.taskId, token: event.token, agentId: undefined, attempt: undefined };
    case 'taskCompleted':
    case 'reportRefused':
      return { taskId: event.taskId, token: event.token, agentId: event.agentId, attempt: undefined };
    case 'taskReleased':
      return { taskId: event.taskId, token: event.token, agentId: event.agentId, attempt: event.attempt };
    case 'taskFailed':
      return event.last === undefined ? undefined : { taskId: event.taskId, ...event.last };
    default:
      return undefined;
  }
}

/** Nobody holds more than it may. */
function i6(event: JournalEvent, { model }: FactContext): string | undefined {
  if (event.type !== 'taskAssigned') return undefined;
  const agent = model.agents.get(event.agentId);
  if (agent === undefined) return `${event.taskId} was assigned to ${event.agentId}, which is not registered`;
  const load = model.load(agent.id);
  return load < credit(agent) ? undefined : `${agent.id} got ${event.taskId} beside ${load} of ${credit(agent)} tasks`;
}

/** Whoever's turn it is, and nobody else. */
function i8(event: JournalEvent, { model }: FactContext): string | undefined {
  if (event.type !== 'taskAssigned') return undefined;
  const task = model.tasks.get(event.taskId);
  const strategy = task?.record.strategy ?? model.pool(event.pool).policy?.strategy;
  if (task === undefined || strategy !== 'round-robin') return undefined;
  const next = nextInTurn(model, task, event.monoMs);
  if (next?.id === event.agentId) return undefined;
  return `${event.taskId} went to ${event.agentId}, and it was the turn of ${next?.id ?? 'nobody'}`;
}

/** No attempt beyond the last, and none before its backoff is over. */
function i10(event: JournalEvent, { model }: FactContext): string | undefined {
  if (event.type !== 'taskAssigned' && event.type !== 'taskReleased') return undefined;
  const task = model.tasks.get(event.taskId);
  if (task === undefined) return undefined;
  return event.type === 'taskAssigned' ? ofAttempt(event, task) : ofPause(event, task);
}

function ofAttempt({ taskId, attempt, monoMs }: TaskAssigned, task: ModelTask): string | undefined {
  const { maxAttempts } = task.record;
  if (attempt > maxAttempts) return `${taskId} begins attempt ${attempt} of ${maxAttempts}`;
  if (attempt !== task.attempt + 1) return `${taskId} begins attempt ${attempt} after attempt ${task.attempt}`;
  const early = task.notBeforeMs - monoMs;
  return early > 1e-6 ? `${taskId} begins attempt ${attempt} ${early} ms before its backoff is over` : undefined;
}

function ofPause(event: Extract<JournalEvent, { type: 'taskReleased' }>, { record }: ModelTask): string | undefined {
  const { taskId, outcome, attempt, backoffMs } = event;
  if (outcome === 'rejected') return undefined;
  if (attempt >= record.maxAttempts) return `${taskId} waits again after attempt ${attempt} of ${record.maxAttempts}`;
  // Doubled with each attempt, and half of it is jitter.
  const leastMs = outcome === 'failed' ? Math.floor(record.backoffMs * 2 ** (attempt - 1) * 0.5) : 0;
  return backoffMs < leastMs
    ? `${taskId} pauses ${backoffMs} ms, and ${leastMs} ms at least are its backoff`
    : undefined;
}

/** Terminal states absorb, and only the listed transitions occur. */
const FROM: Partial<Record<JournalEvent['type'], readonly string[]>> = {
  taskAssigned: ['pending'],
  taskAccepted: ['assigned'],
  taskReleased: ['assigned', 'running'],
  taskCompleted: ['assigned', 'running'],
  taskFailed: ['pending', 'assigned', 'running'],
  taskCancelled: ['pending', 'assigned', 'running'],
};

function i13(event: JournalEvent, { model }: FactContext): string | undefined {
  if (event.type === 'orchestrationEnded' || event.type === 'orchestrationCancelling') {
    const status = model.orchestrations.get(event.orchestrationId)?.status ?? 'unknown';
    const from = event.type === 'orchestrationEnded' ? ['running', 'cancelling'] : ['running'];
    return from.includes(status) ? undefined : `${event.type} of ${event.orchestrationId}, which is ${status}`;
  }
  const from = FROM[event.type];
  if (from === undefined || !('taskId' in event)) return undefined;
  const status = model.tasks.get(event.taskId)?.status ?? 'unknown';
  return from.includes(status) ? undefined : `${event.type} of ${event.taskId}, which is ${status}`;
}

/** After a cancel was acknowledged nothing is accepted any more. */
function i15(event: JournalEvent, { cancelled }: FactContext): string | undefined {
  if (event.type !== 'taskCompleted' && event.type !== 'taskAssigned' && event.type !== 'taskAccepted')
    return undefined;
  return cancelled.has(event.taskId) ? `${event.type} of ${event.taskId} after its cancel was acknowledged` : undefined;
}

/** Whoever changes a row by saying so is its owner, in the process that is registered. */
function i18(event: JournalEvent, { model, said }: FactContext): string | undefined {
  if (event.type === 'agentPresence') {
    const session = model.agents.get(event.agentId)?.session ?? '';
    if (event.presence !== 'draining' || said.left(event.agentId, session)) return undefined;
    return `${event.agentId} drains, and no process of it that is registered said so`;
  }
  const outcome = outcomeOf(event);
  const task = outcome === undefined || !('taskId' in event) ? undefined : model.tasks.get(event.taskId);
  if (outcome === undefined || task === undefined) return undefined;
  const { record, token, agentId = '' } = task;
  const isSaid =
    record.handoff === undefined
      ? said.reported(
          { principal: agentId, session: model.agents.get(agentId)?.session ?? '' },
          record.id,
          token,
          outcome,
        )
      : said.settled(record.submittedBy, record.id, token, outcome);
  return isSaid ? undefined : `${event.type} of ${record.id}, and its owner ${agentId} never said ${outcome}`;
}

/** What its agent must have said for it; undefined where the coordinator decides by itself. */
function outcomeOf(event: JournalEvent): string | undefined {
  if (event.type === 'taskCompleted') return 'completed';
  if (event.type === 'taskAccepted') return 'accepted';
  const ended = event.type === 'taskReleased' ? event : event.type === 'taskFailed' ? event.last : undefined;
  const code = event.type === 'taskReleased' || event.type === 'taskFailed' ? event.error.code : '';
  if (ended?.outcome === 'failed') return code === 'TASK_TIMEOUT' ? undefined : 'failed';
  if (ended?.outcome === 'rejected') return code === 'NOT_ACCEPTED' ? undefined : 'rejected';
  return undefined;
}

/** In this order: the more special comes first, so that it is named. */
export const FACT_CHECKS: readonly (readonly [invariant: string, check: FactCheck])[] = [
  ['I15', i15],
  ['I1', i1],
  ['I2', i2],
  ['I3', i3],
  ['I18', i18],
  ['I4', i4],
  ['I6', i6],
  ['I10', i10],
  ['I13', i13],
  ['I8', i8],
];
