import { describe, expect, test } from 'vitest';
import type { PolicyInput } from '#rota/protocol/policy.js';
import { newTask, PoolDriver } from '../../support/pool.js';

const policy: PolicyInput = {
  strategy: 'weighted',
  rotationWindowMinutes: 0,
  scoring: { scorer: 'file:///score.mjs' },
};

function poolOf(...agents: string[]): PoolDriver {
  const pool = new PoolDriver({ policy });
  for (const id of agents) pool.join(id);
  return pool;
}

/** Answers the run that was begun as the `at`-th. */
function answer(pool: PoolDriver, at: number, scores: readonly number[] | string): void {
  const { taskId, run } = pool.turn.runs[at] ?? expect.fail();
  const outcome =
    typeof scores === 'string' ? { failure: 'threw' as const, reason: scores } : { scores: Float64Array.from(scores) };
  pool.handle({ type: 'SCORED', taskId, run, outcome });
}

describe('a scorer on a thread', () => {
  test('chooses among those that were there, by its scores', () => {
    const pool = poolOf('ann', 'bob', 'cem');
    pool.submit(newTask('t1'));
    expect(pool.status('t1')).toBe('pending');
    answer(pool, 0, [1, 5, 3]);
    expect(pool.selector.task('t1')?.agentId).toBe('bob');
    const [fact] = pool.turn.recorded('taskAssigned');
    expect(fact?.decision).toMatchObject({ strategy: 'weighted', score: 5, scorer: 'file:///score.mjs' });
    expect(fact?.decision.given).toEqual([
      { agentId: 'bob', score: 5 },
      { agentId: 'cem', score: 3 },
      { agentId: 'ann', score: 1 },
    ]);
  });

  test('whose best was taken meanwhile gives the next best', () => {
    const pool = poolOf('ann', 'bob', 'cem');
    pool.submit(newTask('t1'), newTask('t2'));
    answer(pool, 0, [1, 5, 3]);
    answer(pool, 1, [1, 5, 3]);
    expect(pool.selector.task('t2')?.agentId).toBe('cem');
  });

  test('that fails leaves the choice to the built-in one, with the reason', () => {
    const pool = poolOf('ann', 'bob');
    pool.submit(newTask('t1'));
    answer(pool, 0, 'it threw: oops');
    expect(pool.status('t1')).toBe('assigned');
    const [fact] = pool.turn.recorded('taskAssigned');
    expect(fact?.decision.fallback).toMatchObject({ kind: 'scorer' });
    expect(fact?.decision.fallback?.reason).toContain('it threw: oops');
  });

  test('that answers after the task was cancelled changes nothing', () => {
    const pool = poolOf('ann', 'bob');
    pool.submit(newTask('t1'));
    pool.handle({ type: 'CANCEL', taskIds: ['t1'], mode: 'abort' });
    answer(pool, 0, [1, 2]);
    expect(pool.status('t1')).toBe('cancelled');
    expect(pool.turn.recorded('taskAssigned')).toEqual([]);
  });

  test('is not asked for more tasks than there are agents, and all are placed in the end', () => {
    const pool = poolOf('ann', 'bob');
    pool.submit(...['t1', 't2', 't3', 't4'].map((id) => newTask(id)));
    expect(pool.turn.runs).toHaveLength(2);
    answer(pool, 0, [1, 2]);
    answer(pool, 1, [1, 2]);
    for (const id of ['ann', 'bob', 'ann', 'bob']) {
      const held = [...pool.selector.tasks()].find((task) => task.agentId === id && task.status === 'assigned');
      if (held !== undefined) pool.complete(id, held.record.id);
    }
    // One candidate needs no scores.
    expect([...pool.selector.tasks()].map((task) => task.status)).toEqual(Array(4).fill('completed'));
  });

  test('scores nobody who joined after it began, in whosever place', () => {
    const pool = poolOf('ann', 'bob', 'cem');
    pool.submit(newTask('t1'));
    pool.handle({ type: 'DEREGISTER', agentId: 'bob' });
    pool.join('dan');
    expect(pool.selector.roster.get('dan')?.index).toBe(1);
    answer(pool, 0, [1, 5, 3]);
    expect(pool.selector.task('t1')?.agentId).toBe('cem');
    const [fact] = pool.turn.recorded('taskAssigned');
    expect(fact?.decision.given?.map(({ agentId }) => agentId)).toEqual(['cem', 'ann']);
  });

  test('that ends lets those begin that it held up, whoever their agents are', () => {
    const pool = new PoolDriver({ policy });
    for (const id of ['ann', 'bob']) pool.join(id, { capabilities: ['sql'] });
    for (const id of ['cem', 'dan']) pool.join(id, { capabilities: ['css'] });
    const asking = (capability: string) => ({ capabilities: [capability] });
    pool.submit(...['t1', 't2', 't3', 't4'].map((id) => newTask(id, asking('sql'))), newTask('t5', asking('css')));
    expect(pool.turn.runs.map(({ taskId }) => taskId)).toEqual(['t1', 't2', 't3', 't4']);
    for (const at of [0, 1, 2, 3]) answer(pool, at, [1, 2]);
    expect(pool.turn.runs.at(4)?.taskId).toBe('t5');
    answer(pool, 4, [1, 2]);
    expect(pool.selector.task('t5')?.agentId).toBe('dan');
  });

  test('draws anew for each task, and the decision names the seed', () => {
    const draws = [0.25, 0.75];
    const pool = new PoolDriver({
      policy: { ...policy, scoring: { ...policy.scoring, explorationShare: 1 } },
      random: () => draws.shift() ?? expect.fail(),
    });
    for (const id of ['ann', 'bob', 'cem']) pool.join(id);
    pool.submit(newTask('t1'), newTask('t2'));
    expect(pool.turn.runs.map(({ job }) => job.seed)).toEqual([2 ** 30, 3 * 2 ** 30]);
    for (const at of [0, 1]) answer(pool, at, [1, 2, 3]);
    expect(pool.turn.recorded('taskAssigned').map(({ decision }) => decision.seed)).toEqual([2 ** 30, 3 * 2 ** 30]);
  });

  test('does not hold up other tasks', () => {
    const pool = poolOf('ann', 'bob');
    pool.submit(newTask('t1'));
    pool.submit(newTask('t2', { strategy: 'round-robin' }));
    expect(pool.status('t2')).toBe('assigned');
  });
});
