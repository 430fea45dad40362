import fc from 'fast-check';
import type { Task } from '#rota/machines/pool-task.js';
import type { Selector } from '#rota/machines/selector.js';
import { type PolicyInput, STRATEGIES } from '#rota/protocol/policy.js';
import { isTerminal } from '#rota/protocol/task.js';
import { HEARTBEAT_MS, LEASE_MS, newTask, type PoolDriver } from './pool.js';

const agent = fc.constantFrom('ann', 'bob', 'cem', 'dan');
const labels = fc.uniqueArray(fc.constantFrom('sql', 'ts'), { maxLength: 2 });
const slot = fc.nat(5);

/** Policies under which everything must hold: small windows and histories, so that they end and overflow. */
export const somePolicy: fc.Arbitrary<PolicyInput> = fc.record({
  strategy: fc.constantFrom(...STRATEGIES),
  rotationWindowMinutes: fc.constantFrom(0, 0.005, 5),
  assignmentsPerWindow: fc.integer({ min: 1, max: 2 }),
  historySize: fc.constantFrom(3, 1_000),
  acceptTimeoutMs: fc.constantFrom(0, 400),
  unschedulable: fc.constantFrom('fail' as const, 'wait' as const),
  scoring: fc.record({
    scorer: fc.constantFrom('builtin' as const, 'file:///score.mjs'),
    confidence: fc.constantFrom('none' as const, 'lower-bound' as const, 'thompson' as const),
    explorationShare: fc.constantFrom(0, 0.5),
    minimumSample: fc.constantFrom(0, 10),
  }),
});
export const poolStep = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('submit' as const),
      labels,
      priority: fc.integer({ min: 1, max: 5 }),
      attempts: fc.integer({ min: 1, max: 3 }),
      workType: fc.constantFrom('build', 'test'),
      strategy: fc.option(fc.constantFrom(...STRATEGIES), { nil: undefined, freq: 4 }),
      exclude: fc.option(agent, { nil: undefined, freq: 4 }),
      assignee: fc.option(agent, { nil: undefined, freq: 8 }),
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
      outcome: fc.constantFrom('accepted' as const, 'completed' as const, 'failed' as const, 'rejected' as const),
      staleBy: fc.constantFrom(0, 0, 0, 1),
      permanent: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cordon' as const), agent, isCordoned: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('deregister' as const), agent }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('score' as const), of: fc.nat(3), fails: fc.boolean(), seed: fc.nat(99) }),
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
export type PoolStep = typeof poolStep extends fc.Arbitrary<infer T> ? T : never;

/** Tasks that an agent holds. */
export function held(selector: Selector, agentId: string): Task[] {
  return [...selector.tasks()].filter(
    (task) => task.agentId === agentId && (task.status === 'assigned' || task.status === 'running'),
  );
}

/** Takes one random step. `serial` names what it makes. */
export function act(pool: PoolDriver, one: PoolStep, serial: number): void {
  const { selector } = pool;
  switch (one.do) {
    case 'submit':
      return pool.submit(
        newTask(`t${serial}`, {
          capabilities: one.labels,
          priority: one.priority,
          maxAttempts: one.attempts,
          timeoutMs: 700,
          workType: one.workType,
          excludeAgents: one.exclude === undefined || one.exclude === one.assignee ? [] : [one.exclude],
          ...(one.assignee === undefined ? {} : { assignee: one.assignee }),
          ...(one.strategy === undefined ? {} : { strategy: one.strategy }),
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
      if (one.outcome === 'rejected') return pool.report(one.agent, { outcome: 'rejected', ...base }, session);
      if (one.outcome === 'completed') {
        return pool.report(one.agent, { outcome: 'completed', ...base, result: serial, durationMs: 1 }, session);
      }
      return pool.report(one.agent, { outcome: 'failed', ...base, error, durationMs: 1 }, session);
    }
    case 'cordon':
      return pool.handle({ type: 'CORDON', agentId: one.agent, isCordoned: one.isCordoned });
    case 'deregister':
      return pool.handle({ type: 'DEREGISTER', agentId: one.agent });
    case 'score':
      return pool.score(one.of, one.fails ? undefined : (i) => (one.seed * (i + 1)) % 7);
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
