import type { Exclusion } from '../protocol/decision.js';
import type { Requirement } from './requirement.js';
import { isHandoffOnly, type Member } from './roster.js';
import type { AvailableState } from './states.js';

/** Whom a choice takes into account. Each look takes more agents into account than the one before. */
export interface Look {
  readonly states: readonly AvailableState[];
  /** Whether those that had the task before may get it again. */
  readonly takesTried: boolean;
}

export interface Demand {
  readonly requirement: Requirement;
  /** Ids of agents that had the task before. */
  readonly triedBefore: ReadonlySet<string>;
}

/** Why this agent can't get the task, the first reason of `EXCLUSIONS` that holds; undefined where it can. */
export function exclusionOf(member: Member, { requirement, triedBefore }: Demand, look: Look): Exclusion | undefined {
  const { id, profile, state } = member;
  const { capabilities, roles, assignee, excludeAgents, isHandoff } = requirement;
  if (!capabilities.every((label) => profile.capabilities.includes(label))) return 'capability';
  if (roles.length > 0 && !roles.some((label) => profile.roles.includes(label))) return 'role';
  if (assignee !== undefined && assignee !== id) return 'assignee';
  if (excludeAgents.includes(id)) return 'excluded';
  if (!isHandoff && isHandoffOnly(member)) return 'handoffOnly';
  if (state !== 'free' && !(state === 'recent' && look.states.includes(state))) return state;
  return !look.takesTried && triedBefore.has(id) ? 'triedBefore' : undefined;
}
