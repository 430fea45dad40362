import type { AgentProfile } from '#rota/protocol/agent.js';
import type { Decision } from '#rota/protocol/decision.js';
import { RotaError, type WireError } from '#rota/protocol/errors.js';
import type { AttemptEnded, TaskRecord } from '#rota/protocol/journal.js';
import type { Json } from '#rota/protocol/json.js';
import { type Policy, PolicySchema, STRATEGIES } from '#rota/protocol/policy.js';

/** What random histories are filled with, decided by plain numbers: every field now with a value and now without. */

export const POOLS = ['alpha', 'beta'] as const;
/** One of tasks without labels, and two of tasks with some. */
export const ROTATIONS = ['', 'gpu|', 'gpu|lead reviewer'] as const;
const WORK_TYPES = ['default', 'deploy', 'review'] as const;

export function someProfile(pool: string, a: number, b: number): AgentProfile {
  return {
    pool,
    kind: pick(['ai', 'human', 'bot'] as const, b),
    enabled: b % 7 !== 0,
    availability: b % 5 === 0 ? 'source' : 'heartbeat',
    capabilities: b % 3 === 0 ? ['gpu', 'docs'] : [],
    roles: b % 4 === 0 ? ['lead'] : [],
    specializations: b % 2 === 0 ? ['deploy'] : [],
    maxConcurrency: 1 + (b % 4),
    prefetch: a % 2,
    ...(b % 6 === 0 ? { workingHours: WORKING_HOURS } : {}),
    ...(b % 9 === 0 ? { embedding: [0.25, -1.5, a] } : {}),
  };
}

const WORKING_HOURS = {
  timeZone: 'Europe/Berlin',
  spans: [{ days: ['mon' as const, 'fri' as const], from: '09:00', to: '17:30' }],
};

type Asked = Omit<TaskRecord, 'id' | 'pool' | 'order' | 'createdAtMs'>;

export function someTask(a: number, b: number, payload: Json): Asked {
  return {
    workType: pick(WORK_TYPES, a),
    capabilities: b % 5 === 0 ? ['gpu'] : [],
    roles: b % 6 === 0 ? ['lead', 'reviewer'] : [],
    excludeAgents: b % 7 === 0 ? ['agent-1'] : [],
    priority: 1 + (b % 5),
    payload,
    maxAttempts: 3,
    backoffMs: 1_000,
    submittedBy: `client-${b % 2}`,
    watch: b % 2 === 0 ? 'end' : 'all',
    ...(b % 4 === 0 ? { timeoutMs: 5_000 } : {}),
    ...(b % 8 === 0 ? { assignee: 'agent-0' } : {}),
    ...(b % 9 === 0 ? { strategy: pick(STRATEGIES, a) } : {}),
    ...(b % 11 === 0 ? { embedding: [1, 0.5] } : {}),
    ...(b % 3 === 0 ? { handoff: { hops: b % 2, acceptTimeoutMs: 0, ...(b % 2 === 0 ? {} : FROM_AGENT) } } : {}),
  };
}

const FROM_AGENT = { fromAgent: 'agent-2' };

export function someDecision(agentId: string, a: number, b: number): Decision {
  const runnersUp = [{ agentId: 'agent-0', score: b / 16 }];
  return {
    strategy: pick(STRATEGIES, b),
    policyVersion: `v-${b % 3}`,
    reason: `${agentId} is next after ${b % 7}`,
    candidates: 1 + (b % 3),
    excluded: b % 2 === 0 ? {} : { busy: b, offline: 1 },
    successRatePercent: b % 101,
    specializationMatch: b % 2 === 0,
    recentContextMatch: b % 3 === 0,
    retried: a % 2 === 0,
    latencyMs: b / 8,
    ...(b % 2 === 0 ? { probability: 1 / (1 + (b % 4)) } : {}),
    ...(b % 3 === 0 ? { seed: 0xffffffff - b } : {}),
    ...(b % 4 === 0 ? { score: b / 4, scorer: 'builtin', scoreParts: SCORE_PARTS, runnersUp } : {}),
    ...(b % 5 === 0 ? { fallback: { kind: 'window', reason: 'All were served recently.' } } : {}),
    ...(b % 7 === 0 ? { given: runnersUp } : {}),
  };
}

const SCORE_PARTS = { context: 30, success: 36.5, specialization: 0, load: 10 };

export function somePolicy(a: number, b: number): Policy {
  return PolicySchema.parse({ strategy: pick(STRATEGIES, a), historySize: 1 + (b % 6) });
}

/** What the agent says of an attempt that it failed, where it says anything. */
export function someMeasure(b: number): Pick<AttemptEnded, 'durationMs' | 'difficulty'> {
  return {
    ...(b % 3 === 0 ? {} : { durationMs: b / 8 }),
    ...(b % 5 === 0 ? { difficulty: 'tricky' } : {}),
  };
}

export function someError(b: number): WireError {
  return new RotaError(b % 2 === 0 ? 'HANDLER_FAILED' : 'LEASE_EXPIRED', `Attempt ${b} ended.`).toWire();
}

/** Some of the form that sorts by time, not always in its order, and some that clients choose. */
export function someTaskId(serial: number, b: number): string {
  return b % 2 === 0
    ? `task-${serial}`
    : `01HZ${String(1_000 - (b % 1_000)).padStart(4, '0')}${String(serial).padStart(18, '0')}`;
}

export function at<T>(items: readonly T[], n: number): T | undefined {
  return items.length === 0 ? undefined : items[n % items.length];
}

export function pick<T>(items: readonly [T, ...T[]], n: number): T;
export function pick<T>(items: readonly T[], n: number): T;
export function pick<T>(items: readonly T[], n: number): T {
  const item = at(items, n);
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}
