import { describe, expect, test } from 'vitest';
import { HEARTBEAT_MS, LEASE_MS, newTask, PoolDriver } from '../../support/pool.js';

describe('placing', () => {
  test('a task goes to a free agent at once, with what it needs to know', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1', { payload: { n: 1 }, inputs: { before: 2 }, timeoutMs: 50, workType: 'build' }));
    expect(pool.assignments('ann')).toEqual([
      {
        taskId: 't1',
        attempt: 1,
        token: 1,
        pool: 'dev',
        workType: 'build',
        payload: { n: 1 },
        inputs: { before: 2 },
        timeoutMs: 50,
      },
    ]);
    expect(pool.status('t1')).toBe('assigned');
  });

  test('a task that nobody can take waits, and is placed the moment somebody can', () => {
    const pool = new PoolDriver();
    pool.submit(newTask('t1', { capabilities: ['sql'] }));
    pool.join('ann');
    expect(pool.status('t1')).toBe('pending');
    pool.join('bob', { capabilities: ['sql'] });
    expect(pool.assignments('bob').map((one) => one.taskId)).toEqual(['t1']);
  });

  test('a freed agent takes the oldest of the highest priority', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(
      newTask('t1'),
      newTask('low', { priority: 5 }),
      newTask('a'),
      newTask('b'),
      newTask('urgent', { priority: 1 }),
    );
    for (const id of ['t1', 'urgent', 'a', 'b', 'low']) pool.complete('ann', id);
    expect(pool.assignments('ann').map((one) => one.taskId)).toEqual(['t1', 'urgent', 'a', 'b', 'low']);
  });

  test('an agent holds no more than its credit', () => {
    const pool = new PoolDriver();
    pool.join('ann', { maxConcurrency: 2, prefetch: 1 });
    pool.submit(...[1, 2, 3, 4].map((n) => newTask(`t${n}`)));
    expect(pool.assignments('ann')).toHaveLength(3);
    expect(pool.status('t4')).toBe('pending');
    pool.complete('ann', 't2');
    expect(pool.status('t4')).toBe('assigned');
  });

  test('a task submitted twice is one task', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1'));
    pool.submit(newTask('t1', { payload: 'other' }));
    pool.complete('ann', 't1');
    pool.submit(newTask('t1'));
    expect(pool.turn.recorded('taskSubmitted')).toHaveLength(1);
    expect(pool.assignments('ann')).toHaveLength(1);
  });

  test('says why a task waits', () => {
    const pool = new PoolDriver();
    const why = (id: string) => {
      const task = pool.selector.task(id);
      return task && pool.selector.whyWaiting(task);
    };
    pool.submit(newTask('t1'), newTask('t2'), newTask('sql', { capabilities: ['sql'] }));
    expect(why('t1')).toBe('no agent has registered in pool dev');
    pool.join('ann');
    expect(why('t1')).toBeUndefined();
    expect(why('t2')).toBe('the one agent that fits is busy');
    expect(why('sql')).toBe('no agent of pool dev has all of: sql');
    const reasons = (id: string) => pool.selector.unschedulableReasons(pool.selector.task(id) ?? expect.fail());
    expect(reasons('t2')).toEqual([{ reason: 'busy', count: 1 }]);
    expect(reasons('sql')).toEqual([{ reason: 'capability', count: 1 }]);
    pool.fail('ann', 't1');
    expect(why('t1')).toBe('waits before it is tried again: it broke');
    pool.handle({ type: 'PRESENCE', agentId: 'ann', presence: 'suspect', why: 'went silent' });
    pool.tick(1_000);
    expect(why('t1')).toBe('the one agent that fits is offline');
  });
});

