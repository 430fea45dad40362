import type { Exclusion } from '../protocol/decision.js';
import type { ExcludedGroup } from './excluded-group.js';
import type { Requirement } from './requirement.js';
import { isHandoffOnly, type Roster } from './roster.js';
import { countInWords, namesInWords } from './words.js';

/** What passes by itself comes first, what somebody must do next, what the task itself rules out last. */
const BY_PROMISE: readonly Exclusion[] = [
  'busy',
  'offDuty',
  'offline',
  'cordoned',
  'disabled',
  'handoffOnly',
  'excluded',
];

/** What to do about a task that nobody may take now, the most promising first. */
export function adviceFor(roster: Roster, requirement: Requirement, groups: readonly ExcludedGroup[]): string[] {
  if (roster.size === 0) return ['No agent is registered in the pool: start one.'];
  const { assignee } = requirement;
  if (assignee !== undefined && roster.get(assignee) === undefined) {
    return [`The task is for ${assignee}, and no agent of that name is registered in the pool: start it.`];
  }
  const promising = BY_PROMISE.map((reason) => groups.find((group) => group.reason === reason));
  const advice = promising.filter((group) => group !== undefined).map(adviceOf);
  if (advice.length > 0) return advice;
  if (assignee !== undefined) {
    return [`${assignee}, whom the task is for, lacks a capability or role of it: correct the task, or the agent.`];
  }
  return labelAdvice(roster, requirement, groups);
}

function adviceOf(group: ExcludedGroup): string {
  const names = namesInWords(
    group.named.map(({ id }) => id),
    group.count,
  );
  const fitting = `${countInWords(group.count, 'agent that fits', 'agents that fit')} (${names})`;
  switch (group.reason) {
    case 'busy':
      return `Wait for a slot on ${fitting}, start more agents, or raise their maxConcurrency.`;
    case 'offDuty':
      return `Wait for the working hours of ${fitting}${group.onDutyAgain === undefined ? '' : `: ${group.onDutyAgain}`}.`;
    case 'offline':
      return group.named.every(isHandoffOnly)
        ? `Wait for ${fitting}: away by the pool's availability source. If not so, check that source.`
        : `Start, or look after, ${fitting}: not online.`;
    case 'cordoned':
      return `Uncordon ${fitting}.`;
    case 'disabled':
      return `Enable ${fitting}: registered with enabled: false.`;
    case 'handoffOnly':
      return `Hand it over with \`assign\`: ${fitting} can't be sent tasks.`;
    default:
      return `Let it go to ${names} again, with a new task: excluded by this one, or refused it.`;
  }
}

/** Nobody has what the task asks for: says what, and whether anybody has it apart from the rest. */
function labelAdvice(roster: Roster, { capabilities, roles }: Requirement, groups: readonly ExcludedGroup[]): string[] {
  const unknown = capabilities.filter((label) => roster.carriers('capabilities', label) === undefined);
  if (unknown.length > 0) {
    return unknown.map(
      (label) => `No agent of the pool has capability ${label}: start one that has, or correct the task.`,
    );
  }
  if (groups.some((group) => group.reason === 'role')) {
    return [
      `No agent that has its capabilities has one of the roles ${roles.join(', ')}: start one, or correct the task.`,
    ];
  }
  return [`No agent of the pool has all of ${capabilities.join(', ')}: start one that has, or split the task.`];
}
