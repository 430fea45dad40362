import { GIVEN_SCORES } from '../../protocol/decision.js';
import type { Candidates } from '../candidates.js';
import { Ranking, type Scored } from '../ranking.js';
import { scoreInWords } from '../words.js';
import type { Picked, Strategy, Turn } from './strategy.js';

/**
 * Who has the highest score; the rotation settles ties. Whoever has no score comes last. A share of
 * the choices may be drawn from all of them instead, so that those who are little known are tried.
 */
export const weighted: Strategy = (candidates, turn) => {
  const best = new Ranking(turn.cursor, GIVEN_SCORES);
  candidates.each((index) => best.offer(index, turn.scores.of(index)));
  const { count } = candidates;
  const { explorationShare, chance } = turn;
  if (count === 1 || explorationShare === 0) return pickBest(best, 1, candidates, turn);
  if (chance.next() >= explorationShare) {
    return pickBest(best, 1 - explorationShare + explorationShare / count, candidates, turn);
  }
  const drawn = candidates.nth(chance.below(count));
  const byScore = drawn === best.first() ? 1 - explorationShare : 0;
  return explored(best, drawn, byScore + explorationShare / count, candidates, turn);
};

function pickBest(best: Ranking, probability: number, candidates: Candidates, turn: Turn): Picked {
  const index = best.first();
  const [first, second] = best.scored;
  const crowd = turn.crowd(candidates.count);
  const about = turn.scores.about(index);
  const next = second === undefined ? '' : `; next: ${turn.nameOf(second.index)} ${scoreInWords(second.score)}`;
  const why =
    first === undefined
      ? `next in turn of ${crowd}, none of which has a score`
      : `score ${scoreInWords(first.score)}, the highest of ${crowd}${about === '' ? '' : `: ${about}`}${next}`;
  return { index, why, best: best.scored, ...chanceOf(probability, turn) };
}

function explored(best: Ranking, index: number, probability: number, candidates: Candidates, turn: Turn): Picked {
  const score = turn.scores.of(index);
  const itself = score === undefined ? 'no score' : `score ${scoreInWords(score)}`;
  const [first] = best.scored.filter((one) => one.index !== index);
  const other = first === undefined ? '' : `; by score: ${turn.nameOf(first.index)} ${scoreInWords(first.score)}`;
  const why = `drawn from ${turn.crowd(candidates.count)} to try others than the best, ${itself}${other}`;
  return { index, why, best: withChosen(best.scored, index, score), ...chanceOf(probability, turn) };
}

function chanceOf(probability: number, { scores }: Turn): { probability?: number } {
  return scores.areDrawn ? {} : { probability };
}

/** The same few, the chosen one in the place of the last where it was not among them. */
function withChosen(best: readonly Scored[], index: number, score: number | undefined): readonly Scored[] {
  if (score === undefined || best.some((one) => one.index === index)) return best;
  return [...best.slice(0, GIVEN_SCORES - 1), { index, score }];
}