describe('reports', () => {
  test('a completed task ends once, its client is told, and its agent takes the next one', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1'), newTask('t2'));
    pool.complete('ann', 't1');
    expect(pool.turn.items('client', 'events')).toMatchObject([{ taskId: 't1', status: 'completed', result: 'done' }]);
    expect(pool.turn.items('ann', 'acks')).toEqual([{ taskId: 't1', token: 1, outcome: 'completed', accepted: true }]);
    expect(pool.status('t2')).toBe('assigned');
  });

  test('a repeated report gets the answer that it got before, and changes nothing', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1'));
    pool.complete('ann', 't1');
    pool.complete('ann', 't1');
    expect(pool.turn.items('ann', 'acks').map((ack) => ack.accepted)).toEqual([true, true]);
    expect(pool.turn.recorded('taskCompleted')).toHaveLength(1);
    expect(pool.turn.recorded('reportRefused')).toHaveLength(0);
  });

  test('a result that comes after the task has failed is refused, and said to be', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1', { maxAttempts: 1, timeoutMs: 100 }));
    pool.accept('ann', 't1');
    pool.tick(100);
    pool.complete('ann', 't1');
    expect(pool.turn.items('ann', 'acks').at(-1)).toMatchObject({ accepted: false, code: 'TASK_ENDED' });
    expect(pool.turn.recorded('reportRefused')).toHaveLength(1);
    expect(pool.status('t1')).toBe('failed');
  });

  test('a repeated failure gets the answer that it got before, whatever came of the task', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1', { maxAttempts: 2, backoffMs: 1_000 }));
    pool.fail('ann', 't1');
    pool.fail('ann', 't1');
    expect(pool.turn.items('ann', 'acks').map((ack) => ack.accepted)).toEqual([true, true]);
    expect(pool.turn.recorded('taskReleased')).toHaveLength(1);
    expect(pool.turn.recorded('reportRefused')).toHaveLength(0);
  });

  test('a repeated report of a task that memory has forgotten is answered from the store', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    const report = { outcome: 'completed', taskId: 'old', token: 2, result: null, durationMs: 1 } as const;
    const elsewhere = new Map([['old', { status: 'completed', token: 2, agentId: 'ann' } as const]]);
    pool.handle({ type: 'REPORT', agentId: 'ann', session: 'ann-1', reports: [report], elsewhere });
    const foreign = { ...report, token: 1 };
    pool.handle({ type: 'REPORT', agentId: 'ann', session: 'ann-1', reports: [foreign], elsewhere });
    expect(pool.turn.items('ann', 'acks')).toMatchObject([{ accepted: true }, { accepted: false, code: 'TASK_ENDED' }]);
  });

  const refusals: [string, string, (pool: PoolDriver) => void][] = [
    ['of an older token', 'STALE_LEASE', (pool) => pool.complete('ann', 't1', 0)],
    ['of another agent', 'STALE_LEASE', (pool) => pool.complete('bob', 't1')],
    ['of an unknown task', 'UNKNOWN_TASK', (pool) => pool.complete('ann', 'nothing', 1)],
    ['of a session that was replaced', 'SESSION_REPLACED', (pool) => pool.complete('ann', 't1', 1, 'ann-0')],
    [
      'after a cancel',
      'TASK_ENDED',
      (pool) => {
        pool.handle({ type: 'CANCEL', taskIds: ['t1'], mode: 'abort' });
        pool.complete('ann', 't1');
      },
    ],
    [
      'after the lease went to another',
      'STALE_LEASE',
      (pool) => {
        pool.handle({ type: 'PRESENCE', agentId: 'ann', presence: 'offline', why: 'went silent' });
        pool.complete('ann', 't1', 1);
      },
    ],
  ];
  for (const [name, code, act] of refusals) {
    test(`a report ${name} is refused, with the reason on record`, () => {
      const pool = new PoolDriver();
      pool.join('ann');
      pool.join('bob');
      pool.submit(newTask('t1'));
      act(pool);
      expect(pool.turn.recorded('reportRefused')).toMatchObject([{ code }]);
      expect(pool.turn.recorded('taskCompleted')).toHaveLength(0);
      expect(['ann', 'bob'].flatMap((id) => pool.turn.items(id, 'acks'))).toMatchObject([{ accepted: false, code }]);
    });
  }
});

