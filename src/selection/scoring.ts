import type { ScoreParts } from '../protocol/decision.js';
import type { Scoring } from '../protocol/policy.js';
import { Chance, seedFor } from './chance.js';
import type { ScoreJob } from './score-job.js';

/** More open assignments than these make an agent no worse. */
const LOAD_CAP = 10;
/** What the success rate is taken for where too little is known. */
const UNKNOWN_RATE = 0.5;
/** Standard deviations of a one-in-forty error on each side. */
const Z_95 = 1.959963984540054;

/** What the built-in scorer reads: everything of a job but its candidates. */
export type ScoreFacts = Pick<ScoreJob, 'scoring' | 'monoMs' | 'seed' | 'agents' | 'performance' | 'specialists'>;

/** The points of the agent at `index`. Pure, and the same in a scoring thread and outside. */
export function scorePartsOf(facts: ScoreFacts, index: number): ScoreParts {
  const { weights } = facts.scoring;
  return {
    context: hasRecentContext(facts, index) ? weights.context : 0,
    success: weights.success * rateOf(facts, index),
    specialization: isSpecialist(facts, index) ? weights.specialization : 0,
    load: weights.load * (1 - Math.min(openOf(facts, index), LOAD_CAP) / LOAD_CAP),
  };
}

export function totalOf({ context, success, specialization, load }: ScoreParts): number {
  return context + success + specialization + load;
}

export function scoreOf(facts: ScoreFacts, index: number): number {
  return totalOf(scorePartsOf(facts, index));
}

/** The score of each candidate, in their order. */
export function scoreAll(job: ScoreJob): Float64Array {
  return Float64Array.from(job.candidates, (index) => scoreOf(job, index));
}

/** Whether it executed the work type a short while ago. */
export function hasRecentContext({ performance, monoMs, scoring }: ScoreFacts, index: number): boolean {
  return monoMs - (performance?.lastMs[index] ?? -Infinity) < scoring.contextMs;
}

export function isSpecialist({ specialists }: ScoreFacts, index: number): boolean {
  return (((specialists?.[index >>> 5] ?? 0) >>> (index & 31)) & 1) === 1;
}

export function openOf({ agents }: ScoreFacts, index: number): number {
  return agents.recentLoads[index] ?? 0;
}

/** The success rate in this work type, with as much confidence as the policy asks for. */
function rateOf({ performance, scoring, seed }: ScoreFacts, index: number): number {
  const successes = performance?.successes[index] ?? 0;
  const failures = performance?.failures[index] ?? 0;
  switch (scoring.confidence) {
    case 'none':
      return plainRate(successes, failures, scoring);
    case 'lower-bound':
      return lowerBound(successes, successes + failures);
    case 'thompson':
      return new Chance(seedFor(seed, index)).beta(1 + successes, 1 + failures);
  }
}

function plainRate(successes: number, failures: number, { minimumSample }: Scoring): number {
  const executions = successes + failures;
  return executions > minimumSample ? successes / executions : UNKNOWN_RATE;
}

/** The lowest rate that the sample speaks for with 95 % confidence (Wilson, 1927); 0 where there is none. */
function lowerBound(successes: number, executions: number): number {
  if (executions === 0) return 0;
  const rate = successes / executions;
  const z2 = Z_95 * Z_95;
  const centre = rate + z2 / (2 * executions);
  const margin = Z_95 * Math.sqrt((rate * (1 - rate) + z2 / (4 * executions)) / executions);
  return Math.max(0, (centre - margin) / (1 + z2 / executions));
}
