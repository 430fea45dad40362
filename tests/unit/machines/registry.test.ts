import { describe, expect, test } from 'vitest';
import { AgentProfileSchema } from '#rota/protocol/agent.js';
import { newTask, PoolDriver } from '../../support/pool.js';

const HOURS = { timeZone: 'UTC', spans: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:00', to: '17:00' }] };

function joinWithHours(pool: PoolDriver, agentId: string): void {
  pool.join(agentId, { workingHours: AgentProfileSchema.shape.workingHours.parse(HOURS) });
}

describe('the registry', () => {
  test('an agent that is cordoned gets nothing new, keeps what it has, and is fed when it is uncordoned', () => {
    const pool = new PoolDriver();
    pool.join('ann', { maxConcurrency: 2 });
    pool.submit(newTask('t1'));
    pool.handle({ type: 'CORDON', agentId: 'ann', isCordoned: true });
    pool.submit(newTask('t2'));
    expect([pool.status('t1'), pool.status('t2')]).toEqual(['assigned', 'pending']);
    pool.handle({ type: 'CORDON', agentId: 'ann', isCordoned: true });
    expect(pool.turn.recorded('agentFlagged')).toHaveLength(1);
    pool.handle({ type: 'CORDON', agentId: 'ann', isCordoned: false });
    expect(pool.status('t2')).toBe('assigned');
  });

  test('one that is deregistered loses what it holds and its performance, and its place is free', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.join('bob');
    pool.submit(newTask('t0'), newTask('t1'));
    pool.complete('ann', 't0');
    pool.handle({ type: 'DEREGISTER', agentId: 'ann' });
    expect(pool.selector.roster.get('ann')).toBeUndefined();
    expect(pool.selector.roster.nextIndex).toBe(0);
    pool.join('cem', {}, 'cem-1');
    expect(pool.selector.roster.get('cem')?.index).toBe(0);
    const { successes } = pool.selector.roster.performanceOf(
      pool.selector.roster.get('cem') ?? expect.fail(),
      'default',
    );
    expect(successes).toBe(0);
  });

  test('what a deregistered agent held goes to another', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1'));
    pool.join('bob');
    pool.handle({ type: 'DEREGISTER', agentId: 'ann' });
    expect(pool.selector.task('t1')).toMatchObject({ status: 'assigned', agentId: 'bob' });
  });

  test('an update from the registry keeps session, presence and flags', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.handle({ type: 'CORDON', agentId: 'ann', isCordoned: true });
    const profile = AgentProfileSchema.parse({ pool: 'dev', capabilities: ['sql'] });
    pool.handle({ type: 'UPDATE', agentId: 'ann', profile });
    expect(pool.selector.roster.get('ann')).toMatchObject({
      session: 'ann-1',
      presence: 'online',
      isCordoned: true,
      profile: { capabilities: ['sql'] },
    });
  });

  test('one whose heartbeats are watched for no longer loses what was sent to it', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1'));
    pool.accept('ann', 't1');
    const profile = AgentProfileSchema.parse({ pool: 'dev', availability: 'source' });
    pool.handle({ type: 'UPDATE', agentId: 'ann', profile });
    expect(pool.status('t1')).toBe('pending');
    pool.join('bob');
    expect(pool.selector.task('t1')).toMatchObject({ status: 'assigned', agentId: 'bob', token: 2 });
    expect(pool.selector.roster.get('ann')).toMatchObject({ session: 'registry', presence: 'offline' });
  });

  test('one that is to send heartbeats gets nothing before its first', () => {
    const pool = new PoolDriver();
    pool.join('ann', { availability: 'source' }, 'registry');
    pool.handle({ type: 'UPDATE', agentId: 'ann', profile: AgentProfileSchema.parse({ pool: 'dev' }) });
    pool.submit(newTask('t1'));
    expect(pool.status('t1')).toBe('pending');
    pool.join('ann');
    expect(pool.status('t1')).toBe('assigned');
  });

  test('one that is disabled gets nothing new', () => {
    const pool = new PoolDriver();
    pool.join('ann', { enabled: false });
    pool.submit(newTask('t1'));
    expect(pool.status('t1')).toBe('pending');
  });
});

describe('working hours', () => {
  test('begin and end while time passes', () => {
    const pool = new PoolDriver();
    pool.turn.wallMs = Date.UTC(2026, 10, 20, 8, 59); // a Friday
    joinWithHours(pool, 'ann');
    pool.submit(newTask('t1'));
    expect(pool.status('t1')).toBe('pending');
    pool.tick(60_000);
    expect(pool.status('t1')).toBe('assigned');
    pool.complete('ann', 't1');
    for (let minutes = 0; minutes < 8 * 60; minutes += 10) pool.tick(600_000);
    pool.submit(newTask('t2'));
    expect(pool.status('t2')).toBe('pending');
    expect(pool.turn.recorded('agentFlagged').map((event) => event.isSet)).toEqual([false, true]);
  });

  test('are looked at once for each agent, however often it registers', () => {
    const pool = new PoolDriver();
    for (let n = 0; n < 100; n++) {
      joinWithHours(pool, 'ann');
      pool.join('ann', {}, `ann-${n + 2}`);
    }
    joinWithHours(pool, 'ann');
    pool.tick(600_000);
    expect(pool.selector.deadlines).toBe(1);
    pool.tick(600_000);
    expect(pool.selector.deadlines).toBe(1);
  });

  test('are looked at again after a recovery', () => {
    const pool = new PoolDriver();
    pool.turn.wallMs = Date.UTC(2026, 10, 20, 16, 59);
    joinWithHours(pool, 'ann');
    pool.turn.wallMs = Date.UTC(2026, 10, 20, 17, 1);
    pool.handle({ type: 'RESUME' });
    expect(pool.selector.roster.get('ann')?.isOffDuty).toBe(true);
  });
});
