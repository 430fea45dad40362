import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock } from '../dist/clock.js';
import { Chance } from '../dist/selection/chance.js';
import { decide, scoreJob } from '../dist/selection/decide.js';
import { scoreTable } from '../dist/selection/score-table.js';
import { createScoringThreads } from '../dist/selection/threads/pool.js';
import { scoreSemantic } from '../dist/selection/threads/semantic.js';
import { pace } from './pacer.mjs';
import { Pool } from './pool.mjs';
import { quantilesOf, repeat, spreadOf } from './stats.mjs';

const RATE = 25;
const WARM_UP_SECONDS = 1;
/** Of the histogram, which then counts from one tick to the next: what is above it is delay. */
const RESOLUTION_MS = 1;

/**
 * `weighted` with the semantic scorer, on the threads and, for comparison, where it is decided; at a steady
 * rate, with what it does to the event loop of the deciding thread meanwhile. Rounds alternate.
 */
export async function semantic({ sizes, signal }) {
  const { agents, dimensions } = sizes.semantic;
  const chance = new Chance(7);
  const embedding = () => Array.from({ length: dimensions }, () => chance.next() - 0.5);
  const pool = new Pool({ strategy: 'weighted', scoring: { scorer: 'semantic' } });
  for (let i = 0; i < agents; i++) pool.join(`agent-${i + 1}`, { embedding: embedding() });
  const threads = createScoringThreads({ clock: systemClock });
  const ways = {
    nothing: () => {},
    inline: (task) => choose(pool, task, (job) => scoreSemantic(job)),
    threads: (task) => choose(pool, task, (job) => threads.score(job)),
  };
  const measure = async (name, seconds) => {
    signal.throwIfAborted();
    return round((dueMs) => ways[name]({ embedding: embedding(), monoMs: dueMs }), seconds);
  };

  for (const name of Object.keys(ways)) await measure(name, WARM_UP_SECONDS);
  const rounds = await repeat(sizes.repetitions, async () => {
    const found = {};
    for (const name of Object.keys(ways)) found[name] = await measure(name, sizes.semantic.seconds);
    return found;
  });
  await threads.close();
  return {
    ...{ agents, dimensions, ratePerSecond: RATE },
    ways: Object.fromEntries(Object.keys(ways).map((name) => [name, summary(rounds.map((found) => found[name]))])),
  };
}

async function choose(pool, task, score) {
  const startMs = performance.now();
  const input = pool.input(task);
  const { joins } = pool.roster;
  const job = scoreJob(input);
  const outcome = await score(job);
  const { failure, reason, scores } = outcome;
  if (failure !== undefined && failure !== 'deadline') throw new Error(`The scorer failed: ${reason}.`);
  const given =
    failure === undefined ? { scores: scoreTable(job, scores, { roster: pool.roster, joins }) } : { failure };
  decide({ ...input, given: { scorer: 'semantic', ...given } });
  return { tookMs: performance.now() - startMs, isLate: failure !== undefined };
}

async function round(send, seconds) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const choices = await pace({ rate: RATE, seconds }, send);
  delay.disable();
  const beyond = (ns) => Math.max(0, ns / 1e6 - RESOLUTION_MS);
  const [p50, p99] = [delay.percentile(50), delay.percentile(99)].map(beyond);
  return { choices: choices.filter((choice) => choice !== undefined), delayMs: { p50, p99, max: beyond(delay.max) } };
}

/** Delays as the median of the rounds' quantiles; a choice is late where the scorer missed its deadline. */
function summary(rounds) {
  const choices = rounds.flatMap((one) => one.choices);
  const median = (name) => spreadOf(rounds.map(({ delayMs }) => delayMs[name]));
  return {
    delayMs: { p50: median('p50'), p99: median('p99'), max: median('max') },
    ...(choices.length === 0 ? {} : { chooseMs: quantilesOf(choices.map(({ tookMs }) => tookMs)) }),
    late: choices.filter(({ isLate }) => isLate).length,
  };
}
