import { describe, expect, it } from 'vitest';
import { newTask } from '../../support/pool.js';
import { MINUTE_MS, round, Staff } from './staff.js';

/** Story 3.9, round robin: rotation, window and fallback. */

const HOUR_MINUTES = 60;

describe('rotation', () => {
  it('gives tasks to the available agents in turn', () => {
    const staff = new Staff();
    staff.hire(['ann', 'ben', 'eva']);
    expect(round(staff, 7)).toEqual(['ann', 'ben', 'eva', 'ann', 'ben', 'eva', 'ann']);
  });

  it('is the strategy and the window where a policy says nothing', () => {
    const { policy } = new Staff().selector.state;
    expect(policy).toMatchObject({ strategy: 'round-robin', historySize: 1_000, fallbackRetryAttempts: 3 });
    const untold = new Staff({ rotationWindowMinutes: undefined });
    expect(untold.selector.state.policy.rotationWindowMinutes).toBe(5);
  });

  it('chooses among those alone who are available and fit', () => {
    const staff = new Staff();
    staff.hire(['ann', 'ben', 'eva', 'joe'], { capabilities: ['a'] });
    staff.hire(['kim']);
    staff.handle({ type: 'PRESENCE', agentId: 'ben', presence: 'offline', why: 'said so' });
    staff.handle({ type: 'CORDON', agentId: 'eva', isCordoned: true });
    expect(round(staff, 4, { capabilities: ['a'] })).toEqual(['ann', 'joe', 'ann', 'joe']);
  });

  it('is disturbed by nobody who joins or leaves', () => {
    const staff = new Staff();
    staff.hire(['ann', 'ben', 'eva']);
    expect(round(staff, 2)).toEqual(['ann', 'ben']);
    staff.handle({ type: 'PRESENCE', agentId: 'ann', presence: 'offline', why: 'said so' });
    staff.hire(['joe']);
    expect(round(staff, 4)).toEqual(['eva', 'joe', 'ben', 'eva']);
  });

  it('always finds a single agent', () => {
    const staff = new Staff({ rotationWindowMinutes: 5 });
    staff.hire(['ann']);
    expect(round(staff, 3)).toEqual(['ann', 'ann', 'ann']);
  });

  it('assigns to nobody where nobody is', () => {
    const staff = new Staff();
    expect(staff.offer({ id: 't' })).toBeUndefined();
    expect(staff.status('t')).toBe('pending');
  });

  it('keeps a state of its own in each pool', () => {
    const [dev, ops] = [new Staff(), new Staff()];
    for (const staff of [dev, ops]) staff.hire(['ann', 'ben']);
    round(dev, 1);
    expect([dev.give().agentId, ops.give().agentId]).toEqual(['ben', 'ann']);
  });
});

describe('the rotation window', () => {
  it('skips whoever was assigned a task within it', () => {
    const staff = new Staff({ rotationWindowMinutes: 5 });
    staff.hire(['ann', 'ben', 'eva']);
    staff.complete(staff.give({ assignee: 'ben' }).agentId, 'given-1');
    staff.turn.passMs(MINUTE_MS);
    staff.give({ assignee: 'ann' });
    const { agentId, excluded } = staff.decide();
    expect({ agentId, excluded }).toEqual({ agentId: 'eva', excluded: { recent: 2 } });
  });

  it('takes the agent back into the rotation when it has passed', () => {
    const staff = new Staff({ rotationWindowMinutes: 5 });
    staff.hire(['ann', 'ben']);
    staff.give({ assignee: 'ben' });
    staff.turn.passMs(5 * MINUTE_MS - 1);
    expect(staff.decide().excluded).toEqual({ recent: 1 });
    staff.turn.passMs(1);
    expect(staff.decide()).toMatchObject({ agentId: 'ben', excluded: { recent: 1 } });
  });

  it('allows as many assignments as assignmentsPerWindow says', () => {
    const staff = new Staff({ rotationWindowMinutes: 5, assignmentsPerWindow: 2 });
    staff.hire(['ann', 'ben']);
    const kinds = Array.from({ length: 5 }, () => staff.decide().fallback?.kind);
    expect(kinds).toEqual([undefined, undefined, undefined, undefined, 'window']);
  });

  it('is off at 0 minutes', () => {
    const staff = new Staff({ rotationWindowMinutes: 0 });
    staff.hire(['ann']);
    expect([staff.decide(), staff.decide()].map(({ fallback }) => fallback)).toEqual([undefined, undefined]);
  });
});

