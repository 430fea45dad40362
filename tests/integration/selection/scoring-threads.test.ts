import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '#rota/clock.js';
import type { ScoreJob } from '#rota/selection/score-job.js';
import { scoreAll } from '#rota/selection/scoring.js';
import { createScoringThreads, type ScoringThreadsOptions } from '#rota/selection/threads/pool.js';
import { scoreSemantic } from '#rota/selection/threads/semantic.js';
import { jobOf, type Modules, scorerModules } from '../../support/score-jobs.js';
import { StoppedClock } from '../../support/stopped-clock.js';

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

/** Threads that have all the time that they need to start. */
async function start(options: Partial<ScoringThreadsOptions> = {}) {
  const threads = createScoringThreads({ clock: systemClock, startMs: 50_000, maxThreads: 1, ...options });
  const modules = await scorerModules();
  cleanUp.push(
    async () => modules[Symbol.asyncDispose](),
    () => threads.close(),
  );
  return { threads, modules, held: await heldScorer(modules) };
}

const LOADS = 'export const score = (task, agents) => agents.map(({ load }) => load);';
const LOOPS = 'export function score() { for (;;); }';

/** A scorer that answers when the load of the first agent is no longer 0. */
async function heldScorer(modules: Modules) {
  const scorer = await modules.scorer(`
    export async function score(task, agents) {
      while (agents[0].load === 0) await new Promise((resolve) => setImmediate(resolve));
      return agents.map(() => 1);
    }`);
  return () => {
    const job = jobOf([{}], { scoring: { scorer } });
    return { job, release: () => Atomics.store(job.agents.loads, 0, 1) };
  };
}

const FAILURES = [
  { what: 'loops for ever', source: LOOPS, deadlineMs: 20, failure: 'deadline', reason: 'it took longer than 20 ms' },
  {
    what: 'answers with a promise that stays open',
    source: 'export const score = () => new Promise(() => {});',
    deadlineMs: 20,
    failure: 'deadline',
    reason: 'it took longer than 20 ms',
  },
  {
    what: 'throws',
    source: 'export function score() { throw new Error("no idea"); }',
    failure: 'threw',
    reason: 'no idea',
  },
  {
    what: 'throws what no message can carry',
    source: 'export function score() { throw { toString: () => { throw 1; }, f() {} }; }',
    failure: 'threw',
    reason: 'something that has no words',
  },
  {
    what: 'rejects',
    source: 'export async function score() { throw new TypeError("later"); }',
    failure: 'threw',
    reason: 'later',
  },
  {
    what: 'leaves a rejection behind that nobody catches',
    source: 'export function score() { Promise.reject(new Error("stray")); return [1, 2]; }',
    failure: 'threw',
    reason: 'its thread ended: stray',
  },
  {
    what: 'ends its thread',
    source: 'export function score() { process.exit(3); }',
    failure: 'threw',
    reason: 'its thread ended: worker exited with code: 3',
  },
  {
    what: 'answers NaN',
    source: 'export const score = () => [1, NaN];',
    failure: 'nonsense',
    reason: 'score 2 of 2 is NaN and not a finite number',
  },
  {
    what: 'answers too few',
    source: 'export const score = () => [1];',
    failure: 'nonsense',
    reason: 'it answered a list of length 1 for 2 agents',
  },
  {
    what: 'allocates without end',
    source: 'export function score() { const all = []; for (;;) all.push(new Array(1000).fill(all.length)); }',
    failure: 'memory',
    reason: 'its thread ended: Worker terminated due to reaching memory limit: JS heap out of memory',
  },
  {
    what: 'exports no score',
    source: 'export const scores = () => [1, 2];',
    failure: 'unloadable',
    reason: 'the module exports no function `score`',
  },
  { what: 'fails as it is loaded', source: 'throw new Error("broken");', failure: 'unloadable', reason: 'broken' },
  {
    what: 'is no JavaScript',
    source: 'export const score = (',
    failure: 'unloadable',
    reason: 'Unexpected end of input',
  },
];

test.each(FAILURES)('a scorer that $what fails as $failure, and the job after it is served', async (row) => {
  const { source, deadlineMs = 10_000, failure, reason } = row;
  const { threads, modules } = await start({ memoryMb: 64 });
  const [scorer, good] = await Promise.all([modules.scorer(source), modules.scorer(LOADS)]);
  const agents = [{ load: 4 }, { load: 2 }];
  const broken = threads.score(jobOf(agents, { scoring: { scorer, deadlineMs } }));
  const next = threads.score(jobOf(agents, { scoring: { scorer: good } }));
  expect(await broken).toEqual({ failure, reason });
  expect(await next).toEqual({ scores: Float64Array.of(4, 2) });
  expect(threads.stats).toMatchObject({ running: 0, waiting: 0, scored: 1, failed: { [failure]: 1 } });
});

