import { systemClock } from '../dist/clock.js';
import { Chance } from '../dist/selection/chance.js';
import { decide, scoreJob } from '../dist/selection/decide.js';
import { scoreTable } from '../dist/selection/score-table.js';
import { createScoringThreads } from '../dist/selection/threads/pool.js';
import { Pool, WORK_TYPE } from './pool.mjs';
import { quantilesOf, spreadOf } from './stats.mjs';

const CONFIDENCES = ['none', 'lower-bound', 'thompson'];
const WARM_UP = 5;
const EXECUTIONS = 24;
/** No run may fail for being late here: the bench says how late it is. */
const DEADLINE_MS = 10_000;

/**
 * One `weighted` choice with the built-in scorer, scored where it is decided and on a thread, in turn. What
 * counts for the threshold between the two is for how long the deciding thread can do nothing else.
 */
export async function scoring({ sizes, signal }) {
  const threads = createScoringThreads({ clock: systemClock });
  const rows = [];
  for (const candidates of sizes.candidates) {
    for (const confidence of CONFIDENCES) {
      signal.throwIfAborted();
      const sides = await measure(threads, poolOf(candidates, confidence), sizes.scorings);
      rows.push({ candidates, confidence, ...sides });
    }
  }
  await threads.close();
  return rows;
}

/** Two pools of the same agents, of which one has its scores made on a thread however few agents there are. */
function poolOf(candidates, confidence) {
  const chance = new Chance(candidates);
  const policy = (scorer) => ({ strategy: 'weighted', scoring: { confidence, scorer, deadlineMs: DEADLINE_MS } });
  const [inline, onThread] = [new Pool(policy('builtin')), new Pool(policy('semantic'))];
  for (let index = 0; index < candidates; index++) {
    const outcomes = Array.from({ length: chance.below(EXECUTIONS) }, () =>
      chance.below(5) === 0 ? 'failure' : 'success',
    );
    for (const pool of [inline, onThread]) {
      pool.join(`agent-${index + 1}`, { specializations: index % 10 === 5 ? [WORK_TYPE] : [] });
      for (const outcome of outcomes) pool.roster.note(pool.roster.at(index), WORK_TYPE, outcome, -index);
    }
  }
  return { inline, onThread };
}

async function measure(threads, { inline, onThread }, count) {
  const inlineMs = [];
  const heldMs = [];
  const answeredMs = [];
  for (let seed = -WARM_UP; seed < count; seed++) {
    const startMs = performance.now();
    const chosen = decide(inline.input({ seed: seed + WARM_UP }));
    const tookMs = performance.now() - startMs;
    const other = await scoredOnThread(threads, inline, onThread, seed + WARM_UP);
    if (other.index !== chosen.member.index) throw new Error('The thread and the deciding one chose different agents.');
    if (seed < 0) continue;
    inlineMs.push(tookMs);
    heldMs.push(other.heldMs);
    answeredMs.push(other.answeredMs);
  }
  return {
    inlineMs: quantilesOf(inlineMs),
    heldMs: quantilesOf(heldMs),
    answeredMs: quantilesOf(answeredMs),
    ofInline: spreadOf(heldMs.map((ms, i) => ms / inlineMs[i])).median,
  };
}

/** What `Placement` does when a scorer runs first, and for how long this thread was busy with it. */
async function scoredOnThread(threads, inline, onThread, seed) {
  const before = performance.eventLoopUtilization();
  const startMs = performance.now();
  const input = inline.input({ seed });
  const job = { ...scoreJob(onThread.input({ seed })), scoring: input.policy.scoring };
  const { joins } = inline.roster;
  const outcome = await threads.score(job);
  if (outcome.failure !== undefined) throw new Error(`The scorer failed: ${outcome.reason}.`);
  const scores = scoreTable(job, outcome.scores, { roster: inline.roster, joins });
  const { member } = decide({ ...input, given: { scorer: 'builtin', scores } });
  const answeredMs = performance.now() - startMs;
  return { index: member.index, answeredMs, heldMs: performance.eventLoopUtilization(before).active };
}
