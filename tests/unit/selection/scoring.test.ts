import { describe, expect, test } from 'vitest';
import type { AgentProfileInput } from '#rota/protocol/agent.js';
import type { PolicyInput } from '#rota/protocol/policy.js';
import { factsOf } from '#rota/selection/scores.js';
import { scoreOf, scorePartsOf } from '#rota/selection/scoring.js';
import { TestPool } from './pool.js';

const HOUR_MS = 3_600_000;
const NOW_MS = 100 * HOUR_MS;

interface Setting {
  readonly successes?: number;
  readonly failures?: number;
  /** Since the last execution. */
  readonly agoMs?: number;
  readonly open?: number;
  readonly profile?: Partial<AgentProfileInput>;
  readonly scoring?: PolicyInput['scoring'];
  readonly seed?: number;
}

/** One agent and a task of work type `deploy`, and what the agent scores. */
function scored({ successes = 0, failures = 0, agoMs = 10 * HOUR_MS, open = 0, profile, scoring, seed = 1 }: Setting) {
  const pool = new TestPool({ strategy: 'weighted', ...(scoring === undefined ? {} : { scoring }) });
  const ann = pool.join('ann', { maxConcurrency: 100, ...profile });
  pool.monoMs = NOW_MS;
  for (let n = 0; n < successes; n++) pool.roster.note(ann, 'deploy', 'success', NOW_MS - agoMs);
  for (let n = 0; n < failures; n++) pool.roster.note(ann, 'deploy', 'failure', NOW_MS - agoMs);
  for (let n = 0; n < open; n++) pool.hold(ann, `held-${n}`);
  const facts = factsOf(pool.input({ workType: 'deploy' }, { seed }));
  return { parts: scorePartsOf(facts, ann.index), total: scoreOf(facts, ann.index) };
}

describe('the built-in score', () => {
  test('success: 90 % of more than ten executions are 36 points', () => {
    expect(scored({ successes: 18, failures: 2 }).parts.success).toBeCloseTo(36, 9);
  });

  test('success: up to ten executions count as a half, 20 points', () => {
    expect(scored({}).parts.success).toBe(20);
    expect(scored({ successes: 10 }).parts.success).toBe(20);
    expect(scored({ successes: 11 }).parts.success).toBe(40);
  });

  test('context: 30 points for the same work type within four hours, and none at four hours', () => {
    expect(scored({ successes: 1, agoMs: 4 * HOUR_MS - 1 }).parts.context).toBe(30);
    expect(scored({ successes: 1, agoMs: 4 * HOUR_MS }).parts.context).toBe(0);
    expect(scored({ failures: 1, agoMs: 0 }).parts.context).toBe(30);
    expect(scored({}).parts.context).toBe(0);
  });

  test('specialization: 20 points for naming the work type', () => {
    expect(scored({ profile: { specializations: ['deploy'] } }).parts.specialization).toBe(20);
    expect(scored({ profile: { specializations: ['review'] } }).parts.specialization).toBe(0);
  });

  test('load: 10 points without open assignments, one less for each, none from ten on', () => {
    for (const [open, points] of [
      [0, 10],
      [1, 9],
      [5, 5],
      [10, 0],
      [12, 0],
    ] as const) {
      expect(scored({ open }).parts.load).toBeCloseTo(points, 9);
    }
  });

  test('a perfect agent has 100, a new one 30', () => {
    expect(scored({ successes: 20, agoMs: 0, profile: { specializations: ['deploy'] } }).total).toBe(100);
    expect(scored({}).total).toBe(30);
  });

  test('weights, window and minimum sample are the policy’s', () => {
    const weights = { context: 10, success: 60, specialization: 0, load: 30 };
    const scoring = { weights, contextMs: HOUR_MS, minimumSample: 1 };
    const { parts } = scored({ successes: 2, agoMs: 2 * HOUR_MS, open: 5, scoring });
    expect(parts).toEqual({ context: 0, success: 60, specialization: 0, load: 15 });
  });

  test('lower-bound: the less is known, the lower; nothing known is nothing', () => {
    const scoring = { confidence: 'lower-bound' as const };
    expect(scored({ scoring }).parts.success).toBe(0);
    // Wilson's interval of 9 out of 10 at 95 % begins at 0.5958, of 90 out of 100 at 0.8256.
    expect(scored({ successes: 9, failures: 1, scoring }).parts.success).toBeCloseTo(40 * 0.5958, 2);
    expect(scored({ successes: 90, failures: 10, scoring }).parts.success).toBeCloseTo(40 * 0.8256, 2);
  });

  test('thompson: draws around the rate, the same for the same seed, wider where less is known', () => {
    const scoring = { confidence: 'thompson' as const };
    const draws = (counts: Setting) =>
      Array.from({ length: 400 }, (_, seed) => scored({ ...counts, scoring, seed }).parts.success / 40);
    const [little, much] = [draws({ successes: 4, failures: 1 }), draws({ successes: 80, failures: 20 })];
    expect(draws({ successes: 4, failures: 1 })).toEqual(little);
    expect(mean(little)).toBeCloseTo(5 / 7, 1);
    expect(mean(much)).toBeCloseTo(81 / 102, 1);
    expect(deviation(little)).toBeCloseTo(Math.sqrt((5 * 2) / (7 ** 2 * 8)), 1);
    expect(deviation(much)).toBeLessThan(deviation(little) / 2);
  });
});

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviation(values: readonly number[]): number {
  return Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)));
}
