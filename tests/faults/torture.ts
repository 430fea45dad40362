import { systemClock } from '#rota/clock.js';
import { seededRandom } from '../support/random.js';
import { type AgentPlan, Cluster } from './cluster.js';
import type { DatabaseKind } from './database.js';
import { Faults } from './faults.js';
import { DESK, WORK, Workload } from './workload.js';

/**
 * Kills and pauses what a seed says, one cycle after another, while clients and agents work; then lets everything end,
 * and compares what was told with the store.
 */

export interface TortureOptions {
  readonly database: DatabaseKind;
  readonly cycles: number;
  readonly seed: number;
  /** Ends it early, and what was done so far is judged. */
  readonly signal?: AbortSignal;
  readonly onCycle?: (done: number, fault: string) => void;
}

export interface TortureReport {
  readonly database: DatabaseKind;
  readonly seed: number;
  readonly cycles: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly tasks: number;
  readonly executions: number;
  /** Executions beyond the first of each task. */
  readonly repeated: number;
  /** Terms of leadership. */
  readonly terms: number;
  /** What was promised and not kept; empty where all is well. */
  readonly problems: readonly string[];
  /** Logs and store, where something is wrong. */
  readonly folder?: string;
}

const AGENTS: readonly AgentPlan[] = [
  { id: 'agent-1', pool: WORK, maxConcurrency: 1 },
  { id: 'agent-2', pool: WORK, maxConcurrency: 3 },
  { id: 'agent-3', pool: WORK, maxConcurrency: 4 },
  { id: 'desk-1', pool: DESK, maxConcurrency: 50 },
];

/** @throws Error naming seed, cycle and folder, when work does not go on after a fault. */
export async function torture({ database, cycles, seed, signal, onCycle }: TortureOptions): Promise<TortureReport> {
  // Which fault comes when is one sequence, whatever work there is between.
  const [chance, whims] = [seededRandom(seed).random, seededRandom(seed + 1).random];
  const startMs = systemClock.monoMs();
  const cluster = await Cluster.start({ database, agents: AGENTS });
  const faults: Record<string, number> = {};
  let done = 0;
  try {
    const workload = new Workload(await cluster.client('tormented'), cluster.ledger, whims);
    const chaos = new Faults(cluster, AGENTS, chance);
    workload.start();
    while (done < cycles && signal?.aborted !== true) {
      const fault = await chaos.next();
      await workload.probe();
      faults[fault] = (faults[fault] ?? 0) + 1;
      onCycle?.(++done, fault);
    }
    await workload.finish();
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    await cluster.end(true);
    throw new Error(`Seed ${seed}, cycle ${done + 1}: ${message}\nLogs and store: ${cluster.folder}`, {
      cause: thrown,
    });
  }
  await cluster.stop();
  const { problems, terms } = await cluster.inspect();
  await cluster.end();
  const { acknowledged, executions } = cluster.ledger;
  const executed = [...executions.values()].reduce((sum, times) => sum + times, 0);
  return {
    ...{ database, seed, cycles: done, faults },
    seconds: Math.round((systemClock.monoMs() - startMs) / 1_000),
    ...{ tasks: acknowledged.size, executions: executed, repeated: executed - executions.size, terms, problems },
    ...(problems.length > 0 ? { folder: cluster.folder } : {}),
  };
}