test('a scorer whose module is missing is unloadable', async () => {
  const { threads, modules } = await start();
  const outcome = await threads.score(jobOf([{}], { scoring: { scorer: modules.missing } }));
  expect(outcome).toMatchObject({ failure: 'unloadable', reason: expect.stringContaining('missing.mjs') });
});

test('a module that never finishes loading is given up, and the job after it is served', async () => {
  const clock = new StoppedClock();
  const { threads, modules } = await start({ clock, startMs: 400 });
  const scorer = await modules.scorer('await new Promise(() => {}); export const score = () => [1];');
  const stuck = threads.score(jobOf([{}], { scoring: { scorer } }));
  const next = threads.score(jobOf([{}]));
  clock.fireOldest(400);
  clock.endTurn();
  expect(await stuck).toEqual({ failure: 'deadline', reason: 'its thread or module was not ready within 400 ms' });
  expect(await next).toMatchObject({ scores: expect.anything() });
});

test('what cannot be sent to a thread fails and holds up nobody', async () => {
  const { threads } = await start();
  const job: ScoreJob = jobOf([{}]);
  const odd = { ...job, task: { ...job.task, capabilities: [(() => {}) as unknown as string] } };
  expect(await threads.score(odd)).toMatchObject({ failure: 'threw', reason: expect.stringContaining('cloned') });
  expect(await threads.score(job)).toEqual({ scores: scoreAll(job) });
});

test('a module may send messages, and nobody minds', async () => {
  const { threads, modules } = await start();
  const scorer = await modules.scorer(`
    import { parentPort } from 'node:worker_threads';
    export function score() {
      for (const message of [null, undefined, 7, { begun: 'x' }, { begun: 99 }]) parentPort.postMessage(message);
      return [1];
    }`);
  expect(await threads.score(jobOf([{}], { scoring: { scorer } }))).toEqual({ scores: Float64Array.of(1) });
});

test('a promise of scores is waited for', async () => {
  const { threads, modules } = await start();
  const scorer = await modules.scorer(
    'export const score = async (task, agents) => Float32Array.of(agents.length, 2);',
  );
  expect(await threads.score(jobOf([{}, {}], { scoring: { scorer } }))).toEqual({ scores: Float64Array.of(2, 2) });
});

test('beyond the queue a job is refused, and those in it are served', async () => {
  const { threads, held } = await start({ maxQueue: 1 });
  const [first, second, third] = [held(), held(), held()];
  const outcomes = [threads.score(first.job), threads.score(second.job)];
  expect(await threads.score(third.job)).toEqual({
    failure: 'queueFull',
    reason: 'the queue is full: waiting 1, threads at work 1',
  });
  first.release();
  second.release();
  expect(await Promise.all(outcomes)).toEqual([{ scores: Float64Array.of(1) }, { scores: Float64Array.of(1) }]);
});

test('while one scorer hangs, jobs go on on the other thread', async () => {
  const { threads, held, modules } = await start({ maxThreads: 2 });
  const hanging = held();
  const outcome = threads.score(hanging.job);
  const scorer = await modules.scorer(LOADS);
  for (const load of [1, 2, 3]) {
    expect(await threads.score(jobOf([{ load }], { scoring: { scorer } }))).toEqual({ scores: Float64Array.of(load) });
  }
  expect(threads.stats.running).toBe(1);
  hanging.release();
  expect(await outcome).toEqual({ scores: Float64Array.of(1) });
});

test('a job whose turn does not come is given up, and takes nothing from the one that runs', async () => {
  const clock = new StoppedClock();
  const { threads, held } = await start({ clock, startMs: 400 });
  const first = held();
  const running = threads.score(first.job);
  const waiting = threads.score(held().job);
  clock.fireNewest(400);
  clock.endTurn();
  expect(await waiting).toEqual({ failure: 'deadline', reason: 'no thread of 1 came free within 400 ms' });
  expect(threads.stats).toMatchObject({ running: 1, waiting: 0 });
  first.release();
  expect(await running).toEqual({ scores: Float64Array.of(1) });
});

