import { describe, expect, it } from 'vitest';
import type { AgentProfile } from '#rota/protocol/agent.js';
import type { ScoreParts } from '#rota/protocol/decision.js';
import type { PolicyInput } from '#rota/protocol/policy.js';
import { HOUR_MS, Staff } from './staff.js';

/** Plan 03-03, agent router: what a score is made of. All through real choices, as decisions record them. */

interface Past {
  readonly successes?: number;
  readonly failures?: number;
  readonly agoMs?: number;
  readonly open?: number;
  readonly profile?: Partial<AgentProfile>;
  readonly scoring?: PolicyInput['scoring'];
}

/** The score that an agent with such a past gets for one more deployment. */
function scoreOf({ open = 0, agoMs = 0, profile = {}, scoring = {}, ...past }: Past): { score: number } & ScoreParts {
  const staff = new Staff({ strategy: 'weighted', scoring });
  staff.hire(['ann'], profile);
  staff.lives('ann', 'deploy', past);
  staff.turn.passMs(agoMs);
  staff.carries('ann', open);
  const { score = Number.NaN, scoreParts } = staff.decide({ workType: 'deploy' });
  if (scoreParts === undefined) throw new Error('The decision has no parts of the score.');
  return { score, ...scoreParts };
}

describe('the score', () => {
  it('gives 36 points for a success rate of 90 %', () => {
    expect(scoreOf({ successes: 18, failures: 2 }).success).toBe(36);
  });

  it('adds 30 points for recent context', () => {
    expect(scoreOf({ successes: 1 }).context).toBe(30);
    expect(scoreOf({ successes: 1, agoMs: 4 * HOUR_MS - 1 }).context).toBe(30);
    expect(scoreOf({ successes: 1, agoMs: 4 * HOUR_MS }).context).toBe(0);
    expect(scoreOf({}).context).toBe(0);
  });

  it('counts a failed execution as context too', () => {
    expect(scoreOf({ failures: 1 }).context).toBe(30);
  });

  it('adds 20 points for a specialization', () => {
    expect(scoreOf({ profile: { specializations: ['deploy'] } }).specialization).toBe(20);
    expect(scoreOf({ profile: { specializations: ['paint'] } }).specialization).toBe(0);
  });

  it('gives the less loaded agent more, ten open tasks counting at most', () => {
    const points = [0, 1, 5, 9, 10, 15].map((open) => Number(scoreOf({ open }).load.toFixed(9)));
    expect(points).toEqual([10, 9, 5, 1, 0, 0]);
  });

  it('counts open tasks of the last hour alone as load', () => {
    const staff = new Staff({ strategy: 'weighted' });
    staff.hire(['ann']);
    staff.carries('ann', 3);
    staff.turn.passMs(HOUR_MS - 1);
    expect(staff.decide({ workType: 'deploy' }).scoreParts?.load).toBe(7);
    staff.turn.passMs(1);
    expect(staff.decide({ workType: 'deploy' }).scoreParts?.load).toBe(9);
  });

  it('takes 0.5 for a success rate of ten executions or fewer', () => {
    expect(scoreOf({ successes: 10 }).success).toBe(20);
    expect(scoreOf({ failures: 10 }).success).toBe(20);
    expect(scoreOf({ successes: 11 }).success).toBe(40);
    expect(scoreOf({ failures: 11 }).success).toBe(0);
  });

  it('gives a new agent 0.5 × 40 for success, and divides by nothing', () => {
    expect(scoreOf({})).toEqual({ score: 30, context: 0, success: 20, specialization: 0, load: 10 });
  });

  it('is 100 for a perfect agent', () => {
    expect(scoreOf({ successes: 20, profile: { specializations: ['deploy'] } }).score).toBe(100);
  });

  it('counts another work type for nothing', () => {
    const staff = new Staff({ strategy: 'weighted' });
    staff.hire(['ann']);
    staff.lives('ann', 'paint', { successes: 20 });
    expect(staff.decide({ workType: 'deploy' }).score).toBe(30);
  });

  it('has weights, spans and a minimum sample that a policy sets', () => {
    const scoring = {
      weights: { context: 10, success: 50, specialization: 40, load: 0 },
      contextMs: 1_000,
      minimumSample: 1,
    };
    const profile = { specializations: ['deploy'] };
    expect(scoreOf({ scoring, successes: 2, agoMs: 999, profile, open: 5 }).score).toBe(10 + 50 + 40 + 0);
    expect(scoreOf({ scoring, successes: 1, agoMs: 1_000 })).toMatchObject({ context: 0, success: 25 });
  });

  it('comes out as the example of docs/assigning.md says', () => {
    const staff = new Staff({ strategy: 'weighted' });
    staff.hire(['ann', 'eva'], { specializations: ['deploy'] });
    staff.hire(['ben']);
    staff.lives('ben', 'deploy', { successes: 30 });
    staff.turn.passMs(72 * HOUR_MS);
    staff.lives('ann', 'deploy', { successes: 19, failures: 1 });
    staff.turn.passMs(20 * 60_000);
    staff.carries('ann', 1);
    const { agentId, score, scoreParts, runnersUp } = staff.decide({ workType: 'deploy' });
    expect({ agentId, score, scoreParts }).toEqual({
      agentId: 'ann',
      score: 97,
      scoreParts: { context: 30, success: 38, specialization: 20, load: 9 },
    });
    expect(runnersUp?.map((one) => one.score)).toEqual([50, 50]);
  });
});
