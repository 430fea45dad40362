import type { ExplainedGroup } from '../protocol/frames.js';
import type { StrategyName } from '../protocol/policy.js';
import { adviceFor } from './advice.js';
import type { Candidates } from './candidates.js';
import { decide } from './decide.js';
import { type DecideInput, strategyOf } from './decide-input.js';
import { groupsOf, told } from './excluded-group.js';
import { LAST_LOOK, lookAt } from './looks.js';
import { Ranking, type Scored } from './ranking.js';
import type { Member } from './roster.js';
import { factsOf, scoresOf } from './scores.js';
import type { Scores } from './strategies/strategy.js';
import { scoreInWords, slotsInWords } from './words.js';

/** Other candidates that are told of. */
const OTHERS = 20;

export interface ExplainInput extends DecideInput {
  /** When an agent that is off duty works again, in words (`at 09:00`); undefined where nobody knows. */
  readonly onDutyAgain?: (member: Member) => string | undefined;
}

export interface Explained {
  /** What to do about a task that nobody may take, the most promising first. */
  readonly advice: readonly string[];
  /** The best of those that could take it too, beside the chosen one. */
  readonly others: readonly Other[];
  /** Those that could not, by reason. */
  readonly groups: readonly ExplainedGroup[];
}

interface Other {
  readonly agentId: string;
  readonly why: string;
  readonly change: string;
}

/** Why a task goes to whom `decide` gives it to, and not to anybody else, for somebody who knows nothing of it. */
export function explain(input: ExplainInput): Explained {
  const { roster, history, monoMs, task, onDutyAgain = () => undefined } = input;
  const found = lookAt(input);
  const around = { demand: task, monoMs, windowEnds: history.windowEnds(), onDutyAgain };
  const groups = groupsOf(roster.members(), found?.look ?? LAST_LOOK, around);
  return {
    advice: found === undefined ? adviceFor(roster, task.requirement, groups) : [],
    others: found === undefined ? [] : othersOf(input, found.candidates),
    groups: groups.map((group) => told(group, task.requirement, monoMs)),
  };
}

function othersOf(input: DecideInput, candidates: Candidates): Other[] {
  const chosen = decide(input)?.member;
  if (chosen === undefined) return [];
  const strategy = strategyOf(input);
  const scores = scoresOf(factsOf(input), input);
  const worthOf = (index: number) => worthBy(strategy, index, candidates, scores);
  const ranking = new Ranking(input.cursor, OTHERS + 1);
  candidates.each((index) => ranking.offer(index, worthOf(index)));
  const best = { index: chosen.index, score: worthOf(chosen.index) };
  const others = ranking.scored.filter(({ index }) => index !== chosen.index).slice(0, OTHERS);
  return others.map((other, rank) => ({
    agentId: input.roster.at(other.index)?.id ?? '',
    ...inWords(strategy, other, best, rank + 1, scores),
  }));
}

/** What the strategy goes by, before the rotation settles ties. */
function worthBy(strategy: StrategyName, index: number, candidates: Candidates, scores: Scores): number {
  switch (strategy) {
    case 'weighted':
      return scores.of(index) ?? Number.NEGATIVE_INFINITY;
    case 'least-loaded':
    case 'power-of-two':
      return candidates.slotsOf(index);
    case 'round-robin':
    case 'random':
      return 0;
  }
}

function inWords(
  strategy: StrategyName,
  other: Scored,
  best: Scored,
  rank: number,
  scores: Scores,
): Pick<Other, 'why' | 'change'> {
  const ahead = best.score - other.score;
  const later = { why: 'its turn comes later', change: `${rank} before it in the rotation to be served` };
  const slots = slotsInWords(other.score);
  switch (strategy) {
    case 'round-robin':
      return later;
    case 'random':
      return { why: 'was not drawn', change: 'another draw' };
    case 'power-of-two':
      return { why: `${slots}; was not drawn, or met one with as many or more`, change: 'another draw' };
    case 'least-loaded':
      return ahead === 0 ? later : { why: `${slots}, fewer than ${best.score}`, change: `${ahead} more free slots` };
    case 'weighted': {
      if (other.score === Number.NEGATIVE_INFINITY) return { why: 'has no score', change: 'a score' };
      const about = scores.about(other.index);
      const why = `score ${scoreInWords(other.score)}${about === '' ? '' : `: ${about}`}`;
      if (ahead > 0) return { why, change: `${scoreInWords(ahead)} points more` };
      return { why, change: ahead === 0 ? later.change : 'a choice that is not drawn' };
    }
  }
}