test('a scorer that hangs three times in a row is not run again for a while', async () => {
  const { threads, modules } = await start();
  const scorer = await modules.scorer(LOOPS);
  const job = jobOf([{}], { scoring: { scorer, deadlineMs: 5 } });
  const outcomes = await Promise.all([1, 2, 3, 4].map(() => threads.score(job)));
  const plain = { failure: 'deadline', reason: 'it took longer than 5 ms' };
  expect(outcomes.slice(0, 3)).toEqual([plain, plain, plain]);
  const rests = { failure: 'deadline', reason: expect.stringMatching(/^it rests after 3 runs in a row/) };
  expect(outcomes[3]).toEqual(rests);
  expect(await threads.score(job)).toEqual(rests);
});

test('columns are read as they are at the time of the run', async () => {
  const { threads, modules } = await start();
  const job = jobOf([{ load: 1 }, { load: 2 }], { scoring: { scorer: await modules.scorer(LOADS) } });
  expect(await threads.score(job)).toEqual({ scores: Float64Array.of(1, 2) });
  job.agents.loads.set([7, 8]);
  expect(await threads.score(job)).toEqual({ scores: Float64Array.of(7, 8) });
});

const count = fc.nat({ max: 50 });
const agentsOf = fc.array(
  fc.record({
    recentLoad: fc.nat({ max: 12 }),
    successes: count,
    failures: count,
    lastMs: fc.oneof(fc.constant(Number.NEGATIVE_INFINITY), fc.double({ min: -1e8, max: 1_000, noNaN: true })),
    isSpecialist: fc.boolean(),
    embedding: fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 6, maxLength: 6 }),
  }),
  { minLength: 1, maxLength: 40 },
);

test.each(['none', 'lower-bound', 'thompson'] as const)(
  'the built-in scorer on a thread scores as inline, bit by bit (confidence %s)',
  async (confidence) => {
    const { threads } = await start();
    await fc.assert(
      fc.asyncProperty(agentsOf, async (agents) => {
        const job = jobOf(agents, { scoring: { confidence } });
        expect(await threads.score(job)).toStrictEqual({ scores: scoreAll(job) });
      }),
    );
  },
);

test('the semantic scorer on a thread scores as inline, and fails in words', async () => {
  const { threads } = await start();
  await fc.assert(
    fc.asyncProperty(agentsOf, async (agents) => {
      const job = jobOf(agents, { scoring: { scorer: 'semantic' }, task: { embedding: [1, -2, 3, 0.5, 0, 1] } });
      expect(await threads.score(job)).toStrictEqual(scoreSemantic(job));
    }),
  );
  const outcome = await threads.score(jobOf([{ embedding: [1, 2] }], { scoring: { scorer: 'semantic' } }));
  expect(outcome).toMatchObject({ failure: 'threw', reason: expect.stringContaining('has no embedding') });
});

test('there are no threads before the first job; closing ends them and fails what is under way', async () => {
  const { threads, held } = await start({ maxThreads: 2, minThreads: 2 });
  expect(threads.stats.threads).toBe(0);
  const outcomes = [1, 2, 3].map(() => threads.score(held().job));
  expect(threads.stats).toMatchObject({ threads: 2, running: 2, waiting: 1 });
  await Promise.all([threads.close(), threads.close()]);
  const closed = { failure: 'queueFull', reason: 'the scoring threads were closed' };
  expect(await Promise.all(outcomes)).toEqual([closed, closed, closed]);
  expect(await threads.score(held().job)).toEqual(closed);
  expect(threads.stats).toMatchObject({ threads: 0, running: 0, waiting: 0 });
});

test('closing what never had a thread is nothing', async () => {
  const threads = createScoringThreads({ clock: systemClock });
  await threads.close();
  expect(threads.stats.threads).toBe(0);
});

test('idle threads hold no process open', async () => {
  const script = `
    import { systemClock } from '#rota/clock.js';
    import { createScoringThreads } from '#rota/selection/threads/pool.js';
    const threads = createScoringThreads({ clock: systemClock, minThreads: 1 });
    const outcome = await threads.score({
      pool: 'dev', task: { id: 't', workType: 'w', priority: 3, attempt: 1, capabilities: [] },
      scoring: { scorer: 'file:///missing.mjs', deadlineMs: 10000 },
      monoMs: 0, seed: 0, candidates: Uint32Array.of(0), agents: {},
    });
    console.log(outcome.failure, threads.stats.threads);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  expect(stdout.trim()).toBe('unloadable 1');
});
