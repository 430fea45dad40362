import { describe, expect, test } from 'vitest';
import { LIMITS } from '#rota/protocol/limits.js';
import { newTask, PoolDriver } from '../../support/pool.js';

/** Every attempt of a task, as the journal has them. */
function agentsOf(pool: PoolDriver, taskId: string): string[] {
  return pool.turn.recorded('taskAssigned').flatMap((event) => (event.taskId === taskId ? [event.agentId] : []));
}

describe('an offer', () => {
  test('that is refused goes to the next agent at once, and counts as no attempt', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.join('bob');
    pool.submit(newTask('t1', { maxAttempts: 1 }));
    pool.reject('ann', 't1', 'on holiday');
    expect(agentsOf(pool, 't1')).toEqual(['ann', 'bob']);
    expect(pool.selector.task('t1')).toMatchObject({ status: 'assigned', attempt: 1, token: 2 });
    expect(pool.turn.recorded('taskReleased')).toMatchObject([
      { outcome: 'rejected', agentId: 'ann', error: { code: 'REJECTED' } },
    ]);
    expect(pool.turn.recorded('taskReleased')[0]?.error.message).toContain('on holiday');
  });

  test('that was refused waits for an agent that did not refuse it, though the one that did is free', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.join('bob');
    pool.submit(newTask('t0'), newTask('t1'));
    pool.reject('bob', 't1');
    expect(pool.status('t1')).toBe('pending');
    pool.complete('ann', 't0');
    expect(agentsOf(pool, 't1')).toEqual(['bob', 'ann']);
  });

  test('that was refused goes to the one that did, once nobody else is registered', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.join('bob');
    pool.submit(newTask('t0'), newTask('t1'));
    pool.reject('bob', 't1');
    pool.handle({ type: 'DEREGISTER', agentId: 'ann' });
    // What ann held comes first.
    pool.complete('bob', 't0');
    expect(pool.selector.task('t1')).toMatchObject({ status: 'assigned', agentId: 'bob' });
  });

  test('that all refused is made again, after a pause, to each in turn', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1', { backoffMs: 100 }));
    pool.reject('ann', 't1');
    pool.reject('ann', 't1');
    expect(pool.status('t1')).toBe('pending');
    pool.tick(99);
    expect(agentsOf(pool, 't1')).toEqual(['ann', 'ann', 'ann']);
  });

  test('that is refused over and over ends in a failure', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1', { backoffMs: 1 }));
    for (let i = 0; i < LIMITS.refusals; i++) {
      pool.tick(600_000);
      pool.reject('ann', 't1');
    }
    expect(pool.selector.task('t1')).toMatchObject({ status: 'failed', error: { code: 'REJECTED' } });
  });

  test('that is ignored goes to the next agent when its time is over, and the agent is told', () => {
    const pool = new PoolDriver({ policy: { acceptTimeoutMs: 500 } });
    pool.join('ann');
    pool.join('bob');
    pool.submit(newTask('t1'));
    pool.handle({ type: 'HEARTBEAT', agentId: 'ann', held: [{ taskId: 't1', token: 1 }] });
    pool.tick(499);
    expect(agentsOf(pool, 't1')).toEqual(['ann']);
    pool.tick(1);
    expect(agentsOf(pool, 't1')).toEqual(['ann', 'bob']);
    expect(pool.turn.items('ann', 'cancels')).toEqual([{ taskId: 't1', token: 1, reason: 'lapsed' }]);
    expect(pool.turn.recorded('taskReleased')).toMatchObject([
      { outcome: 'rejected', error: { code: 'NOT_ACCEPTED' } },
    ]);
  });

  test('that was accepted, or is held by an agent that prefetches, does not lapse', () => {
    const pool = new PoolDriver({ policy: { acceptTimeoutMs: 500 } });
    pool.join('ann', { prefetch: 1 });
    pool.submit(newTask('t1'), newTask('t2'));
    pool.accept('ann', 't1');
    pool.tick(900);
    expect([pool.status('t1'), pool.status('t2')]).toEqual(['running', 'assigned']);
  });
});

