import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DecisionSchema } from '#rota/protocol/decision.js';
import { STRATEGIES } from '#rota/protocol/policy.js';
import { decide, scoreJob, THREAD_THRESHOLD } from '#rota/selection/decide.js';
import { scoreTable } from '#rota/selection/score-table.js';
import { scoreAll } from '#rota/selection/scoring.js';
import { STRATEGY_BY_NAME } from '#rota/selection/strategies/index.js';
import { policyOf, TestPool } from './pool.js';

const MINUTE_MS = 60_000;

/** Agents with 20 executions of `default` each, of which so many succeeded. */
function poolOf(successes: Readonly<Record<string, number>>, policy: Parameters<typeof policyOf>[0] = {}): TestPool {
  const pool = new TestPool({ strategy: 'weighted', ...policy });
  for (const [id, count] of Object.entries(successes)) {
    const member = pool.join(id);
    for (let n = 0; n < 20; n++) pool.roster.note(member, 'default', n < count ? 'success' : 'failure', -5 * 3_600_000);
  }
  return pool;
}

describe('the reason says what decided:', () => {
  test('round-robin', () => {
    const pool = new TestPool({ rotationWindowMinutes: 0 });
    for (const id of ['ann', 'bob', 'cem']) pool.join(id, { maxConcurrency: 2 });
    expect(pool.decide()?.decision.reason).toBe('next in turn of 3 free agents');
    pool.assign();
    expect(pool.decide()?.decision.reason).toBe('next in turn of 3 free agents, after ann');
    expect(pool.decide({ assignee: 'cem' })?.decision.reason).toBe('the agent that the task names');
    expect(pool.decide({ excludeAgents: ['ann', 'bob'] })?.decision.reason).toBe('the only free agent');
  });

  test('least-loaded', () => {
    const pool = new TestPool({ strategy: 'least-loaded' });
    pool.join('ann', { maxConcurrency: 1 });
    pool.join('bob', { maxConcurrency: 3 });
    expect(pool.decide()?.decision.reason).toBe('3 free slots, the most of 2 free agents');
    pool.join('cem', { maxConcurrency: 3 });
    const { reason } = pool.decide()?.decision ?? expect.fail();
    expect(reason).toBe('3 free slots, the most of 3 free agents, next in turn of 2 with as many');
  });

  test('random and power-of-two', () => {
    const pool = new TestPool();
    pool.join('ann', { maxConcurrency: 1 });
    pool.join('bob', { maxConcurrency: 2 });
    expect(pool.decide({}, { policy: policyOf({ strategy: 'random' }) })?.decision.reason).toBe(
      'drawn from 2 free agents',
    );
    expect(pool.decide({}, { policy: policyOf({ strategy: 'power-of-two' }) })?.decision.reason).toBe(
      '2 free slots, drawn with ann (1 free slot) from 2 free agents',
    );
  });

  test('weighted', () => {
    const pool = poolOf({ ann: 16, bob: 10 });
    pool.roster.note(pool.roster.get('ann') ?? expect.fail(), 'default', 'success', 0);
    pool.monoMs = 20 * MINUTE_MS;
    expect(pool.decide()?.decision).toMatchObject({
      reason: 'score 72.4, the highest of 2 free agents: did it 20 min ago, 81 % of 21 succeeded, 0 open; next: bob 30',
      scorer: 'builtin',
      runnersUp: [{ agentId: 'bob', score: 30 }],
      successRatePercent: 81,
      recentContextMatch: true,
      specializationMatch: false,
    });
  });
});

describe('a fallback', () => {
  test('window: where all were served recently, the rotation goes on', () => {
    const pool = new TestPool({ rotationWindowMinutes: 5 });
    for (const id of ['ann', 'bob']) pool.join(id, { maxConcurrency: 9 });
    expect([pool.assign(), pool.assign(), pool.assign(), pool.assign()]).toEqual(['ann', 'bob', 'ann', 'bob']);
    const { decision } = pool.decide() ?? expect.fail();
    expect(decision.fallback?.kind).toBe('window');
    expect(decision.reason).toBe('next in turn of 2 free agents that were served recently, after bob');
  });

  test('triedBefore: another agent is preferred, and the same one is better than none', () => {
    const pool = new TestPool({ rotationWindowMinutes: 0 });
    for (const id of ['ann', 'bob']) pool.join(id);
    const again = { attempt: 2, triedBefore: new Set(['ann']) };
    expect(pool.decide(again)).toMatchObject({ member: { id: 'bob' }, decision: { retried: true } });
    pool.hold(pool.roster.get('bob') ?? expect.fail(), 't');
    const { member, decision } = pool.decide(again) ?? expect.fail();
    expect(member.id).toBe('ann');
    expect(decision.fallback).toEqual({ kind: 'triedBefore', reason: 'whoever is free and fits had the task before' });
  });

  test('strategy: where a strategy throws, the rotation chooses', () => {
    const pool = new TestPool({ strategy: 'random' });
    pool.join('ann');
    const failing = () => {
      throw new Error('out of luck');
    };
    const choice = decide(pool.input(), { ...STRATEGY_BY_NAME, random: failing });
    expect(choice?.member.id).toBe('ann');
    expect(choice?.decision).toMatchObject({
      strategy: 'round-robin',
      fallback: { kind: 'strategy', reason: 'random failed: out of luck' },
    });
  });

  test('scorer: where a scorer failed, the built-in one scores', () => {
    const pool = poolOf({ ann: 12, bob: 20 });
    const given = { scorer: 'file:///score.mjs', failure: 'it took longer than 50 ms' };
    const choice = pool.decide({}, { given });
    expect(choice).toMatchObject({
      member: { id: 'bob' },
      decision: { scorer: 'builtin', score: 50, fallback: { kind: 'scorer', reason: given.failure } },
    });
  });
});

