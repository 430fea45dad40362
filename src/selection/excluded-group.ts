import { EXCLUSIONS, type Exclusion } from '../protocol/decision.js';
import type { ExplainedGroup } from '../protocol/frames.js';
import { type Demand, exclusionOf, type Look } from './exclusion.js';
import type { Requirement } from './requirement.js';
import { isHandoffOnly, type Member } from './roster.js';
import { labelsInWords, namesInWords, spanInWords } from './words.js';

/** Agents of a group that are named. */
const NAMED = 5;

/** The agents that one reason keeps from a task: how many, and what is said of some of them. */
export interface ExcludedGroup {
  readonly reason: Exclusion;
  count: number;
  /** Some of them. */
  readonly named: Member[];
  /** Capabilities of the task that one of them lacks. */
  readonly missing: Set<string>;
  /** When the first of them may be served again; infinite where none ever is. */
  againMs: number;
  /** When one of them works again, in words. */
  onDutyAgain: string | undefined;
}

interface Surroundings {
  readonly demand: Demand;
  readonly monoMs: number;
  /** When the rotation no longer passes over an agent. */
  readonly windowEnds: ReadonlyMap<string, number>;
  onDutyAgain(member: Member): string | undefined;
}

/** The agents that can't get the task, by the first reason that holds for each, in the order of `EXCLUSIONS`. */
export function groupsOf(members: Iterable<Member>, look: Look, around: Surroundings): ExcludedGroup[] {
  const groups = new Map<Exclusion, ExcludedGroup>();
  for (const member of members) {
    const reason = exclusionOf(member, around.demand, look);
    if (reason === undefined) continue;
    let group = groups.get(reason);
    if (group === undefined) {
      group = { reason, count: 0, named: [], missing: new Set(), againMs: Infinity, onDutyAgain: undefined };
      groups.set(reason, group);
    }
    addTo(group, member, around);
  }
  return EXCLUSIONS.map((reason) => groups.get(reason)).filter((group) => group !== undefined);
}

function addTo(group: ExcludedGroup, member: Member, { demand, windowEnds, onDutyAgain }: Surroundings): void {
  group.count++;
  if (group.named.length < NAMED) group.named.push(member);
  if (group.reason === 'capability') {
    const has = new Set(member.profile.capabilities);
    for (const label of demand.requirement.capabilities) if (!has.has(label)) group.missing.add(label);
  }
  if (group.reason === 'recent') group.againMs = Math.min(group.againMs, windowEnds.get(member.id) ?? Infinity);
  if (group.reason === 'offDuty') group.onDutyAgain ??= said(member.id, onDutyAgain(member));
}

function said(agentId: string, onDutyAgain: string | undefined): string | undefined {
  return onDutyAgain && `${agentId} is back on duty ${onDutyAgain}`;
}

/** The group as it is told to a stranger. */
export function told(group: ExcludedGroup, requirement: Requirement, monoMs: number): ExplainedGroup {
  const agents = group.named.map(({ id }) => id);
  return { reason: group.reason, count: group.count, agents, ...inWords(group, requirement, monoMs) };
}

/** Why none of them gets it, and what would change that. */
function inWords(group: ExcludedGroup, requirement: Requirement, monoMs: number): { why: string; change: string } {
  const missing = labelsInWords([...group.missing], 'capability', 'capabilities');
  const roles = requirement.roles.join(', ');
  switch (group.reason) {
    case 'capability':
      return { why: `lacks ${missing}`, change: `needs ${missing}` };
    case 'role':
      return { why: `has none of the roles ${roles}`, change: `needs one of the roles ${roles}` };
    case 'assignee':
      return { why: `the task is for ${requirement.assignee} alone`, change: 'a task without assignee' };
    case 'excluded':
      return { why: 'the task excludes it or comes from it, or it refused the task', change: 'another task' };
    case 'handoffOnly':
      return { why: 'does not listen: it gets what is handed over', change: 'the task handed over to it by `assign`' };
    case 'disabled':
      return { why: 'is registered as disabled', change: 'to register with enabled: true' };
    case 'cordoned':
      return { why: 'is cordoned: it takes nothing new', change: 'to be uncordoned' };
    case 'offline':
      return { why: presencesOf(group), change: returnOf(group) };
    case 'offDuty':
      return { why: 'is outside its working hours', change: group.onDutyAgain ?? 'its next working hours' };
    case 'busy':
      return { why: 'holds as many tasks as it may', change: `1 slot on ${namesInWords(idsOf(group), group.count)}` };
    case 'recent':
      return { why: 'was served within the rotation window', change: windowEnd(group, monoMs) };
    case 'triedBefore':
      return { why: 'had this task before', change: 'nobody else to be free' };
  }
}

function idsOf({ named }: ExcludedGroup): string[] {
  return named.map(({ id }) => id);
}

/** `suspect`, say, where an agent is late with its heartbeat: it may be back at any moment. */
function presencesOf({ named }: ExcludedGroup): string {
  const presences = named.map((member) =>
    isHandoffOnly(member) ? 'away by its availability source' : member.presence,
  );
  return `is ${[...new Set(presences)].join(' or ')}`;
}

function returnOf({ named }: ExcludedGroup): string {
  const back = named.map((member) =>
    isHandoffOnly(member) ? 'its availability source to name it as there' : 'its process to run and send heartbeats',
  );
  return [...new Set(back)].join('; ');
}

function windowEnd({ againMs }: ExcludedGroup, monoMs: number): string {
  return Number.isFinite(againMs) ? `window ends in ${spanInWords(againMs - monoMs)}` : 'the end of its window';
}
