import { EXCLUSIONS, type Exclusion } from '../protocol/decision.js';
import { RotaError } from '../protocol/errors.js';
import type { TaskDetail, WaitingReason } from '../protocol/frames.js';
import type { TaskRecord } from '../protocol/journal.js';
import { LIMITS } from '../protocol/limits.js';
import { fieldOf } from '../selection/field.js';
import { LAST_LOOK } from '../selection/looks.js';
import type { Requirement } from '../selection/requirement.js';
import type { Roster } from '../selection/roster.js';
import type { PoolState } from './pool-state.js';
import type { Task } from './pool-task.js';

const NOBODY: ReadonlySet<string> = new Set();

/** Of these an agent gets rid without anybody doing anything, or by one word; the nearest first. */
const PASSING = {
  busy: 'busy',
  offDuty: 'off duty',
  offline: 'offline',
  cordoned: 'cordoned',
  disabled: 'disabled',
} as const satisfies Partial<Record<Exclusion, string>>;

const BY_NEARNESS: readonly Exclusion[] = [...new Set([...(Object.keys(PASSING) as Exclusion[]), ...EXCLUSIONS])];

function isPassing(reason: WaitingReason): reason is keyof typeof PASSING {
  return Object.hasOwn(PASSING, reason);
}

/** Whether it waits for something of its own, whoever is there: a scorer, or the end of its backoff. */
export function waitsByItself(task: Task, monoMs: number): boolean {
  return task.scoringRun !== 0 || task.notBeforeMs > monoMs;
}

/** Every reason that holds for a pending task, with the agents that each holds for; the nearest to passing first. */
export function unschedulableReasons(
  state: PoolState,
  task: Task,
  monoMs: number,
): NonNullable<TaskDetail['unschedulableReasons']> {
  if (waitsByItself(task, monoMs)) return [{ reason: task.scoringRun === 0 ? 'backoff' : 'scoring', count: 0 }];
  if (state.roster.size === 0) return [{ reason: 'noAgent', count: 0 }];
  const demand = { requirement: task.requirement, triedBefore: NOBODY };
  const counts = fieldOf(state.roster, demand).excluded(LAST_LOOK);
  return BY_NEARNESS.flatMap((reason) => {
    const count = counts[reason] ?? 0;
    return count === 0 ? [] : [{ reason, count }];
  });
}

/** The one reason of a pending task that is the nearest to passing. */
export function waitingReason(state: PoolState, task: Task, monoMs: number): WaitingReason {
  return unschedulableReasons(state, task, monoMs)[0]?.reason ?? 'noAgent';
}

/** Why a pending task is not assigned, in words; undefined for any other. */
export function whyWaiting(state: PoolState, task: Task, monoMs: number): string | undefined {
  if (task.status !== 'pending') return undefined;
  const { pool } = state;
  const reasons = unschedulableReasons(state, task, monoMs);
  const there = reasons.flatMap(({ reason, count }) => (isPassing(reason) ? [{ words: PASSING[reason], count }] : []));
  const [only] = there;
  if (only === undefined) return whyNobody(pool, task, reasons);
  if (there.length > 1) {
    const fitting = there.reduce((sum, { count }) => sum + count, 0);
    const parts = there.map(({ words, count }) => `${count} ${words}`).join(', ');
    return `none of the ${fitting} agents that fit is free: ${parts}`;
  }
  const who = only.count === 1 ? 'the one agent that fits is' : `all ${only.count} agents that fit are`;
  return `${who} ${only.words}`;
}

function whyNobody(
  pool: string,
  { record, requirement, reason: before }: Task,
  reasons: NonNullable<TaskDetail['unschedulableReasons']>,
): string {
  const lacks = (reason: WaitingReason) => reasons.some((one) => one.reason === reason);
  if (lacks('scoring')) return 'a scorer is choosing its agent';
  if (lacks('backoff')) return `waits before it is tried again: ${before ?? 'backoff'}`;
  if (lacks('noAgent')) return `no agent has registered in pool ${pool}`;
  if (record.assignee !== undefined)
    return `${record.assignee}, whom it is for, does not fit or is not in pool ${pool}`;
  if (lacks('capability')) return `no agent of pool ${pool} has all of: ${record.capabilities.join(', ')}`;
  if (lacks('role')) return `no agent of pool ${pool} has any role of: ${record.roles.join(', ')}`;
  if (lacks('excluded')) return `it excludes all that fit: ${requirement.excludeAgents.join(', ')}`;
  return `the agents of pool ${pool} take handoffs alone, and nothing that is dispatched`;
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
