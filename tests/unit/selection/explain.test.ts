import { describe, expect, test } from 'vitest';
import { explain } from '#rota/selection/explain.js';
import { policyOf, TestPool } from './pool.js';
import type { ListedTask } from './reference.js';

function explained(pool: TestPool, task: Partial<ListedTask> = {}) {
  return explain({ ...pool.input(task), onDutyAgain: () => 'at 09:00' });
}

describe('who did not get it', () => {
  test('is told by reason, with what would change it', () => {
    const pool = new TestPool({ rotationWindowMinutes: 5 });
    const busy = pool.join('dev-2', { capabilities: ['sql'] });
    pool.roster.take(busy);
    pool.join('dev-3');
    pool.roster.setPresence(pool.join('dev-4', { capabilities: ['sql'] }), 'suspect');
    pool.roster.setFlag(pool.join('dev-5', { capabilities: ['sql'] }), 'offDuty', true);
    pool.history.push(pool.join('dev-6', { capabilities: ['sql'] }).id, 't0', 0);
    pool.join('dev-7', { capabilities: ['sql'] });
    pool.monoMs = 3 * 60_000;
    const { groups, advice } = explained(pool, { capabilities: ['sql'] });
    expect(advice).toEqual([]);
    expect(groups).toEqual([
      {
        reason: 'capability',
        count: 1,
        agents: ['dev-3'],
        why: 'lacks capability sql',
        change: 'needs capability sql',
      },
      {
        reason: 'offline',
        count: 1,
        agents: ['dev-4'],
        why: 'is suspect',
        change: 'its process to run and send heartbeats',
      },
      {
        reason: 'offDuty',
        count: 1,
        agents: ['dev-5'],
        why: 'is outside its working hours',
        change: 'dev-5 is back on duty at 09:00',
      },
      {
        reason: 'busy',
        count: 1,
        agents: ['dev-2'],
        why: 'holds as many tasks as it may',
        change: '1 slot on dev-2',
      },
      {
        reason: 'recent',
        count: 1,
        agents: ['dev-6'],
        why: 'was served within the rotation window',
        change: 'window ends in 2 min',
      },
    ]);
  });

  test('is told of people by what their source says, and of who is ruled out for whatever reason', () => {
    const pool = new TestPool();
    pool.roster.setPresence(pool.join('ann', { availability: 'source' }), 'draining');
    pool.join('ben', { availability: 'source' });
    const { groups, advice } = explained(pool, { excludeAgents: ['ben'], handoff: {} });
    expect(groups).toMatchObject([
      { reason: 'excluded', why: 'the task excludes it or comes from it, or it refused the task' },
      {
        reason: 'offline',
        why: 'is away by its availability source',
        change: 'its availability source to name it as there',
      },
    ]);
    expect(advice).toEqual([
      "Wait for 1 agent that fits (ann): away by the pool's availability source. If not so, check that source.",
      'Let it go to ben again, with a new task: excluded by this one, or refused it.',
    ]);
  });

  test('is counted in full, and named up to five', () => {
    const pool = new TestPool();
    for (let n = 0; n < 8; n++) pool.roster.take(pool.join(`a${n}`));
    const [group] = explained(pool).groups;
    expect(group).toMatchObject({
      reason: 'busy',
      count: 8,
      agents: ['a0', 'a1', 'a2', 'a3', 'a4'],
      change: '1 slot on a0, a1, a2, a3, a4 and 3 others',
    });
  });

  test('is counted as the decision counts', () => {
    const pool = new TestPool();
    pool.join('ann', { availability: 'source' });
    pool.join('bob', { enabled: false });
    pool.roster.setFlag(pool.join('cem'), 'cordoned', true);
    pool.join('dan');
    pool.join('eve');
    const task = { excludeAgents: ['dan'] };
    const counts = explained(pool, task).groups.map(({ reason, count }) => [reason, count]);
    expect(Object.fromEntries(counts)).toEqual(pool.decide(task)?.decision.excluded);
    expect(counts.length).toBe(4);
  });
});

describe('other candidates', () => {
  test('come in turn under round robin', () => {
    const pool = new TestPool();
    for (const id of ['ann', 'bob', 'cem']) pool.join(id);
    pool.rotations.move('', 0);
    expect(explained(pool).others).toEqual([
      { agentId: 'cem', why: 'its turn comes later', change: '1 before it in the rotation to be served' },
      { agentId: 'ann', why: 'its turn comes later', change: '2 before it in the rotation to be served' },
    ]);
  });

  test('come by score under weighted, and are no more than twenty', () => {
    const pool = new TestPool({ strategy: 'weighted' });
    for (let n = 0; n < 30; n++) pool.join(`a${n}`, { specializations: n === 7 ? ['default'] : [] });
    const { others } = explained(pool);
    expect(others).toHaveLength(20);
    expect(others[0]).toEqual({ agentId: 'a0', why: 'score 30: new to it, 0 open', change: '20 points more' });
  });

  test('say what they lack under least-loaded, and that chance decided where it did', () => {
    const pool = new TestPool({ strategy: 'least-loaded' });
    pool.join('ann', { maxConcurrency: 3 });
    pool.join('bob', { maxConcurrency: 1 });
    expect(explained(pool).others).toEqual([
      { agentId: 'bob', why: '1 free slot, fewer than 3', change: '2 more free slots' },
    ]);
    pool.policy = policyOf({ strategy: 'random' });
    expect(explained(pool).others[0]).toMatchObject({ why: 'was not drawn' });
  });
});

describe('advice for a task that nobody may take', () => {
  const advice = (pool: TestPool, task: Partial<ListedTask> = {}) => explained(pool, task).advice;

  test('an empty pool', () => {
    expect(advice(new TestPool())).toEqual(['No agent is registered in the pool: start one.']);
  });

  test('what passes by itself first, then what somebody must do', () => {
    const pool = new TestPool();
    pool.roster.setFlag(pool.join('ann'), 'cordoned', true);
    pool.roster.take(pool.join('bob'));
    pool.roster.setFlag(pool.join('cem'), 'offDuty', true);
    expect(advice(pool)).toEqual([
      'Wait for a slot on 1 agent that fits (bob), start more agents, or raise their maxConcurrency.',
      'Wait for the working hours of 1 agent that fits (cem): cem is back on duty at 09:00.',
      'Uncordon 1 agent that fits (ann).',
    ]);
  });

  test('labels that nobody has', () => {
    const pool = new TestPool();
    pool.join('ann', { capabilities: ['sql'] });
    pool.join('bob', { capabilities: ['ts'] });
    expect(advice(pool, { capabilities: ['sql', 'go'] })).toEqual([
      'No agent of the pool has capability go: start one that has, or correct the task.',
    ]);
    expect(advice(pool, { capabilities: ['sql', 'ts'] })).toEqual([
      'No agent of the pool has all of sql, ts: start one that has, or split the task.',
    ]);
    expect(advice(pool, { capabilities: ['sql'], roles: ['lead'] })).toEqual([
      'No agent that has its capabilities has one of the roles lead: start one, or correct the task.',
    ]);
  });

  test('an assignee that is not there, or can’t', () => {
    const pool = new TestPool();
    pool.join('ann');
    expect(advice(pool, { assignee: 'zoe' })).toEqual([
      'The task is for zoe, and no agent of that name is registered in the pool: start it.',
    ]);
    expect(advice(pool, { assignee: 'ann', capabilities: ['sql'] })).toEqual([
      'ann, whom the task is for, lacks a capability or role of it: correct the task, or the agent.',
    ]);
  });
});