describe('failing and trying again', () => {
  test('a failed attempt waits its backoff, then goes to an agent again', () => {
    const pool = new PoolDriver({ random: () => 0.5 });
    pool.join('ann');
    pool.submit(newTask('t1', { backoffMs: 100 }));
    pool.fail('ann', 't1');
    expect(pool.turn.recorded('taskReleased')).toMatchObject([{ outcome: 'failed', backoffMs: 75 }]);
    pool.tick(74);
    expect(pool.status('t1')).toBe('pending');
    pool.tick(1);
    expect(pool.assignments('ann').at(-1)).toMatchObject({ taskId: 't1', attempt: 2, token: 2 });
  });

  test('backoff is not jumped by an agent that comes free', () => {
    const pool = new PoolDriver();
    pool.submit(newTask('t1', { backoffMs: 1_000 }));
    pool.join('ann');
    pool.fail('ann', 't1');
    pool.join('bob');
    expect(pool.assignments('bob')).toEqual([]);
  });

  test('the last attempt fails the task, and says which attempt, where and why', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1', { maxAttempts: 2, backoffMs: 0 }));
    pool.fail('ann', 't1');
    pool.fail('ann', 't1');
    expect(pool.status('t1')).toBe('failed');
    expect(pool.turn.items('client', 'events')).toMatchObject([
      {
        status: 'failed',
        attempt: 2,
        error: {
          message: 'Attempt 2 of 2, on ann: it broke\nBefore it:\n  attempt 1, on ann: it broke',
          retryable: false,
        },
      },
    ]);
  });

  test('an error that another attempt can not help fails the task at once', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1'));
    pool.fail('ann', 't1', false);
    expect(pool.status('t1')).toBe('failed');
  });

  test('a running task that takes too long is failed and its agent told to stop', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1', { timeoutMs: 500, maxAttempts: 1 }));
    pool.tick(600);
    expect(pool.status('t1')).toBe('assigned');
    pool.accept('ann', 't1');
    pool.tick(499);
    expect(pool.status('t1')).toBe('running');
    pool.tick(1);
    expect(pool.turn.items('ann', 'cancels')).toEqual([{ taskId: 't1', token: 1, reason: 'timeout' }]);
    expect(pool.turn.items('client', 'events')).toMatchObject([{ status: 'failed', error: { code: 'TASK_TIMEOUT' } }]);
  });

  test('a task that is known to be impossible fails without an attempt', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    const unrunnable = { code: 'INPUT_TOO_LARGE' as const, message: 'too large', retryable: false };
    pool.submit(newTask('t1', { unrunnable }));
    expect(pool.status('t1')).toBe('failed');
    expect(pool.assignments('ann')).toEqual([]);
  });
});

