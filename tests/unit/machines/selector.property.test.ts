import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Selector } from '#rota/machines/selector.js';
import type { JournalEvent } from '#rota/protocol/journal.js';
import { isTerminal } from '#rota/protocol/task.js';
import { ModelTurn } from '../../support/model-turn.js';
import { PoolDriver, selectorWith } from '../../support/pool.js';
import { act, held, poolStep } from '../../support/pool-steps.js';

/** What can be seen of a selector, without its deadlines. */
function visible(selector: Selector) {
  return {
    cursor: selector.cursor,
    tasks: [...selector.tasks()].map(({ record, status, attempt, token, agentId, reason, error, result }) => ({
      record,
      ...{ status, attempt, token, agentId, reason, error, result },
    })),
    agents: [...selector.roster.members()].map((member) => ({ ...member })),
  };
}

function checkState(pool: PoolDriver): void {
  const { selector, turn } = pool;
  for (const member of selector.roster.members()) {
    // I6: live leases of an agent are its load, and no more than its credit.
    expect(held(selector, member.id)).toHaveLength(member.load);
    expect(member.load).toBeLessThanOrEqual(member.profile.maxConcurrency + member.profile.prefetch);
    if (member.presence === 'offline') expect(member.load).toBe(0);
  }
  for (const task of selector.tasks()) {
    // I10
    expect(task.attempt).toBeLessThanOrEqual(task.record.maxAttempts);
    // I9: nobody who could take a waiting task is free.
    if (task.status === 'pending' && task.notBeforeMs < turn.monoMs) {
      const free = [...selector.roster.members()].filter(
        (member) => selector.roster.isAvailable(member) && selector.roster.fits(member, task.requirement),
      );
      // A backoff that is over is noticed by the next tick.
      if (free.length > 0) pool.tick();
      expect(free.length === 0 || task.status !== 'pending').toBe(true);
    }
  }
}

function checkHistory(events: readonly JournalEvent[]): void {
  const tokens = new Map<string, number>();
  const ends = new Map<string, number>();
  const live = new Set<string>();
  for (const event of events) {
    if (!('taskId' in event) || event.type === 'reportRefused') continue;
    // I13: nothing happens to a task that ended.
    expect(ends.get(event.taskId) ?? 0).toBe(0);
    if (event.type === 'taskAssigned') {
      // I3: one live lease, and a token that grows by one with each grant.
      expect(live.has(event.taskId)).toBe(false);
      expect(event.token).toBe((tokens.get(event.taskId) ?? 0) + 1);
      tokens.set(event.taskId, event.token);
      live.add(event.taskId);
    } else if (event.type === 'taskAccepted' || event.type === 'taskCompleted' || event.type === 'taskReleased') {
      // I4: only the holder of the current token is heard.
      expect(live.has(event.taskId)).toBe(true);
      expect(event.token).toBe(tokens.get(event.taskId));
    }
    if (event.type !== 'taskAssigned' && event.type !== 'taskAccepted') {
      live.delete(event.taskId);
      // I2
      if (event.type !== 'taskReleased') ends.set(event.taskId, (ends.get(event.taskId) ?? 0) + 1);
    }
  }
}

test('over random histories the invariants hold, and replaying the facts gives the state', () => {
  fc.assert(
    fc.property(fc.array(poolStep, { maxLength: 60, size: 'max' }), (steps) => {
      const pool = new PoolDriver();
      for (const [serial, one] of steps.entries()) {
        act(pool, one, serial);
        checkState(pool);
      }
      checkHistory(pool.turn.events);

      // I17
      const replayed = selectorWith(new ModelTurn());
      for (const event of pool.turn.events) replayed.apply(event);
      expect(visible(replayed)).toEqual(visible(pool.selector));
    }),
    { numRuns: 1_000 },
  );
});

test('once faults stop, every task ends', () => {
  fc.assert(
    fc.property(fc.array(poolStep, { maxLength: 40, size: 'max' }), (steps) => {
      const pool = new PoolDriver();
      for (const [serial, one] of steps.entries()) act(pool, one, serial);
      pool.join('zoe', { capabilities: ['sql', 'ts'], maxConcurrency: 2 }, 'zoe-1');
      for (const id of ['ann', 'bob', 'cem', 'dan']) {
        pool.handle({ type: 'PRESENCE', agentId: id, presence: 'offline', why: 'went silent' });
      }
      for (let round = 0; round < steps.length * 4; round++) {
        for (const task of held(pool.selector, 'zoe')) pool.complete('zoe', task.record.id);
        pool.tick(10_000);
      }
      expect([...pool.selector.tasks()].filter((task) => !isTerminal(task.status))).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
