import { NO_ALARM, PoolState } from '../machines/pool-state.js';
import { pack } from '../protocol/codec.js';
import type { Decision, RoutingDecision } from '../protocol/decision.js';
import { RotaError } from '../protocol/errors.js';
import type { Replay } from '../protocol/frames.js';
import type { JournalEvent, TaskAssigned } from '../protocol/journal.js';
import { decide, type GivenScores } from '../selection/decide.js';
import type { Store } from '../store/store.js';
import { unknownTask } from './knowledge.js';
import type { OneByOne } from './one-by-one.js';

/** Who reads: a leader, or one that stands by. */
export interface Reader {
  readonly store: Store;
  readonly oneByOne: OneByOne;
}

/** Rows of the journal that are read at a time. */
const ROWS = 256;

/**
 * Decides again from what was recorded: the pool as the journal says it was, with the instant, the chance and
 * the foreign scores of the decision.
 *
 * @throws RotaError UNKNOWN_TASK, NOT_REPLAYABLE
 */
export async function replayDecision(leader: Reader, taskId: string, token: number | undefined): Promise<Replay> {
  const [recorded] = (await leader.store.decisions({ taskId, limit: LAST })).filter(
    (one) => token === undefined || one.token === token,
  );
  if (recorded === undefined) throw await noDecision(leader.store, taskId, token);
  const moment = await leader.oneByOne(() => momentOf(leader.store, recorded));
  if (moment === undefined) throw notKept(taskId);
  const replayed = replay(moment);
  if (replayed === undefined) return { recorded, same: false };
  const again = { ...recorded, ...replayed.decision, agentId: replayed.agentId };
  return { recorded, replayed: again, same: Buffer.compare(pack(again), pack(recorded)) === 0 };
}

/** Decisions of one task are fewer: attempts and refusals are bounded. */
const LAST = 200;

/** The pool as it was right before a decision, and what was decided. */
export interface Moment {
  readonly state: PoolState;
  readonly fact: TaskAssigned;
}

/** Undefined where the journal does not have it any more. */
export async function momentOf(store: Store, { pool, taskId, token }: RoutingDecision): Promise<Moment | undefined> {
  const now = { monoMs: 0 };
  const state = new PoolState({ pool, leaseMs: 0, now, alarm: NO_ALARM });
  for (let after = 0; ; ) {
    const rows = await store.rows(after, ROWS);
    const last = rows.at(-1);
    if (last === undefined) return undefined;
    after = last.seq;
    for (const event of rows.flatMap((row) => row.events)) {
      if (!concerns(state, event)) continue;
      if ('monoMs' in event) now.monoMs = event.monoMs;
      if (event.type === 'taskAssigned' && event.taskId === taskId && event.token === token) {
        return { state, fact: event };
      }
      state.apply(event);
      state.forget(Number.POSITIVE_INFINITY);
    }
  }
}

/** What the same inputs give; undefined where nobody could be chosen. */
export function replay({ state, fact }: Moment): { decision: Decision; agentId: string; cursor: number } | undefined {
  const task = state.task(fact.taskId);
  if (task === undefined) return undefined;
  const { decision, monoMs } = fact;
  const choice = decide(state.decision(task, monoMs, decision.seed ?? 0, givenOf(decision, state)));
  if (choice === undefined) return undefined;
  return {
    decision: { ...choice.decision, latencyMs: decision.latencyMs },
    agentId: choice.member.id,
    cursor: choice.cursor,
  };
}

/** What a scorer answered is not computed again: a user's module may answer differently each time. */
export function givenOf({ given, fallback, scorer }: Decision, { roster }: PoolState): GivenScores | undefined {
  if (given !== undefined) {
    const scores = new Map(given.map(({ agentId, score }) => [roster.get(agentId)?.index ?? -1, score]));
    return { scorer: scorer ?? '', scores };
  }
  return fallback?.kind === 'scorer' ? { scorer: scorer ?? '', failure: fallback.reason } : undefined;
}

/** Whether an event is about this pool. */
function concerns(state: PoolState, event: JournalEvent): boolean {
  switch (event.type) {
    case 'orchestrationCreated':
    case 'orchestrationCancelling':
    case 'orchestrationEnded':
    case 'reportRefused':
      return false;
    case 'agentRegistered':
      return event.profile.pool === state.pool;
    case 'agentPresence':
    case 'agentFlagged':
    case 'agentDeregistered':
      return state.roster.get(event.agentId) !== undefined;
    case 'policySet':
    case 'rotationReset':
      return event.pool === state.pool;
    case 'taskSubmitted':
      return event.task.pool === state.pool;
    default:
      return state.task(event.taskId) !== undefined;
  }
}

async function noDecision(store: Store, taskId: string, token: number | undefined): Promise<RotaError> {
  if ((await store.task(taskId)) === undefined) return unknownTask(taskId);
  if (token === undefined) {
    return new RotaError('NOT_REPLAYABLE', `Task ${taskId} was given to nobody: there is no decision to make again.`, {
      remedy: `\`rota explain ${taskId}\` says why.`,
    });
  }
  return new RotaError('NOT_REPLAYABLE', `Task ${taskId} has no decision with token ${token}.`, {
    field: 'token',
    remedy: `\`rota show ${taskId} --json\` has the tokens of its attempts.`,
  });
}

function notKept(taskId: string): RotaError {
  return new RotaError('NOT_REPLAYABLE', `The journal no longer has what led to the decision for task ${taskId}.`);
}
