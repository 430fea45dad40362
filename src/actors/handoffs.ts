import { sleep } from '../clock.js';
import { backoffMs } from '../machines/backoff.js';
import { lastGrant, type Task } from '../machines/pool-task.js';
import { noAgent } from '../machines/why-waiting.js';
import { decode } from '../protocol/codec.js';
import { RotaError } from '../protocol/errors.js';
import { AssignFrame, SettleFrame, type Settlement } from '../protocol/frames.js';
import { requirementOf } from '../selection/requirement.js';
import type { Handler } from './handler.js';
import { assertSize, assertWorkTypes, elsewhereOf, knownTasks } from './knowledge.js';
import type { Leader } from './leader.js';

/** Before the second look for an agent that is available; doubles with each. */
const RETRY_MS = 100;

/**
 * Picks an agent for a task that its client hands over itself. While nobody is available it looks again, so
 * often as the pool's policy says; an agent that comes free meanwhile gets it at once.
 * One that no registered agent could take is refused, and under the same id for a while after that.
 *
 * @throws RotaError NO_AGENT, NONE_AVAILABLE, TOO_MANY_HOPS, TASK_ENDED, WORK_TYPES_FULL
 */
export const assign: Handler = async (leader, { principal, pool = '' }, bytes, answer) => {
  const { task: spec, fromAgent, hops, acceptTimeoutMs = 0 } = decode(AssignFrame, bytes);
  assertSize('task.payload', spec.payload);
  leader.limitRate(principal, () => (leader.system.task(spec.id) === undefined ? 1 : 0));
  const known = await knownTasks(leader, [spec.id]);
  const stored = known.get(spec.id);
  if (stored !== undefined) throw ended(spec.id, stored.event.status);

  const handoff = { hops, acceptTimeoutMs, ...(fromAgent === undefined ? {} : { fromAgent }) };
  const before = leader.system.task(spec.id);
  if (before === undefined) {
    const refused = leader.refusedAssigns.find(principal, spec.id, leader.monoMs);
    if (refused !== undefined) throw refused;
    // A task of an orchestration has its id before it is submitted.
    if (leader.system.isTaken(spec.id)) throw taken(spec.id);
    assertHops(hops, leader.policyOf(pool).maxHops);
    assertWorkTypes(leader, pool, [spec]);
    const requirement = requirementOf({ ...spec, handoff });
    // A pool comes to be with what it takes: one that is named and refused leaves nothing behind.
    const roster = leader.system.selector(pool)?.roster;
    if (!roster?.couldFit(requirement)) {
      const error = noAgent({ pool, roster }, spec, requirement);
      leader.refusedAssigns.note(principal, spec.id, error, leader.monoMs);
      throw error;
    }
    leader.turn(() => {
      leader.weigh(bytes.length);
      const task = { ...spec, pool, submittedBy: principal, watch: 'all' as const, handoff };
      leader.system.toPool(pool, { type: 'SUBMIT', tasks: [task] });
    });
  } else if (before.record.submittedBy !== principal || before.record.handoff === undefined) {
    throw taken(spec.id);
  }
  await untilAssigned(leader, before?.record.pool ?? pool, spec.id);
  leader.turn(() => {
    const task = leader.system.task(spec.id);
    const grant = task === undefined ? undefined : lastGrant(task);
    if (task?.status === 'pending') answer({ error: giveUp(leader, task).toWire() });
    else if (task === undefined || grant === undefined || !isOpen(task)) {
      answer({ error: task?.error ?? ended(spec.id, task?.status ?? 'cancelled').toWire() });
    } else {
      const { attempt, reason = '' } = task;
      answer({ taskId: spec.id, ...grant, attempt, reason, duplicate: before !== undefined });
    }
  });
};

/** Resolves when the task is assigned, or was looked at as often as the policy says. */
async function untilAssigned(leader: Leader, pool: string, taskId: string): Promise<void> {
  const { fallbackRetryAttempts } = leader.policyOf(pool);
  for (let attempt = 1; attempt <= fallbackRetryAttempts; attempt++) {
    if (leader.system.task(taskId)?.status !== 'pending') return;
    const placed = new AbortController();
    leader.onPlaced(taskId, () => placed.abort());
    await sleep(leader.clock, backoffMs(RETRY_MS, attempt, leader.random()), placed.signal);
    leader.onPlaced(taskId, undefined);
  }
}

/** Takes the task back: whoever asked hears that nobody is there, and it may not be given to anybody later. */
function giveUp(leader: Leader, task: Task): RotaError {
  const { pool } = task.record;
  const why = leader.system.selector(pool)?.whyWaiting(task) ?? 'nobody is available';
  leader.system.toPool(pool, { type: 'CANCEL', taskIds: [task.record.id], mode: 'abort' });
  return new RotaError('NONE_AVAILABLE', `No agent of pool ${pool} can take task ${task.record.id} now: ${why}.`);
}

function isOpen(task: Task): boolean {
  return task.status === 'assigned' || task.status === 'running';
}

function assertHops(hops: number, maxHops: number): void {
  if (hops <= maxHops) return;
  const problem = `The task was handed over ${hops} times; the pool allows ${maxHops}.`;
  throw new RotaError('TOO_MANY_HOPS', problem, { field: 'hops' });
}

function taken(taskId: string): RotaError {
  return new RotaError('INVALID_VALUE', `task.id is ${taskId}, which another task has.`, { field: 'task.id' });
}

function ended(taskId: string, status: string): RotaError {
  return new RotaError('TASK_ENDED', `Task ${taskId} is ${status}.`, {
    field: 'task.id',
    remedy: 'Assign again under a new id.',
  });
}

/** How tasks go that this client assigned. */
export const settle: Handler = async (leader, { principal }, bytes, answer) => {
  const { settlements } = decode(SettleFrame, bytes);
  for (const [i, one] of settlements.entries()) {
    if (one.action === 'complete') assertSize(`settlements[${i}].result`, one.result);
  }
  const ids = settlements.map(({ taskId }) => taskId);
  const known = await knownTasks(leader, ids);
  leader.turn(() => {
    leader.weigh(bytes.length);
    const codes = new Map<Settlement, string | undefined>(settlements.map((one) => [one, 'UNKNOWN_TASK']));
    for (const [pool, some] of byPoolOf(leader, settlements, known)) {
      leader.system.toPool(pool, {
        type: 'SETTLE',
        principal,
        settlements: some,
        elsewhere: elsewhereOf(leader, pool, ids, known),
        answer: (settlement, code) => codes.set(settlement, code),
      });
    }
    answer({
      settled: settlements.map((one) => {
        const code = codes.get(one);
        const { taskId, token } = one;
        return { taskId, token, accepted: code === undefined, ...(code === undefined ? {} : { code }) };
      }),
    });
  });
};

/** By the pool that has the task. What memory forgot has ended; any selector can say how. */
function byPoolOf(
  leader: Leader,
  settlements: readonly Settlement[],
  known: ReadonlyMap<string, unknown>,
): Map<string, Settlement[]> {
  const [anyPool] = leader.system.pools();
  const pools = new Map<string, Settlement[]>();
  for (const one of settlements) {
    const pool = leader.system.task(one.taskId)?.record.pool ?? (known.has(one.taskId) ? anyPool : undefined);
    if (pool === undefined) continue;
    const some = pools.get(pool);
    if (some === undefined) pools.set(pool, [one]);
    else some.push(one);
  }
  return pools;
}
