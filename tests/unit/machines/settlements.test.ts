import { describe, expect, test } from 'vitest';
import type { Settlement } from '#rota/protocol/frames.js';
import { newTask, PoolDriver } from '../../support/pool.js';

const handoff = { hops: 0, acceptTimeoutMs: 0 };

/** What the selector says of a settlement. */
function settle(
  pool: PoolDriver,
  settlement: Settlement,
  { principal = 'client', elsewhere = {} }: { principal?: string; elsewhere?: object } = {},
): string | undefined {
  let answer: string | undefined = 'unanswered';
  pool.handle({
    type: 'SETTLE',
    principal,
    settlements: [settlement],
    elsewhere: new Map(Object.entries(elsewhere)),
    answer: (_, code) => {
      answer = code;
    },
  });
  return answer;
}

const complete: Settlement = { action: 'complete', taskId: 't1', token: 1, result: 'done', durationMs: 1 };

describe('a settlement', () => {
  test('of a task that its client hands over is taken, and nothing is sent to the agent', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1', { handoff }));
    expect(settle(pool, complete)).toBeUndefined();
    expect(pool.status('t1')).toBe('completed');
    expect(pool.turn.sent.filter(({ to }) => to === 'ann')).toEqual([]);
    expect(settle(pool, complete)).toBeUndefined();
  });

  test('of another client, or of a task that is dispatched, is refused', () => {
    const pool = new PoolDriver();
    pool.join('ann', { maxConcurrency: 2 });
    pool.submit(newTask('t1', { handoff }), newTask('t2'));
    expect(settle(pool, complete, { principal: 'mallory' })).toBe('NOT_YOURS');
    expect(settle(pool, { ...complete, taskId: 't2' })).toBe('NOT_YOURS');
    expect([pool.status('t1'), pool.status('t2')]).toEqual(['assigned', 'assigned']);
  });

  test("is its client's: a report of the agent that has the task is refused", () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1', { handoff }));
    pool.complete('ann', 't1');
    expect(pool.status('t1')).toBe('assigned');
    expect(pool.turn.recorded('reportRefused')).toMatchObject([{ agentId: 'ann', code: 'NOT_YOURS' }]);
  });

  test('that comes when the offer has lapsed is refused, unless it gives up what was lost', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1', { handoff: { ...handoff, acceptTimeoutMs: 800 } }));
    // Nobody else is there: after its pause the task is offered to her again, and then waits for longer.
    pool.tick(900);
    expect(pool.status('t1')).toBe('assigned');
    pool.tick(900);
    expect(pool.status('t1')).toBe('pending');
    expect(settle(pool, { action: 'fail', taskId: 't1', token: 2, reason: 'broken', durationMs: 1 })).toBe(
      'STALE_LEASE',
    );
    expect(settle(pool, { ...complete, token: 2 })).toBe('STALE_LEASE');
    expect(settle(pool, { action: 'release', taskId: 't1', token: 2 })).toBeUndefined();
    expect(pool.turn.recorded('reportRefused')).toMatchObject([{ code: 'STALE_LEASE' }, { code: 'STALE_LEASE' }]);
  });

  test('of a task that memory forgot is answered as before to its client, and refused to others', () => {
    const pool = new PoolDriver();
    const ended = { status: 'completed', token: 1, agentId: 'ann' };
    const theirs = { elsewhere: { t1: { ...ended, handedOverBy: 'client' } } };
    expect(settle(pool, complete, theirs)).toBeUndefined();
    expect(settle(pool, complete, { ...theirs, principal: 'mallory' })).toBe('NOT_YOURS');
    expect(settle(pool, complete, { elsewhere: { t1: ended } })).toBe('NOT_YOURS');
    expect(settle(pool, complete)).toBe('UNKNOWN_TASK');
  });
});
