import { LIMITS } from '../protocol/limits.js';
import type { Scoring } from '../protocol/policy.js';
import type { Bitset } from './bitset.js';
import { type DecideInput, strategyOf } from './decide-input.js';
import { lookAt } from './looks.js';
import type { Roster } from './roster.js';
import type { IndexBits, ScoreJob } from './score-job.js';
import { BUILTIN, factsOf } from './scores.js';

/**
 * More candidates than these the built-in scorer scores on a thread, so that nothing else waits for it. As
 * bench/scoring.mjs measured it: to hand out a hundred thousand candidates and take their scores back holds
 * the deciding thread up for as long as to work out the plain rates, so those never go. A draw costs ten
 * times as much, and from some thousands on its thread is worth the way.
 */
export const THREAD_THRESHOLD: Readonly<Record<Scoring['confidence'], number>> = {
  none: LIMITS.agentsPerPool,
  'lower-bound': LIMITS.agentsPerPool,
  thompson: 5_000,
};

/** What a thread should score before the task is decided; undefined where `decide` needs nothing from a thread. */
export function scoreJob(input: DecideInput): ScoreJob | undefined {
  const { roster, policy, task } = input;
  if (strategyOf(input) !== 'weighted') return undefined;
  const candidates = lookAt(input)?.candidates;
  if (candidates === undefined || candidates.count === 1) return undefined;
  const { scorer, confidence } = policy.scoring;
  if (scorer === BUILTIN && candidates.count <= THREAD_THRESHOLD[confidence]) return undefined;

  const indexes = new Uint32Array(candidates.count);
  let size = 0;
  candidates.each((index) => {
    indexes[size++] = index;
  });
  const { id, workType, priority, attempt, embedding, requirement } = task;
  const { embeddings } = roster;
  return {
    pool: roster.at(candidates.next(-1))?.profile.pool ?? '',
    task: {
      id,
      workType,
      priority,
      attempt,
      capabilities: requirement.capabilities,
      ...(embedding === undefined ? {} : { embedding }),
    },
    candidates: indexes,
    ...factsOf(input),
    ...(embeddings === undefined ? {} : { embeddings }),
    ...(scorer.startsWith('file://') ? { labels: labelsOf(roster) } : {}),
  };
}

function labelsOf(roster: Roster): NonNullable<ScoreJob['labels']> {
  return {
    capabilities: bitsByLabel(roster.labels('capabilities')),
    roles: bitsByLabel(roster.labels('roles')),
    specializations: bitsByLabel(roster.labels('specializations')),
  };
}

function bitsByLabel(carriers: ReadonlyMap<string, Bitset>): Record<string, IndexBits> {
  return Object.fromEntries([...carriers].map(([label, { words }]) => [label, words]));
}
