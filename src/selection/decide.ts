import type { Decision } from '../protocol/decision.js';
import type { StrategyName } from '../protocol/policy.js';
import { Chance } from './chance.js';
import { type DecideInput, strategyOf } from './decide-input.js';
import { type Found, lookAt } from './looks.js';
import { crowdInWords, fallbackOf, onlyOneInWords } from './reasons.js';
import type { Member } from './roster.js';
import { factsOf, scoreRecordOf, scoresOf } from './scores.js';
import { hasRecentContext, isSpecialist } from './scoring.js';
import { STRATEGY_BY_NAME } from './strategies/index.js';
import { roundRobin } from './strategies/round-robin.js';
import type { Picked, Scores, Strategy, Turn } from './strategies/strategy.js';

export type { DecideInput, DecideTask, GivenScores } from './decide-input.js';
export { scoreJob, THREAD_THRESHOLD } from './thread-scoring.js';

export interface Choice {
  readonly member: Member;
  /** The task's rotation after this choice. */
  readonly cursor: number;
  readonly decision: Omit<Decision, 'latencyMs'>;
}

/**
 * Who gets the task: those who may take it are found, one of them is picked, and why is said. Undefined
 * where nobody may take it now. Of the state it changes nothing but what the instant makes too old.
 */
export function decide(
  input: DecideInput,
  strategies: Readonly<Record<StrategyName, Strategy>> = STRATEGY_BY_NAME,
): Choice | undefined {
  const { roster, task } = input;
  const found = lookAt(input);
  if (found === undefined) return undefined;

  const wanted = strategyOf(input);
  const facts = factsOf(input);
  const scores = scoresOf(facts, input);
  const turn = turnOf(input, found, scores);
  const { picked, failure } = pick(strategies[wanted], found, turn);
  const strategy = failure === undefined ? wanted : 'round-robin';
  const isScored = strategy === 'weighted';
  const fallback = fallbackOf(input, found, failure);
  const member = memberAt(input, picked.index);
  return {
    member,
    cursor: member.index,
    decision: {
      strategy,
      policyVersion: input.policyVersion,
      reason: found.candidates.count === 1 ? onlyOneInWords(task, found) : picked.why,
      candidates: found.candidates.count,
      excluded: found.excluded(),
      ...(picked.probability === undefined ? {} : { probability: picked.probability }),
      ...(turn.chance.isUsed || (isScored && scores.areDrawn) ? { seed: input.seed } : {}),
      ...(isScored ? scoreRecordOf(facts, input, picked) : {}),
      successRatePercent: successRatePercentOf(roster.performanceOf(member, task.workType)),
      specializationMatch: isSpecialist(facts, member.index),
      recentContextMatch: hasRecentContext(facts, member.index),
      retried: task.attempt > 1,
      ...(fallback === undefined ? {} : { fallback }),
    },
  };
}

function turnOf(input: DecideInput, found: Found, scores: Scores): Turn {
  const { roster, cursor, seed, policy } = input;
  return {
    cursor,
    chance: new Chance(seed),
    scores,
    explorationShare: policy.scoring.explorationShare,
    nameOf: (index) => roster.at(index)?.id ?? '',
    crowd: (count) => crowdInWords(count, found),
  };
}

/** A strategy that fails holds up no task: the rotation chooses in its place. */
function pick(strategy: Strategy, { candidates }: Found, turn: Turn): { picked: Picked; failure?: string } {
  try {
    return { picked: strategy(candidates, turn) };
  } catch (thrown) {
    const failure = thrown instanceof Error ? thrown.message : String(thrown);
    return { picked: roundRobin(candidates, turn), failure };
  }
}

function memberAt({ roster, task }: DecideInput, index: number): Member {
  const member = roster.at(index);
  if (member === undefined) throw new Error(`The strategy picked place ${index} for task ${task.id}, where nobody is.`);
  return member;
}

function successRatePercentOf({ successes, failures }: { successes: number; failures: number }): number {
  const executions = successes + failures;
  return executions === 0 ? 50 : Math.round((100 * successes) / executions);
}
