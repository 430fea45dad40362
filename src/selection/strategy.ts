import type { Member, Requirement, Roster } from './roster.js';

export interface Choice {
  readonly member: Member;
  /** The pool's rotation after this choice. */
  readonly cursor: number;
  /** Agents that could have taken it, the chosen one included. */
  readonly candidates: number;
  /** Why this one, in words. */
  readonly reason: string;
}

/** Picks one of the agents that may take a task now. Pure: it changes neither roster nor rotation. */
export interface Strategy {
  readonly name: string;
  /** Undefined when nobody may take it now. */
  pick(roster: Roster, requirement: Requirement, cursor: number): Choice | undefined;
}
