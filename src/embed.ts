import { readFileSync } from 'node:fs';
import { type Logger, pino } from 'pino';
import { type Coordinator, startCoordinator } from './actors/coordinator.js';
import { type Clock, systemClock } from './clock.js';
import { type Random, systemRandom } from './ids.js';
import { RotaError } from './protocol/errors.js';
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
  /** Default: nothing is logged. */
  readonly log?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
}

const LEASE_MS = 10_000;
const TICK_MS_MAX = 100;

export const VERSION: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;

/**
 * Runs a coordinator in this process. Resolves once it leads.
 *
 * @throws RotaError INVALID_VALUE, INVALID_NAME, STORE_FAILED, SCHEMA_MISMATCH
 */
export async function createCoordinator(options: EmbedOptions): Promise<Coordinator> {
  const { transport, store, namespace = 'rota', leaseMs = LEASE_MS, log, clock, random } = options;
  const heartbeatMs = options.heartbeatMs ?? Math.max(1, Math.round(leaseMs / 4));
  const isWhole = Number.isInteger(leaseMs) && Number.isInteger(heartbeatMs);
  if (!isWhole || leaseMs < 100 || heartbeatMs < 1 || heartbeatMs * 2 > leaseMs) {
    const problem = `leaseMs is ${leaseMs} and heartbeatMs ${heartbeatMs}: whole milliseconds, and a lease lasts 100 of them and two heartbeats at least.`;
    throw new RotaError('INVALID_VALUE', problem, { field: 'leaseMs' });
  }
  return startCoordinator({
    transport,
    store: store === 'none' ? createMemoryStore() : store,
    namespace,
    timing: { leaseMs, heartbeatMs, tickMs: Math.min(TICK_MS_MAX, leaseMs / 10) },
    clock: clock ?? systemClock,
    random: random ?? systemRandom,
    log: log ?? pino({ level: 'silent' }),
    version: VERSION,
  });
}