describe('scores that were given', () => {
  const scored = (pool: TestPool, scores: Readonly<Record<string, number>>) => ({
    scorer: 'semantic',
    scores: new Map(Object.entries(scores).map(([id, score]) => [pool.roster.get(id)?.index ?? expect.fail(), score])),
  });

  test('decide, best first, among those that are still free; who has none comes last', () => {
    const pool = poolOf({ ann: 0, bob: 0, cem: 20, dan: 0 });
    const given = scored(pool, { ann: 0.1, bob: 0.9, dan: 0.4 });
    expect(pool.decide({}, { given })?.decision).toMatchObject({
      scorer: 'semantic',
      score: 0.9,
      probability: 1,
      given: [
        { agentId: 'bob', score: 0.9 },
        { agentId: 'dan', score: 0.4 },
        { agentId: 'ann', score: 0.1 },
      ],
    });
    for (const id of ['bob', 'dan', 'ann']) {
      expect(pool.decide({}, { given })?.member.id).toBe(id);
      pool.hold(pool.roster.get(id) ?? expect.fail(), id);
    }
    const { member, decision } = pool.decide({}, { given }) ?? expect.fail();
    expect(member.id).toBe('cem');
    expect(decision.score).toBeUndefined();
    expect(decision.given).toEqual([]);
  });

  test('have no parts of the built-in score', () => {
    const pool = poolOf({ ann: 0, bob: 0 });
    // Not even where the score is by chance that of the built-in scorer.
    expect(pool.decide({}, { given: scored(pool, { ann: 10 }) })?.decision.scoreParts).toBeUndefined();
    expect(pool.decide()?.decision.scoreParts).toEqual({ context: 0, success: 0, specialization: 0, load: 10 });
  });

  test('matter to no other strategy', () => {
    const pool = poolOf({ ann: 0, bob: 0 }, { strategy: 'round-robin' });
    const failed = { given: { scorer: 'semantic', failure: 'threw' } };
    expect(pool.decide({}, failed)).toEqual(pool.decide());
    expect(pool.decide({}, { given: scored(pool, { bob: 1 }) })).toEqual(pool.decide());
  });
});

describe('exploration', () => {
  test('draws its share of the choices, and says with what chance', () => {
    const pool = poolOf({ ann: 20, bob: 0, cem: 0, dan: 0 }, { scoring: { explorationShare: 0.4 } });
    const counts: Record<string, number> = {};
    for (let seed = 0; seed < 2_000; seed++) {
      const { member, decision } = pool.decide({}, { seed }) ?? expect.fail();
      counts[member.id] = (counts[member.id] ?? 0) + 1;
      expect(decision.probability).toBeCloseTo(member.id === 'ann' ? 0.7 : 0.1, 9);
      expect(decision.seed).toBe(seed);
    }
    expect((counts.ann ?? 0) / 2_000).toBeCloseTo(0.7, 1);
    expect((counts.dan ?? 0) / 2_000).toBeCloseTo(0.1, 1);
  });

  test('is off where nothing is said of it, and then no seed is needed', () => {
    const { decision } = poolOf({ ann: 20, bob: 0 }).decide() ?? expect.fail();
    expect(decision.seed).toBeUndefined();
    expect(decision.probability).toBe(1);
  });
});