describe('the fallback', () => {
  it('assigns to any available agent when all were served within the window', () => {
    const staff = new Staff({ rotationWindowMinutes: HOUR_MINUTES });
    staff.hire(['ann', 'ben']);
    expect(round(staff, 5)).toEqual(['ann', 'ben', 'ann', 'ben', 'ann']);
  });

  it('records its kind and its reason', () => {
    const staff = new Staff({ rotationWindowMinutes: HOUR_MINUTES });
    staff.hire(['ann']);
    round(staff, 1);
    const { fallback, reason } = staff.decide();
    expect(fallback).toEqual({ kind: 'window', reason: expect.stringContaining('60 min') });
    expect(reason).toContain('served recently');
  });

  it('goes on with the rotation where it was', () => {
    const staff = new Staff({ rotationWindowMinutes: 5 });
    staff.hire(['ann', 'ben', 'eva']);
    round(staff, 3);
    expect(staff.give().agentId).toBe('ann');
    staff.turn.passMs(5 * MINUTE_MS);
    expect(round(staff, 3)).toEqual(['ben', 'eva', 'ann']);
  });

  it('leaves the rotation where it is when an agent gets a task that it had before', () => {
    const staff = new Staff();
    staff.hire(['ann', 'ben']);
    staff.give({ id: 't' });
    staff.fail('ann', 't');
    staff.handle({ type: 'CORDON', agentId: 'ben', isCordoned: true });
    staff.tick(10_000);
    expect(staff.assigned('t')?.agentId).toBe('ann');
    staff.handle({ type: 'CORDON', agentId: 'ben', isCordoned: false });
    expect(round(staff, 2)).toEqual(['ben', 'ann']);
  });
});

describe('the history', () => {
  it('holds agent, task and instant of each assignment, and nothing else', () => {
    const staff = new Staff({ rotationWindowMinutes: 5 });
    staff.hire(['ann']);
    staff.submit(newTask('t', { payload: { customer: 'Ada', phone: '555' }, workType: 'refund' }));
    expect(staff.selector.state.history.entries()).toEqual([
      { agentId: 'ann', taskId: 't', monoMs: staff.turn.monoMs },
    ]);
  });

  it('tells in one look whether an agent was assigned something recently', () => {
    const staff = new Staff();
    staff.hire(['ann', 'ben']);
    staff.give({ assignee: 'ann' });
    const { history } = staff.selector.state;
    const at = staff.turn.monoMs;
    const looks = [0, 59_999, 60_000].map((afterMs) => history.wasRecentlyAssigned('ann', 60_000, at + afterMs));
    expect(looks).toEqual([true, true, false]);
    expect(history.wasRecentlyAssigned('ben', 60_000, at)).toBe(false);
  });

  it('keeps as many assignments as historySize says, the youngest', () => {
    const staff = new Staff({ historySize: 3 });
    staff.hire(['ann', 'ben']);
    round(staff, 5);
    expect(staff.selector.state.history.entries().map(({ taskId }) => taskId)).toEqual([
      'given-3',
      'given-4',
      'given-5',
    ]);
  });

  it('forgets what is older than 24 hours', () => {
    const staff = new Staff();
    staff.hire(['ann']);
    staff.give();
    staff.turn.passMs(24 * 60 * MINUTE_MS - 1);
    staff.give();
    expect(staff.selector.state.history.entries()).toHaveLength(2);
    staff.turn.passMs(1);
    staff.give();
    expect(staff.selector.state.history.entries().map(({ taskId }) => taskId)).toEqual(['given-2', 'given-3']);
  });
});

describe('many assignments at once', () => {
  it('leave no agent more than one task ahead of another', () => {
    const staff = new Staff();
    const ids = Array.from({ length: 7 }, (_, n) => `agent-${n}`);
    staff.hire(ids, { maxConcurrency: 100 });
    const counts = new Map<string, number>(ids.map((id) => [id, 0]));
    for (let n = 0; n < 100; n++) {
      const { agentId } = staff.give();
      counts.set(agentId, (counts.get(agentId) ?? 0) + 1);
      expect(Math.max(...counts.values()) - Math.min(...counts.values())).toBeLessThanOrEqual(1);
    }
  });
});
