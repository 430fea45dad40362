import { parentPort } from 'node:worker_threads';
import { systemClock } from '../../clock.js';
import type { ScoreJob, ScoreOutcome } from '../score-job.js';
import { scoreAll } from '../scoring.js';
import { viewsOf } from './agent-views.js';
import { checkAnswer } from './answer.js';
import { failed, type ScoreFailure, wordsOf } from './failure.js';
import type { ScorerModule } from './scorer.js';
import { scoreSemantic } from './semantic.js';

/** One run as it is sent to a thread. */
export interface RunRequest {
  readonly id: number;
  readonly job: ScoreJob;
}

/** Sent when the scorer is loaded and begins: from here on its deadline counts. */
export interface RunBegun {
  readonly begun: number;
}

type Scorer = (job: ScoreJob) => ScoreOutcome | Promise<ScoreOutcome>;

/**
 * The entry of a scoring thread: piscina calls it once for each run. It answers whatever the scorer does
 * short of ending the thread, so that nothing a module throws has to survive the way to the other side.
 * It imports no schemas: they would double the time that a thread takes to start.
 */
export async function run({ id, job }: RunRequest): Promise<ScoreOutcome> {
  const scorer = await load(job.scoring.scorer);
  if (typeof scorer !== 'function') return scorer;
  parentPort?.postMessage({ begun: id } satisfies RunBegun);
  try {
    return await scorer(job);
  } catch (thrown) {
    return failed('threw', wordsOf(thrown));
  }
}

async function load(name: string): Promise<Scorer | ScoreFailure> {
  if (name === 'builtin') return (job) => ({ scores: scoreAll(job) });
  if (name === 'semantic') return scoreSemantic;
  try {
    const module: Partial<ScorerModule> = await import(name);
    if (typeof module.score !== 'function') return failed('unloadable', 'the module exports no function `score`');
    const { score } = module;
    return (job) => scoreWith(score, job);
  } catch (thrown) {
    return failed('unloadable', wordsOf(thrown));
  }
}

async function scoreWith(score: ScorerModule['score'], job: ScoreJob): Promise<ScoreOutcome> {
  const { task, agents } = viewsOf(job);
  const answer = await score(task, agents);
  // What the module left behind and nobody catches ends the thread: let that be now, and not in somebody else's run.
  await new Promise<void>((resolve) => systemClock.defer(resolve));
  return checkAnswer(answer, agents.length);
}
