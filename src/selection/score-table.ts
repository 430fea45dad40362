import type { Roster } from './roster.js';
import type { ScoreJob } from './score-job.js';

/** A score for each agent that a scorer knew, by the agent's index. */
export interface ScoreTable {
  get(index: number): number | undefined;
}

/** Of an index that has no score; no scorer answers it. */
const NONE = Number.NaN;

/**
 * The scores of a run as a table. Whoever joined after it began has none, though it may have the index of a
 * candidate that left: `joins` is the roster's from then.
 */
export function scoreTable(
  { candidates }: Pick<ScoreJob, 'candidates'>,
  scores: Float64Array,
  { roster, joins }: { readonly roster: Pick<Roster, 'at' | 'joins'>; readonly joins: number },
): ScoreTable {
  const table = new Float64Array((candidates.at(-1) ?? -1) + 1).fill(NONE);
  for (let at = 0; at < candidates.length; at++) table[candidates[at] as number] = scores[at] ?? NONE;
  if (roster.joins > joins) {
    for (const index of candidates) if ((roster.at(index)?.joined ?? 0) > joins) table[index] = NONE;
  }
  return {
    get(index) {
      const score = table[index] ?? NONE;
      return Number.isNaN(score) ? undefined : score;
    },
  };
}