test('the same input gives the same decision, and so does what was recorded of a scorer’s answer', () => {
  const score = fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined });
  const agents = fc.array(fc.record({ score, isBusy: fc.boolean() }), { minLength: 1, maxLength: 30 });
  const cases = fc.record({
    agents,
    strategy: fc.constantFrom(...STRATEGIES),
    seed: fc.nat(),
    cursor: fc.integer({ min: -1, max: 30 }),
    explorationShare: fc.constantFrom(0, 0.5),
    confidence: fc.constantFrom('none' as const, 'thompson' as const),
    isGiven: fc.boolean(),
  });
  fc.assert(
    fc.property(cases, ({ agents: listed, strategy, seed, cursor, explorationShare, confidence, isGiven }) => {
      const pool = new TestPool({ strategy, scoring: { explorationShare, confidence } });
      const scores = new Map<number, number>();
      for (const [n, one] of listed.entries()) {
        const member = pool.join(`a${n}`);
        if (one.isBusy) pool.roster.take(member);
        if (one.score !== undefined) scores.set(member.index, one.score);
      }
      pool.rotations.move('', cursor);
      const first = pool.decide({}, isGiven ? { seed, given: { scorer: 'semantic', scores } } : { seed });
      if (first === undefined) return;
      const { decision } = first;
      expect(DecisionSchema.parse({ ...decision, latencyMs: 0 })).toEqual({ ...decision, latencyMs: 0 });
      const kept = decision.given?.map((one) => [pool.roster.get(one.agentId)?.index ?? -1, one.score] as const);
      const again = pool.decide(
        {},
        {
          seed: decision.seed ?? 0,
          given: kept && { scorer: decision.scorer ?? '', scores: new Map(kept) },
        },
      );
      expect(JSON.stringify(again?.decision)).toBe(JSON.stringify(decision));
      expect(again?.member).toBe(first.member);
    }),
    { numRuns: 2_000 },
  );
});

describe('a job for a thread', () => {
  test('is made of all candidates where the scorer is not the built-in one', () => {
    const pool = poolOf({ ann: 20, bob: 0, cem: 0 }, { scoring: { scorer: 'file:///score.mjs' } });
    pool.join('dan', { capabilities: ['sql'], specializations: ['default'] });
    pool.roster.take(pool.roster.get('bob') ?? expect.fail());
    const job = scoreJob(pool.input({ id: 't', attempt: 2 })) ?? expect.fail();
    expect([...job.candidates]).toEqual([0, 2, 3]);
    expect(job).toMatchObject({ pool: 'p', task: { id: 't', workType: 'default', priority: 3, attempt: 2 } });
    expect(Object.keys(job.labels?.capabilities ?? {})).toEqual(['sql']);
    expect(job.specialists?.[0]).toBe(0b1000);
  });

  test('is not made for one candidate, for a few by the built-in scorer, or for another strategy', () => {
    expect(scoreJob(poolOf({ ann: 1, bob: 1 }).input())).toBeUndefined();
    const semantic = { scoring: { scorer: 'semantic' as const } };
    expect(scoreJob(poolOf({ ann: 1 }, semantic).input())).toBeUndefined();
    expect(scoreJob(poolOf({ ann: 1, bob: 1 }, { ...semantic, strategy: 'random' }).input())).toBeUndefined();
    expect(scoreJob(poolOf({ ann: 1, bob: 1 }, semantic).input())).toBeDefined();
  });

  test('has embeddings where agents have any, and no labels for the semantic scorer', () => {
    const pool = new TestPool({ strategy: 'weighted', scoring: { scorer: 'semantic' } });
    pool.join('ann', { embedding: [1, 0] });
    pool.join('bob');
    const input = pool.input();
    const job = scoreJob({ ...input, task: { ...input.task, embedding: [0, 1] } }) ?? expect.fail();
    expect(job.embeddings?.dimensions).toBe(2);
    expect([...(job.embeddings?.values.subarray(0, 2) ?? [])]).toEqual([1, 0]);
    expect(job.embeddings?.has[0]).toBe(0b01);
    expect(job.task.embedding).toEqual([0, 1]);
    expect(job.labels).toBeUndefined();
  });

  test('scored by the built-in scorer gives the choice that is made without a thread', () => {
    const pool = new TestPool({ strategy: 'weighted', scoring: { confidence: 'thompson' } });
    for (let n = 0; n <= THREAD_THRESHOLD.thompson; n++) {
      const member = pool.join(`a${n}`);
      for (let done = 0; done < 12; done++)
        pool.roster.note(member, 'default', (n * done) % 7 ? 'success' : 'failure', 0);
    }
    const job = scoreJob(pool.input()) ?? expect.fail();
    const scores = scoreTable(job, scoreAll(job), { roster: pool.roster, joins: pool.roster.joins });
    const { given, ...decision } = pool.decide({}, { given: { scorer: 'builtin', scores } })?.decision ?? expect.fail();
    expect(decision).toEqual(pool.decide()?.decision);
    expect(given).toHaveLength(8);
  });
});
