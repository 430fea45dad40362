import { describe, expect, it } from 'vitest';
import { Staff } from './staff.js';

/** Plan 03-03, agent router: what follows a failure. The pauses between attempts are passed by the test's clock. */

const LONGEST_PAUSE_MS = 10_000;

/** Lets whoever has the task fail it, and the pause pass. */
function failOnce(staff: Staff, retryable = true): void {
  staff.fail(staff.assigned('t')?.agentId ?? '', 't', retryable);
  staff.tick(LONGEST_PAUSE_MS);
}

describe('a retry', () => {
  it('goes to a different agent', () => {
    const staff = new Staff({ strategy: 'weighted' });
    staff.hire(['ann', 'ben'], { specializations: ['deploy'] });
    staff.lives('ann', 'deploy', { successes: 20 });
    staff.give({ id: 't', workType: 'deploy' });
    expect(staff.assigned('t')?.agentId).toBe('ann');
    failOnce(staff);
    expect(staff.assigned('t')?.agentId).toBe('ben');
  });

  it('goes to the same agent where there is no other, and the decision says so', () => {
    const staff = new Staff();
    staff.hire(['ann']);
    staff.give({ id: 't' });
    failOnce(staff);
    expect(staff.assigned('t')).toMatchObject({ agentId: 'ann', decision: { fallback: { kind: 'triedBefore' } } });
  });

  it('happens no more often than maxAttempts says, three by default', () => {
    const staff = new Staff();
    staff.hire(['ann', 'ben', 'eva', 'joe']);
    staff.give({ id: 't' });
    for (let attempt = 1; attempt <= 3; attempt++) failOnce(staff);
    expect(staff.status('t')).toBe('failed');
    expect(staff.turn.recorded('taskAssigned')).toHaveLength(3);
  });

  it('ends in an error that lists every attempt, its agent and its reason', () => {
    const staff = new Staff();
    staff.hire(['ann', 'ben', 'eva']);
    staff.give({ id: 't' });
    for (let attempt = 1; attempt <= 3; attempt++) failOnce(staff);
    const { message = '', retryable } = staff.selector.task('t')?.error ?? {};
    for (const [n, agentId] of ['ann', 'ben', 'eva'].entries()) {
      expect(message.toLowerCase()).toMatch(new RegExp(`attempt ${n + 1}\\b.*on ${agentId}: it broke`));
    }
    expect(retryable).toBe(false);
  });

  it('does not follow a permanent error', () => {
    const staff = new Staff();
    staff.hire(['ann', 'ben']);
    staff.give({ id: 't' });
    failOnce(staff, false);
    expect(staff.status('t')).toBe('failed');
    expect(staff.turn.recorded('taskAssigned')).toHaveLength(1);
  });

  it('is not tried in a pool without agents: it fails at once, without an attempt', () => {
    const staff = new Staff({ unschedulable: 'fail' });
    expect(staff.offer({ id: 't' })).toBeUndefined();
    expect(staff.selector.task('t')).toMatchObject({
      status: 'failed',
      attempt: 0,
      error: {
        code: 'NO_AGENT',
        retryable: false,
        message: expect.stringContaining('No agent is registered in pool dev'),
      },
    });
  });

  it('is not tried where no agent could ever take the task: it fails at once and names what is missing', () => {
    const staff = new Staff({ unschedulable: 'fail' });
    staff.hire(['ann'], { capabilities: ['paint'] });
    staff.offer({ id: 't', capabilities: ['deploy'] });
    expect(staff.selector.task('t')).toMatchObject({
      status: 'failed',
      error: { code: 'NO_AGENT', message: expect.stringContaining('deploy') },
    });
  });

  it('counts its attempts: 1, 2, 3', () => {
    const staff = new Staff();
    staff.hire(['ann', 'ben', 'eva']);
    staff.give({ id: 't' });
    failOnce(staff);
    failOnce(staff);
    const attempts = staff.turn.recorded('taskAssigned').map(({ attempt, decision }) => [attempt, decision.retried]);
    expect(attempts).toEqual([
      [1, false],
      [2, true],
      [3, true],
    ]);
  });

  it('waits longer after each failure, with jitter', () => {
    const pauses = (random: number) => {
      const staff = new Staff({}, () => random);
      staff.hire(['ann', 'ben', 'eva']);
      staff.give({ id: 't', backoffMs: 1_000 });
      failOnce(staff);
      failOnce(staff);
      return staff.turn.recorded('taskReleased').map(({ backoffMs }) => backoffMs);
    };
    expect(pauses(0)).toEqual([500, 1_000]);
    expect(pauses(0.5)).toEqual([750, 1_500]);
  });
});
