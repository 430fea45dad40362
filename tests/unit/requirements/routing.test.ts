import { describe, expect, it } from 'vitest';
import { HOUR_MS, Staff } from './staff.js';

/** Plan 03-03, agent router: who a task goes to. */

const DEPLOY = { workType: 'deploy_service', capabilities: ['deploy'] };
const weighted = () => new Staff({ strategy: 'weighted' });

describe('routing', () => {
  it('routes to an online agent that has the capability', () => {
    const staff = weighted();
    staff.hire(['ann'], { capabilities: ['deploy'] });
    expect(staff.give(DEPLOY).agentId).toBe('ann');
    expect(staff.assignments('ann')).toHaveLength(1);
  });

  it('routes to no agent that is not online', () => {
    const staff = weighted();
    staff.hire(['ann', 'ben'], { capabilities: ['deploy'] });
    staff.handle({ type: 'PRESENCE', agentId: 'ann', presence: 'offline', why: 'said so' });
    const { agentId, excluded } = staff.decide(DEPLOY);
    expect({ agentId, excluded }).toEqual({ agentId: 'ben', excluded: { offline: 1 } });
  });

  it('prefers the higher success rate', () => {
    const staff = weighted();
    staff.hire(['ann', 'ben'], { capabilities: ['deploy'] });
    staff.lives('ann', 'deploy_service', { successes: 12, failures: 8 });
    staff.lives('ben', 'deploy_service', { successes: 18, failures: 2 });
    const { agentId, successRatePercent } = staff.decide(DEPLOY);
    expect({ agentId, successRatePercent }).toEqual({ agentId: 'ben', successRatePercent: 90 });
  });

  it('prefers recent context', () => {
    const staff = weighted();
    staff.hire(['ann', 'ben'], { capabilities: ['deploy'] });
    staff.lives('ben', 'deploy_service', { successes: 1 });
    staff.turn.passMs(3 * HOUR_MS);
    staff.lives('ann', 'deploy_service', { successes: 1 });
    staff.turn.passMs(2 * HOUR_MS);
    const { agentId, recentContextMatch } = staff.decide(DEPLOY);
    expect({ agentId, recentContextMatch }).toEqual({ agentId: 'ann', recentContextMatch: true });
  });

  it('prefers the specialist', () => {
    const staff = weighted();
    staff.hire(['ann'], { capabilities: ['deploy'] });
    staff.hire(['ben'], { capabilities: ['deploy'], specializations: ['deploy_service'] });
    const { agentId, specializationMatch } = staff.decide(DEPLOY);
    expect({ agentId, specializationMatch }).toEqual({ agentId: 'ben', specializationMatch: true });
  });

  it('balances load: of three equal agents the one with the least open work gets it', () => {
    const staff = weighted();
    staff.hire(['ann', 'ben', 'eva']);
    staff.carries('ann', 3);
    staff.carries('ben', 2);
    staff.carries('eva', 1);
    expect(staff.give().agentId).toBe('eva');
  });

  it('passes over an agent without the capability', () => {
    const staff = weighted();
    staff.hire(['ann'], { specializations: ['deploy_service'] });
    staff.hire(['ben'], { capabilities: ['deploy'] });
    const { agentId, excluded } = staff.decide(DEPLOY);
    expect({ agentId, excluded }).toEqual({ agentId: 'ben', excluded: { capability: 1 } });
  });

  it('selects the highest score of the pool', () => {
    const staff = weighted();
    staff.hire(['ann', 'ben', 'eva'], { capabilities: ['deploy'] });
    staff.lives('ann', 'deploy_service', { successes: 11, failures: 9 });
    staff.lives('ben', 'deploy_service', { successes: 20 });
    staff.carries('ben', 1);
    const { agentId, score, runnersUp } = staff.decide(DEPLOY);
    expect({ agentId, score, runnersUp }).toEqual({
      agentId: 'ben',
      score: 30 + 40 + 0 + 9,
      runnersUp: [
        { agentId: 'ann', score: 30 + 40 * (11 / 20) + 0 + 10 },
        { agentId: 'eva', score: 0 + 40 * 0.5 + 0 + 10 },
      ],
    });
  });

  it('lets a task wait for an agent that is offline, and says so', () => {
    const staff = new Staff({ strategy: 'weighted', unschedulable: 'fail' });
    staff.hire(['ann'], { capabilities: ['deploy'] });
    staff.handle({ type: 'PRESENCE', agentId: 'ann', presence: 'offline', why: 'said so' });
    expect(staff.offer({ id: 't', ...DEPLOY })).toBeUndefined();
    expect(staff.status('t')).toBe('pending');
    staff.handle({ type: 'PRESENCE', agentId: 'ann', presence: 'online', why: 'said so' });
    expect(staff.assigned('t')?.agentId).toBe('ann');
  });
});
