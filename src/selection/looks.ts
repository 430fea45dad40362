import type { FallbackKind } from '../protocol/decision.js';
import type { Candidates } from './candidates.js';
import type { DecideInput } from './decide-input.js';
import type { Look } from './exclusion.js';
import { type ExclusionCounts, fieldOf } from './field.js';

/** Whom a task may go to, and where they had to be looked for. */
export interface Found {
  readonly look: Look;
  readonly candidates: Candidates;
  /** Why the first look was not enough. */
  readonly fallback: Extract<FallbackKind, 'window' | 'triedBefore'> | undefined;
  /** How many it may not go to, by reason. */
  excluded(): ExclusionCounts;
}

/** The look that takes everybody into account who may take a task at all. */
export const LAST_LOOK: Look = { states: ['free', 'recent'], takesTried: true };

/**
 * The first look leaves out whom the rotation passes over and who had the task before. Where it finds
 * nobody, work is more than fairness, and another try more than another agent.
 */
const LOOKS: readonly Pick<Found, 'look' | 'fallback'>[] = [
  { look: { states: ['free'], takesTried: false }, fallback: undefined },
  { look: { states: ['recent'], takesTried: false }, fallback: 'window' },
  { look: LAST_LOOK, fallback: 'triedBefore' },
];

/** Whom the task may go to now; undefined where it is nobody. */
export function lookAt({ roster, history, openLoad, monoMs, task }: DecideInput): Found | undefined {
  history.advance(monoMs);
  openLoad.advance(monoMs);
  const field = fieldOf(roster, task);
  for (const { look, fallback } of LOOKS) {
    const candidates = field.candidates(look);
    if (candidates !== undefined) return { look, candidates, fallback, excluded: () => field.excluded(look) };
  }
  return undefined;
}
