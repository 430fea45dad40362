import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Selector, Task } from '#rota/machines/selector.js';
import type { JournalEvent } from '#rota/protocol/journal.js';
import { isTerminal } from '#rota/protocol/task.js';
import { ModelTurn } from '../../support/model-turn.js';
import { HEARTBEAT_MS, LEASE_MS, newTask, PoolDriver, selectorWith } from '../../support/pool.js';

const agent = fc.constantFrom('ann', 'bob', 'cem', 'dan');
const labels = fc.uniqueArray(fc.constantFrom('sql', 'ts'), { maxLength: 2 });
const slot = fc.nat(5);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('submit' as const),
      labels,
      priority: fc.integer({ min: 1, max: 5 }),
      attempts: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('join' as const),
      agent,
      labels,
      credit: fc.integer({ min: 1, max: 3 }),
      session: fc.nat(2),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('presence' as const),
      agent,
      presence: fc.constantFrom('online' as const, 'suspect' as const, 'draining' as const, 'offline' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('report' as const),
      agent,
      slot,
      outcome: fc.constantFrom('accepted' as const, 'completed' as const, 'failed' as const),
      staleBy: fc.constantFrom(0, 0, 0, 1),
      permanent: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('heartbeat' as const), agent, lost: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('cancel' as const),
      slot,
      mode: fc.constantFrom('abort' as const, 'drain' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('tick' as const), ms: fc.constantFrom(1, 60, HEARTBEAT_MS, LEASE_MS) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

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

function held(selector: Selector, agentId: string): Task[] {
  return [...selector.tasks()].filter(
    (task) => task.agentId === agentId && (task.status === 'assigned' || task.status === 'running'),
  );
}

function act(pool: PoolDriver, one: Step, serial: number): void {
  const { selector } = pool;
  switch (one.do) {
    case 'submit':
      return pool.submit(
        newTask(`t${serial}`, {
          capabilities: one.labels,
          priority: one.priority,
          maxAttempts: one.attempts,
          timeoutMs: 700,
        }),
      );
    case 'join':
      // A process that registers again keeps its profile: only a new one brings another.
      return pool.join(
        one.agent,
        { capabilities: one.labels, maxConcurrency: one.credit },
        `${one.agent}-${one.session}-${serial}`,
      );
    case 'presence':
      return pool.handle({ type: 'PRESENCE', agentId: one.agent, presence: one.presence, why: 'said so' });
    case 'report': {
      const tasks = held(selector, one.agent);
      const task = tasks[one.slot % Math.max(tasks.length, 1)];
      const session = selector.roster.get(one.agent)?.session;
      if (task === undefined || session === undefined) return;
      const token = task.token - one.staleBy;
      const error = { code: 'HANDLER_FAILED' as const, message: 'it broke', retryable: !one.permanent };
      const base = { taskId: task.record.id, token };
      if (one.outcome === 'accepted') return pool.report(one.agent, { outcome: 'accepted', ...base }, session);
      if (one.outcome === 'completed') {
        return pool.report(one.agent, { outcome: 'completed', ...base, result: serial, durationMs: 1 }, session);
      }
      return pool.report(one.agent, { outcome: 'failed', ...base, error, durationMs: 1 }, session);
    }
    case 'heartbeat': {
      const known = one.lost ? [] : held(selector, one.agent);
      const list = known.map((task) => ({ taskId: task.record.id, token: task.token }));
      return pool.handle({ type: 'HEARTBEAT', agentId: one.agent, held: list });
    }
    case 'cancel': {
      const open = [...selector.tasks()].filter((task) => !isTerminal(task.status));
      const task = open[one.slot % Math.max(open.length, 1)];
      return pool.handle({ type: 'CANCEL', taskIds: task === undefined ? [] : [task.record.id], mode: one.mode });
    }
    case 'tick':
      return pool.tick(one.ms);
  }
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
    } else if (event.type !== 'taskAccepted') {
      live.delete(event.taskId);
      // I2
      if (event.type !== 'taskReleased') ends.set(event.taskId, (ends.get(event.taskId) ?? 0) + 1);
    }
  }
}

test('over random histories the invariants hold, and replaying the facts gives the state', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
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
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
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