describe('leases', () => {
  test('a heartbeat keeps the tasks that it names', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1'));
    for (let i = 0; i < 10; i++) {
      pool.tick(HEARTBEAT_MS);
      pool.handle({ type: 'HEARTBEAT', agentId: 'ann', held: [{ taskId: 't1', token: 1 }] });
    }
    expect(pool.status('t1')).toBe('assigned');
    expect(pool.assignments('ann')).toHaveLength(1);
  });

  test('an assignment that the agent does not know of is sent again, and taken back when its lease ends', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1'));
    const beat = () => pool.handle({ type: 'HEARTBEAT', agentId: 'ann', held: [] });
    beat();
    expect(pool.assignments('ann')).toHaveLength(1);
    pool.turn.passMs(HEARTBEAT_MS);
    beat();
    expect(pool.assignments('ann').map((one) => one.token)).toEqual([1, 1]);
    pool.turn.passMs(LEASE_MS);
    beat();
    expect(pool.turn.recorded('taskReleased')).toMatchObject([
      { outcome: 'released', error: { code: 'LEASE_EXPIRED' } },
    ]);
    expect(pool.assignments('ann').at(-1)).toMatchObject({ token: 2, attempt: 2 });
  });

  test('what an agent holds that is not its own is revoked', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1'));
    const held = [
      { taskId: 't1', token: 1 },
      { taskId: 't1', token: 2 },
      { taskId: 'other', token: 1 },
    ];
    expect(pool.selector.revoked('ann', held)).toEqual(held.slice(1));
  });

  test('an agent that goes silent loses its tasks to others at once', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1'));
    pool.join('bob');
    pool.handle({ type: 'PRESENCE', agentId: 'ann', presence: 'offline', why: 'went silent' });
    expect(pool.assignments('bob')).toMatchObject([{ taskId: 't1', attempt: 2, token: 2 }]);
  });

  test('after a recovery nobody gets anything new before it is heard of', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('held'));
    pool.handle({ type: 'RESUME' });
    pool.submit(newTask('new'));
    pool.complete('ann', 'held');
    expect(pool.status('new')).toBe('pending');
    pool.handle({ type: 'PRESENCE', agentId: 'ann', presence: 'online', why: 'said so' });
    expect(pool.status('new')).toBe('assigned');
  });

  test('a new process of an agent takes over its name, not its tasks', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1', { maxAttempts: 2 }));
    pool.join('ann', {}, 'ann-2');
    expect(pool.turn.recorded('taskReleased')).toMatchObject([{ error: { code: 'AGENT_LEFT' } }]);
    expect(pool.assignments('ann').map((one) => one.token)).toEqual([1, 2]);
    expect(pool.selector.roster.get('ann')).toMatchObject({ index: 0, load: 1, session: 'ann-2' });
  });

  test('a poison task that takes down each agent it meets fails after its attempts', () => {
    const pool = new PoolDriver();
    pool.submit(newTask('poison', { maxAttempts: 3 }));
    for (const id of ['a', 'b', 'c', 'd']) {
      pool.join(id);
      pool.handle({ type: 'PRESENCE', agentId: id, presence: 'offline', why: 'went silent' });
    }
    expect(pool.status('poison')).toBe('failed');
    expect(pool.turn.recorded('taskAssigned')).toHaveLength(3);
    expect(pool.assignments('d')).toEqual([]);
  });
});

describe('cancelling', () => {
  test('a waiting task is cancelled, a running one is stopped and its slot goes to the next', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('running'), newTask('waiting'), newTask('next'));
    pool.handle({ type: 'CANCEL', taskIds: ['running', 'waiting', 'nothing'], mode: 'abort' });
    expect(pool.status('running')).toBe('cancelled');
    expect(pool.status('waiting')).toBe('cancelled');
    expect(pool.turn.items('ann', 'cancels')).toEqual([{ taskId: 'running', token: 1, reason: 'cancelled' }]);
    expect(pool.status('next')).toBe('assigned');
  });

  test('drain lets what runs finish', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('running'), newTask('waiting'));
    pool.handle({ type: 'CANCEL', taskIds: ['running', 'waiting'], mode: 'drain' });
    pool.complete('ann', 'running');
    expect([pool.status('running'), pool.status('waiting')]).toEqual(['completed', 'cancelled']);
  });
});

describe('memory', () => {
  test('deadlines of tasks that ended are dropped long before they would be due', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    for (let i = 0; i < 5_000; i++) {
      pool.submit(newTask(`t${i}`, { timeoutMs: 1_000_000 }));
      pool.accept('ann', `t${i}`);
      pool.complete('ann', `t${i}`);
    }
    pool.turn.passMs(60_000);
    pool.handle({ type: 'TICK', settledMs: pool.turn.monoMs });
    pool.handle({ type: 'TICK', settledMs: pool.turn.monoMs });
    expect(pool.selector.deadlines).toBe(0);
  });

  test('a task that ended is forgotten once the store has it, and not before', () => {
    const pool = new PoolDriver();
    pool.join('ann');
    pool.submit(newTask('t1'));
    pool.complete('ann', 't1');
    const endedMs = pool.turn.monoMs;
    pool.turn.passMs(60_000);
    pool.handle({ type: 'TICK', settledMs: endedMs - 1 });
    expect(pool.status('t1')).toBe('completed');
    pool.handle({ type: 'TICK', settledMs: endedMs });
    expect(pool.status('t1')).toBeUndefined();
  });
});
