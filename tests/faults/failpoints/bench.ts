import { expect } from 'vitest';
import { FAILPOINTS, type Failpoint } from '#rota/failpoints.js';
import { seededRandom } from '../../support/random.js';
import { Cluster } from '../cluster.js';
import type { DatabaseKind } from '../database.js';
import { DESK, WORK, Workload } from '../workload.js';

/**
 * Each place at which something becomes durable, leaves or is acknowledged, with a process that dies there, fails there
 * or stalls there while tasks run. The place is reached, work goes on, and what was told is what the store has.
 */

/**
 * The delay is long enough for every lease to end meanwhile. The next case has a process ready by then, which may lead at
 * once: after a delay, and after a kill, it is one that lives on.
 */
const ACTIONS = ['kill', 'delay:700', 'error'] as const;
export type Action = (typeof ACTIONS)[number];

/** A process comes by here once. */
const ONCE = /^(lead|announce|resign)\./;
/** What fails here holds up nobody, and may fail again and again. */
const BEHIND = /^(renew|materialise)\./;

export const OF_AGENTS: readonly Failpoint[] = ['assignment.received', 'report.before', 'report.after', 'ack.received'];
export const OF_CLIENTS: readonly Failpoint[] = ['request.before', 'request.after', 'event.received'];
export const OF_RESIGNATION: readonly Failpoint[] = ['resign.before', 'resign.after'];
export const OF_COORDINATORS = (Object.keys(FAILPOINTS) as Failpoint[]).filter(
  (name) => ![...OF_AGENTS, ...OF_CLIENTS, ...OF_RESIGNATION].includes(name),
);

export function cases(names: readonly Failpoint[]): [Failpoint, Action][] {
  return names.flatMap((name) => ACTIONS.map((action): [Failpoint, Action] => [name, action]));
}

/** The environment that sets it off, in the midst of the work. */
export function trap(name: Failpoint, action: Action) {
  const when = action === 'error' && BEHIND.test(name) ? '/3' : ONCE.test(name) ? '@1' : '@3';
  return { ROTA_FAILPOINTS: `${name}=${action}${when}` };
}

/** What a process says when it goes off. */
export function isSprung(name: Failpoint, action: Action): (line: string) => boolean {
  const [what] = action.split(':');
  return (line) => line === `failpoint ${name}: ${what}`;
}

/** A cluster at work, for all cases of a group one after another. */
export class Bench {
  readonly cluster: Cluster;
  readonly workload: Workload;

  private constructor(cluster: Cluster, workload: Workload) {
    this.cluster = cluster;
    this.workload = workload;
  }

  static async start(database: DatabaseKind): Promise<Bench> {
    const agents = [
      { id: 'agent-1', pool: WORK, maxConcurrency: 2 },
      { id: 'agent-2', pool: WORK, maxConcurrency: 2 },
      { id: 'desk-1', pool: DESK, maxConcurrency: 50 },
    ];
    const cluster = await Cluster.start({ database, agents });
    const workload = new Workload(await cluster.client('bench'), cluster.ledger, seededRandom(1).random);
    return new Bench(cluster, workload);
  }

  /** Work goes on, and all of it ends. */
  async expectProgress(): Promise<void> {
    await this.workload.probe();
    await this.workload.finish();
  }

  /** All that was told in all cases is what the store has. */
  async expectKept(): Promise<void> {
    // What a case that failed has left under way ends as well.
    await this.workload.finish();
    await this.cluster.stop();
    expect(await this.cluster.inspect()).toMatchObject({ problems: [] });
  }
}
