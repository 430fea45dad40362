import { EXCLUSIONS, type Exclusion } from '../protocol/decision.js';
import { RotaError } from '../protocol/errors.js';
import type { TaskDetail, WaitingReason } from '../protocol/frames.js';
import type { TaskRecord } from '../protocol/journal.js';
import { LIMITS } from '../protocol/limits.js';
import { type ExclusionCounts, fieldOf } from '../selection/field.js';
import type { Requirement } from '../selection/requirement.js';
import type { Roster } from '../selection/roster.js';
import type { PoolState } from './pool-state.js';
import type { Task } from './pool-task.js';

const NOBODY: ReadonlySet<string> = new Set();

/** Of these an agent gets rid without anybody doing anything, or by one word; the nearest first. */
const PASSING: readonly Exclusion[] = ['busy', 'offDuty', 'offline', 'cordoned', 'disabled'];

const WORDS: Partial<Record<Exclusion, string>> = {
  busy: 'busy',
  offDuty: 'off duty',
  offline: 'offline',
  cordoned: 'cordoned',
  disabled: 'disabled',
};

/** Every reason that holds for a pending task, with the agents that each holds for; the nearest to passing first. */
export function unschedulableReasons(
  state: PoolState,
  task: Task,
  monoMs: number,
): NonNullable<TaskDetail['unschedulableReasons']> {
  const own = ownReason(state, task, monoMs);
  if (own !== undefined) return [{ reason: own, count: 0 }];
  const counts = countsOf(state, task);
  const order = new Set<Exclusion>([...PASSING, ...EXCLUSIONS]);
  return [...order].flatMap((reason) => {
    const count = counts[reason] ?? 0;
    return count === 0 ? [] : [{ reason, count }];
  });
}

/** The one reason of a pending task that is the nearest to passing. */
export function waitingReason(state: PoolState, task: Task, monoMs: number): WaitingReason {
  return unschedulableReasons(state, task, monoMs)[0]?.reason ?? 'noAgent';
}

/** What keeps it waiting whoever is there. */
function ownReason(state: PoolState, task: Task, monoMs: number): WaitingReason | undefined {
  if (task.scoringRun !== 0) return 'scoring';
  if (task.notBeforeMs > monoMs) return 'backoff';
  return state.roster.size === 0 ? 'noAgent' : undefined;
}

/** Why a pending task is not assigned, in words; undefined for any other. */
export function whyWaiting(state: PoolState, task: Task, monoMs: number): string | undefined {
  if (task.status !== 'pending') return undefined;
  const { pool, roster } = state;
  if (task.scoringRun !== 0) return 'a scorer is choosing its agent';
  if (task.notBeforeMs > monoMs) return `waits before it is tried again: ${task.reason ?? 'backoff'}`;
  if (roster.size === 0) return `no agent has registered in pool ${pool}`;
  const counts = countsOf(state, task);
  const there = PASSING.flatMap((reason) => {
    const count = counts[reason] ?? 0;
    return count === 0 ? [] : [{ reason, count }];
  });
  const fitting = there.reduce((sum, { count }) => sum + count, 0);
  const [only] = there;
  if (only === undefined) return whyNobody(pool, task, counts);
  if (there.length > 1) {
    const parts = there.map(({ reason, count }) => `${count} ${WORDS[reason]}`).join(', ');
    return `none of the ${fitting} agents that fit is free: ${parts}`;
  }
  const who = only.count === 1 ? 'the one agent that fits is' : `all ${only.count} agents that fit are`;
  return `${who} ${WORDS[only.reason]}`;
}

function whyNobody(pool: string, { record, requirement }: Task, counts: ExclusionCounts): string {
  const lacks = (reason: Exclusion) => (counts[reason] ?? 0) > 0;
  if (record.assignee !== undefined)
    return `${record.assignee}, whom it is for, does not fit or is not in pool ${pool}`;
  if (lacks('capability')) return `no agent of pool ${pool} has all of: ${record.capabilities.join(', ')}`;
  if (lacks('role')) return `no agent of pool ${pool} has any role of: ${record.roles.join(', ')}`;
  if (lacks('excluded')) return `it excludes all that fit: ${requirement.excludeAgents.join(', ')}`;
  return `the agents of pool ${pool} take handoffs alone, and nothing that is dispatched`;
}

function countsOf({ roster }: PoolState, task: Task): ExclusionCounts {
  const demand = { requirement: task.requirement, triedBefore: NOBODY };
  return fieldOf(roster, demand).excluded({ states: ['free', 'recent'], takesTried: true });
}

/** The error of a task that no registered agent could ever take. */
export function noAgent(
  { pool, roster }: { readonly pool: string; readonly roster: Roster | undefined },
  { capabilities, roles, assignee }: Pick<TaskRecord, 'capabilities' | 'roles' | 'assignee'>,
  { excludeAgents, isHandoff }: Requirement,
): RotaError {
  if (roster === undefined || roster.size === 0)
    return new RotaError('NO_AGENT', `No agent is registered in pool ${pool}.`);
  const asked = [
    ...(assignee === undefined ? [] : [`being ${assignee}`]),
    ...(capabilities.length === 0 ? [] : [`all of the capabilities ${capabilities.join(', ')}`]),
    ...(roles.length === 0 ? [] : [`one of the roles ${roles.join(', ')}`]),
    ...(excludeAgents.length === 0 ? [] : [`not being ${excludeAgents.join(', ')}`]),
  ];
  const what =
    asked.length === 0 && !isHandoff ? 'takes tasks that are dispatched' : `has what it asks for: ${asked.join('; ')}`;
  return new RotaError('NO_AGENT', `None of the ${roster.size} agents registered in pool ${pool} ${what}.`);
}

/** The error of a task of one work type too many. */
export function workTypesFull(pool: string): RotaError {
  const problem = `Pool ${pool} has ${LIMITS.workTypesPerPool} different work types, and would have more.`;
  return new RotaError('WORK_TYPES_FULL', problem, { field: 'workType' });
}