describe('a failed attempt', () => {
  test('prefers another agent', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.join('bob');
    pool.submit(newTask('t1', { backoffMs: 0 }));
    pool.fail('ann', 't1');
    pool.fail('bob', 't1');
    expect(agentsOf(pool, 't1')).toEqual(['ann', 'bob', 'ann']);
    const decisions = pool.turn.recorded('taskAssigned').map((event) => event.decision);
    expect(decisions.map((one) => one.retried)).toEqual([false, true, true]);
    expect(decisions.map((one) => one.fallback?.kind)).toEqual([undefined, undefined, 'triedBefore']);
  });

  test('may go to the same agent when no other is left', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1', { backoffMs: 0 }));
    pool.fail('ann', 't1');
    expect(agentsOf(pool, 't1')).toEqual(['ann', 'ann']);
  });

  test('that is the last one lists every attempt, agent and reason', () => {
    const pool = new PoolDriver();
    for (const id of ['ann', 'bob', 'cem']) pool.join(id);
    pool.submit(newTask('t1', { backoffMs: 0, maxAttempts: 2 }));
    pool.reject('ann', 't1', 'no time');
    pool.fail('bob', 't1');
    pool.fail('cem', 't1');
    const { error } = pool.selector.task('t1') ?? expect.fail();
    expect(error?.message.split('\n')).toEqual([
      'Attempt 2 of 2, on cem: it broke',
      'Before it:',
      '  not taken by ann: Agent ann refused the offer: no time. It goes to another agent, if there is one that fits.',
      '  attempt 1, on bob: it broke',
    ]);
  });

  test('whose error is permanent is not tried again', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.join('bob');
    pool.submit(newTask('t1'));
    pool.fail('ann', 't1', false);
    expect(pool.selector.task('t1')).toMatchObject({ status: 'failed', attempt: 1 });
  });
});

describe('a task that nobody could ever take', () => {
  const strict = { policy: { unschedulable: 'fail' as const } };

  test('fails at once where no agent is registered', () => {
    const pool = new PoolDriver(strict);
    pool.submit(newTask('t1'));
    const { status, error } = pool.selector.task('t1') ?? expect.fail();
    expect(status).toBe('failed');
    expect(error).toMatchObject({ code: 'NO_AGENT', retryable: false });
    expect(error?.message).toMatch(/^No agent is registered in pool dev\. /);
  });

  test('fails at once where no registered agent fits, and says what it asked for', () => {
    const pool = new PoolDriver(strict);
    pool.join('ann', { capabilities: ['ts'] });
    pool.submit(newTask('t1', { capabilities: ['sql'], roles: ['lead'] }));
    expect(pool.selector.task('t1')?.error?.message).toMatch(
      /None of the 1 agents registered in pool dev has what it asks for: all of the capabilities sql; one of the roles lead\./,
    );
  });

  test('fails when the last agent that fits is deregistered, and no sooner', () => {
    const pool = new PoolDriver(strict);
    for (const id of ['ann', 'bob']) {
      pool.join(id, { capabilities: ['sql'] });
      pool.handle({ type: 'CORDON', agentId: id, isCordoned: true });
    }
    pool.join('cem');
    pool.submit(newTask('t1', { capabilities: ['sql'] }));
    pool.handle({ type: 'DEREGISTER', agentId: 'ann' });
    expect(pool.status('t1')).toBe('pending');
    pool.handle({ type: 'DEREGISTER', agentId: 'bob' });
    expect(pool.selector.task('t1')).toMatchObject({ status: 'failed', error: { code: 'NO_AGENT' } });
  });

  test('waits where an agent that fits is registered, though it is offline, cordoned or off duty', () => {
    const pool = new PoolDriver(strict);
    pool.join('ann');
    pool.handle({ type: 'PRESENCE', agentId: 'ann', presence: 'offline', why: 'said so' });
    pool.submit(newTask('t1'));
    expect(pool.status('t1')).toBe('pending');
    pool.handle({ type: 'PRESENCE', agentId: 'ann', presence: 'online', why: 'said so' });
    expect(pool.status('t1')).toBe('assigned');
  });

  test('fails at once where its pool has as many work types as it may have', () => {
    const pool = new PoolDriver();
    pool.join('ann', { maxConcurrency: LIMITS.creditPerAgent });
    for (let n = 0; n < LIMITS.workTypesPerPool; n++) pool.submit(newTask(`t${n}`, { workType: `w${n}` }));
    pool.submit(newTask('known', { workType: 'w7' }), newTask('more', { workType: 'another' }));
    expect(pool.status('known')).toBe('assigned');
    expect(pool.selector.task('more')).toMatchObject({ status: 'failed', error: { code: 'WORK_TYPES_FULL' } });
  });
});
