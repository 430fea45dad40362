import type { Task } from '../machines/pool-task.js';
import { EXCLUSIONS, type RoutingDecision } from '../protocol/decision.js';
import type { ExplainedGroup, Explanation, TaskRow } from '../protocol/frames.js';
import { isTerminal } from '../protocol/task.js';
import { explain } from '../selection/explain.js';
import type { Member } from '../selection/roster.js';
import { dutyAt } from '../selection/working-hours.js';
import { unknownTask } from './knowledge.js';
import type { Leader } from './leader.js';
import { givenOf, momentOf, type Reader } from './replay.js';

/**
 * Why a task is with its agent and no other, or with none. Of one that waits: as things are now. Of one that
 * was assigned: as they were at its last decision, from the journal; where that is not kept, by what the
 * decision counted.
 *
 * @throws RotaError UNKNOWN_TASK
 */
export async function explainTask(leader: Leader, taskId: string): Promise<Explanation> {
  const live = leader.system.task(taskId);
  if (live?.status === 'pending') {
    const [decision] = await leader.store.decisions({ taskId, limit: 1 });
    return explainWaiting(leader, live, decision);
  }
  return explainStored(leader, taskId);
}

/** Of a task that does not wait. @throws RotaError UNKNOWN_TASK */
export async function explainStored(reader: Reader, taskId: string): Promise<Explanation> {
  const [decision] = await reader.store.decisions({ taskId, limit: 1 });
  const row = (await reader.store.task(taskId))?.task;
  if (row === undefined) throw unknownTask(taskId);
  return decision === undefined ? explainUndecided(row) : explainDecision(reader, row, decision);
}

function explainWaiting(leader: Leader, task: Task, decision: RoutingDecision | undefined): Explanation {
  const { id: taskId, pool } = task.record;
  const selector = leader.system.selectorOf(pool);
  const { others, groups, advice } = explain({
    ...selector.state.decision(task, leader.monoMs, 0),
    onDutyAgain: onDutyAgain(leader.clock.wallMs()),
  });
  return {
    ...{ taskId, pool, status: task.status },
    ...{ others: [...others], groups: [...groups], advice: [...advice] },
    summary: `It waits: ${selector.whyWaiting(task)}.`,
    ...(decision === undefined ? {} : { decision }),
    asOf: 'now',
  };
}

async function explainDecision(reader: Reader, row: TaskRow, decision: RoutingDecision): Promise<Explanation> {
  const { id: taskId, pool, status } = row;
  const { agentId, reason, attempt } = decision;
  const outcome = isTerminal(status) ? `It is ${status}` : `It is with ${agentId}`;
  const base = {
    ...{ taskId, pool, status, decision, advice: [] },
    summary: `${outcome}. Attempt ${attempt} went to ${agentId}: ${reason}.`,
  };
  const moment = await reader.oneByOne(() => momentOf(reader.store, decision)).catch(() => undefined);
  const task = moment?.state.task(taskId);
  if (moment === undefined || task === undefined) {
    return { ...base, others: runnersUp(decision), groups: counted(decision), asOf: 'counts' };
  }
  const { others, groups } = explain({
    ...moment.state.decision(task, moment.fact.monoMs, decision.seed ?? 0, givenOf(decision, moment.state)),
    onDutyAgain: onDutyAgain(moment.fact.atMs),
  });
  return { ...base, others: others.filter((one) => one.agentId !== agentId), groups: [...groups], asOf: 'decision' };
}

/** When an agent works again, seen from this instant. */
function onDutyAgain(wallMs: number): (member: Member) => string | undefined {
  return ({ profile: { workingHours } }) => {
    const { untilMs = Infinity } = workingHours === undefined ? {} : dutyAt(workingHours, wallMs);
    return Number.isFinite(untilMs) ? `at ${new Date(untilMs).toISOString().replace(/:00\.000Z$/, 'Z')}` : undefined;
  };
}

function explainUndecided({ id: taskId, pool, status, error }: TaskRow): Explanation {
  const why = error === undefined ? '.' : `: ${error.message}`;
  const summary = `It is ${status}, and was never assigned${why}`;
  return { taskId, pool, status, summary, advice: [], others: [], groups: [], asOf: 'counts' };
}

function runnersUp({ runnersUp = [], score = 0 }: RoutingDecision): Explanation['others'] {
  return runnersUp.map((one) => ({
    agentId: one.agentId,
    why: `score ${one.score.toFixed(1)}`,
    change: `${(score - one.score).toFixed(1)} more points`,
  }));
}

function counted({ excluded }: RoutingDecision): ExplainedGroup[] {
  return EXCLUSIONS.flatMap((reason) => {
    const count = excluded[reason] ?? 0;
    const why = `${count} ${count === 1 ? 'agent was' : 'agents were'} left out as ${reason}`;
    return count === 0
      ? []
      : [{ reason, count, agents: [], why, change: 'the journal that could say more is not kept' }];
  });
}
