import { readFileSync } from 'node:fs';
import { type Logger, pino } from 'pino';
import { type Coordinator, type CoordinatorOptions, startCoordinator } from './actors/coordinator.js';
import { failoverOf } from './actors/lease.js';
import { policyVersion } from './actors/policy-version.js';
import type { RateLimit } from './actors/rate-limit.js';
import { createAvailability } from './availability/create.js';
import { type Clock, systemClock } from './clock.js';
import { armFailpoints } from './failpoints.js';
import { type Random, systemRandom } from './ids.js';
import { RotaError } from './protocol/errors.js';
import { type Policies, type PoliciesInput, type Policy, resolvePolicies } from './protocol/policy.js';
import { createScoringThreads } from './selection/threads/pool.js';
import { createMemoryStore } from './store/memory.js';
import type { Store } from './store/store.js';
import type { Transport } from './transport/transport.js';

export interface EmbedOptions {
  readonly transport: Transport;
  /** Where tasks are remembered; `none` keeps them in memory, and they end with the process. */
  readonly store: Store | 'none';
  /** Several coordinators may share a server when each has its own. Default `rota`. */
  readonly namespace?: string;
  /** How long an agent may be silent before its tasks go to others. Default 10,000. */
  readonly leaseMs?: number;
  /** How often agents are to send heartbeats. Default a quarter of `leaseMs`. */
  readonly heartbeatMs?: number;
  /**
   * How long a coordinator that died keeps the lead: one that stands by on the same store takes over then. Default 3,000.
   * It renews its lead three times within it, and does nothing once it could not for two thirds of it.
   */
  readonly failoverMs?: number;
  /** How long the journal is kept once the tables have it; by default for ever. Decisions older than it can't be replayed. */
  readonly keepJournalMs?: number;
  /** How pools choose; by default as the defaults of docs/assigning.md say. */
  readonly policies?: PoliciesInput;
  /** Tasks that one principal may submit or assign: so many a second, and so many at once. Default: no limit. */
  readonly rateLimit?: RateLimit;
  /** Threads that scorers run on, at most. Default: one less than there are processors, two at least. */
  readonly scoringThreads?: number;
  /** Default: nothing is logged. */
  readonly log?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
}

const LEASE_MS = 10_000;
const FAILOVER_MS = 3_000;
const FAILOVER_MS_MIN = 200;
const TICK_MS_MAX = 100;

export const VERSION: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;

/**
 * Runs a coordinator in this process. Resolves once it leads, or stands by because another one leads the same store.
 *
 * @throws RotaError INVALID_VALUE (also of a policy, and of ROTA_FAILPOINTS), INVALID_NAME, STORE_FAILED, SCHEMA_MISMATCH
 */
export async function createCoordinator(options: EmbedOptions): Promise<Coordinator> {
  armFailpoints();
  const { transport, store, namespace = 'rota', leaseMs = LEASE_MS, log, clock, random } = options;
  const heartbeatMs = options.heartbeatMs ?? Math.max(1, Math.round(leaseMs / 4));
  const isWhole = Number.isInteger(leaseMs) && Number.isInteger(heartbeatMs);
  if (!isWhole || leaseMs < 100 || heartbeatMs < 1 || heartbeatMs * 2 > leaseMs) {
    const problem = `leaseMs is ${leaseMs} and heartbeatMs ${heartbeatMs}: whole milliseconds, and a lease lasts 100 of them and two heartbeats at least.`;
    throw new RotaError('INVALID_VALUE', problem, { field: 'leaseMs' });
  }
  const { failoverMs = FAILOVER_MS } = options;
  if (!Number.isInteger(failoverMs) || failoverMs < FAILOVER_MS_MIN) {
    const problem = `failoverMs is ${failoverMs}: whole milliseconds, ${FAILOVER_MS_MIN} at least.`;
    throw new RotaError('INVALID_VALUE', problem, { field: 'failoverMs' });
  }
  const { keepJournalMs } = options;
  if (keepJournalMs !== undefined && !(Number.isSafeInteger(keepJournalMs) && keepJournalMs >= 0)) {
    const problem = `keepJournalMs is ${keepJournalMs}: whole milliseconds, 0 at least.`;
    const remedy = 'Leave it out to keep the journal for ever.';
    throw new RotaError('INVALID_VALUE', problem, { field: 'keepJournalMs', remedy });
  }
  const policies = resolvePolicies(options.policies ?? {});
  const ruleOf = rulesOf(policies);
  const threads = createScoringThreads({
    clock: clock ?? systemClock,
    // Where scorers run anyway, the first task does not wait for a thread to start.
    minThreads: usesThreads(policies) ? 1 : 0,
    ...(options.scoringThreads === undefined ? {} : { maxThreads: options.scoringThreads }),
  });
  const starting = startCoordinator({
    transport,
    store: store === 'none' ? createMemoryStore({ clock: clock ?? systemClock }) : store,
    namespace,
    timing: { leaseMs, heartbeatMs, tickMs: Math.min(TICK_MS_MAX, leaseMs / 10) },
    failover: failoverOf(failoverMs),
    keepJournalMs,
    clock: clock ?? systemClock,
    random: random ?? systemRandom,
    log: log ?? pino({ level: 'silent' }),
    version: VERSION,
    ruleOf,
    threads,
    createAvailability: (config) => createAvailability(config, clock ?? systemClock, log),
    rateLimit: options.rateLimit,
  });
  const closeThreads = () => threads.close();
  void starting.then(({ stopped }) => stopped).then(closeThreads, closeThreads);
  return starting;
}

function usesThreads({ defaults, pools }: Policies): boolean {
  return [defaults, ...Object.values(pools)].some(({ scoring }) => scoring.scorer !== 'builtin');
}

/** The rule of each pool, with its version: what a decision names. */
function rulesOf({ defaults, pools }: Policies): CoordinatorOptions['ruleOf'] {
  const rule = (policy: Policy) => ({ version: policyVersion(policy), policy });
  const byDefault = rule(defaults);
  const named = new Map(Object.entries(pools).map(([pool, policy]) => [pool, rule(policy)]));
  return (pool) => named.get(pool) ?? byDefault;
}
