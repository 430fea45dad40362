import { type Decision, RUNNERS_UP } from '../protocol/decision.js';
import type { DecideInput, GivenScores } from './decide-input.js';
import type { Scored } from './ranking.js';
import type { Roster } from './roster.js';
import { hasRecentContext, isSpecialist, openOf, type ScoreFacts, scoreOf, scorePartsOf, totalOf } from './scoring.js';
import type { Picked, Scores } from './strategies/strategy.js';
import { spanInWords } from './words.js';

/** The name that decisions give to the built-in scorer. */
export const BUILTIN = 'builtin';

/** What the built-in scorer reads of a pool, as it is now. */
export function factsOf({ roster, policy, monoMs, seed, task }: DecideInput): ScoreFacts {
  const performance = roster.workTypeColumns(task.workType);
  const specialists = roster.carriers('specializations', task.workType)?.words;
  return {
    scoring: policy.scoring,
    monoMs,
    seed,
    agents: roster.columns,
    ...(performance === undefined ? {} : { performance }),
    ...(specialists === undefined ? {} : { specialists }),
  };
}

/** The scores that were given, or else the built-in scorer's. */
export function scoresOf(facts: ScoreFacts, { given }: DecideInput): Scores {
  const isBuiltin = scorerOf(given) === BUILTIN;
  const scores = given !== undefined && 'scores' in given ? given.scores : undefined;
  return {
    of: scores === undefined ? (index) => scoreOf(facts, index) : (index) => scores.get(index),
    about: isBuiltin ? (index) => aboutInWords(facts, index) : () => '',
    areDrawn: isBuiltin && facts.scoring.confidence === 'thompson',
  };
}

/** What a decision records of the scores. */
export function scoreRecordOf(facts: ScoreFacts, { roster, given }: DecideInput, picked: Picked): Partial<Decision> {
  const best = picked.best ?? [];
  const named = ({ index, score }: Scored) => ({ agentId: idAt(roster, index), score });
  const chosen = best.find(({ index }) => index === picked.index);
  const runnersUp = best.filter((one) => one !== chosen).slice(0, RUNNERS_UP);
  const scorer = scorerOf(given);
  const parts = scorePartsOf(facts, picked.index);
  return {
    scorer,
    ...(chosen === undefined ? {} : { score: chosen.score }),
    // What was scored on a thread may have changed since: parts that add up to another score explain nothing.
    ...(scorer === BUILTIN && chosen?.score === totalOf(parts) ? { scoreParts: parts } : {}),
    runnersUp: runnersUp.map(named),
    ...(given !== undefined && 'scores' in given ? { given: best.map(named) } : {}),
  };
}

/** Who scores: where nothing was given, or nothing came of it, the built-in scorer. */
function scorerOf(given: GivenScores | undefined): string {
  return given !== undefined && 'scores' in given ? given.scorer : BUILTIN;
}

function idAt(roster: Roster, index: number): string {
  return roster.at(index)?.id ?? '';
}

function aboutInWords(facts: ScoreFacts, index: number): string {
  const successes = facts.performance?.successes[index] ?? 0;
  const executions = successes + (facts.performance?.failures[index] ?? 0);
  const words: string[] = [];
  if (hasRecentContext(facts, index)) {
    words.push(`did it ${spanInWords(facts.monoMs - (facts.performance?.lastMs[index] ?? 0))} ago`);
  }
  words.push(
    executions === 0 ? 'new to it' : `${Math.round((100 * successes) / executions)} % of ${executions} succeeded`,
  );
  if (isSpecialist(facts, index)) words.push('specialist');
  words.push(`${openOf(facts, index)} open`);
  return words.join(', ');
}
