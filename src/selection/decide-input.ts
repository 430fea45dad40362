import type { Policy, StrategyName } from '../protocol/policy.js';
import type { Demand } from './exclusion.js';
import type { AssignmentHistory } from './history.js';
import type { OpenLoad } from './open-load.js';
import type { Roster } from './roster.js';
import type { ScoreTable } from './score-table.js';

export interface DecideTask extends Demand {
  readonly id: string;
  readonly workType: string;
  readonly priority: number;
  /** The one that this choice begins; 1 for the first. */
  readonly attempt: number;
  /** Instead of the pool's. */
  readonly strategy?: StrategyName | undefined;
  readonly embedding?: readonly number[] | undefined;
}

/** What a scorer on a thread answered: a score for each agent that it knew, or why there are none. */
export type GivenScores =
  | { readonly scorer: string; readonly scores: ScoreTable }
  | { readonly scorer: string; readonly failure: string };

/** Everything that a choice follows from: the same input, the same choice. */
export interface DecideInput {
  readonly roster: Roster;
  readonly history: AssignmentHistory;
  readonly openLoad: OpenLoad;
  readonly policy: Policy;
  readonly policyVersion: string;
  /** The index that the task's rotation served last; -1 where it served nobody yet. */
  readonly cursor: number;
  readonly monoMs: number;
  /** An unsigned 32-bit number. */
  readonly seed: number;
  readonly task: DecideTask;
  /** What a scorer on a thread answered. */
  readonly given?: GivenScores | undefined;
}

export function strategyOf({ task, policy }: DecideInput): StrategyName {
  return task.strategy ?? policy.strategy;
}
