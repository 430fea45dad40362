import { expect } from 'vitest';
import { sleep, systemClock } from '#rota/clock.js';
import { type Client, RotaError } from '#rota/index.js';
import type { Json } from '#rota/protocol/json.js';
import { seededRandom } from '../support/random.js';
import { Cluster, type ClusterOptions } from './cluster.js';
import type { Coordinator } from './coordinator.js';
import { until } from './until.js';
import { DESK, WORK, Workload } from './workload.js';

/**
 * A cluster at work through something that takes long: who lives, how those are answered who do not wait, and what the
 * log says of it.
 */

/** The pauses of a user, so that a machine that is busy is not taken for one that is out of order. */
const TIMING = { leaseMs: 2_000, failoverMs: 3_000 };
const AGENTS = [
  { id: 'agent-1', pool: WORK, maxConcurrency: 4 },
  { id: 'agent-2', pool: WORK, maxConcurrency: 4 },
  { id: 'desk-1', pool: DESK, maxConcurrency: 50 },
];
/** A client that does not wait asks again after this long. */
const ASK_AGAIN_MS = 250;
/** What lasts half a minute may be noticed, and be over, as late as this. */
const PATIENCE_MS = 60_000;

/** What a submit without patience is answered with. */
export type Answer = 'acknowledged' | RotaError;

export class Ordeal {
  readonly cluster: Cluster;
  readonly workload: Workload;
  readonly client: Client;
  readonly #impatient: Client;
  readonly #pids: readonly (number | undefined)[];

  private constructor(cluster: Cluster, client: Client, impatient: Client) {
    this.cluster = cluster;
    this.client = client;
    this.workload = new Workload(client, cluster.ledger, seededRandom(1).random);
    this.#impatient = impatient;
    this.#pids = this.#processes();
  }

  /** Resolves once the cluster has done a task, and more is under way. */
  static async begin(options: Partial<ClusterOptions>): Promise<Ordeal> {
    const cluster = await Cluster.start({ database: 'sqlite', agents: AGENTS, ...TIMING, ...options });
    const ordeal = new Ordeal(cluster, await cluster.client('patient'), await cluster.client('impatient', 0));
    ordeal.workload.start();
    await ordeal.workload.probe();
    return ordeal;
  }

  get leader(): Coordinator {
    const { leader } = this.cluster;
    if (leader === undefined) throw new Error('Nobody leads.');
    return leader;
  }

  /** Submits without patience until that is refused; resolves with the refusal. */
  async refused(): Promise<RotaError> {
    for (;;) {
      const answer = await until('an answer to a submit', this.submit());
      if (answer !== 'acknowledged' && answer.code === 'UNAVAILABLE') return answer;
      await sleep(systemClock, ASK_AGAIN_MS);
    }
  }

  /** Submits one task, and does not ask again. */
  async submit(payload: Json = {}): Promise<Answer> {
    try {
      const id = await this.#impatient.submit({ pool: WORK, maxAttempts: 20, backoffMs: 0, payload });
      this.cluster.ledger.submitAcknowledged([id]);
      return 'acknowledged';
    } catch (thrown) {
      if (thrown instanceof RotaError && thrown.retryable) return thrown;
      throw thrown;
    }
  }

  /** Work goes on and all of it ends; whoever was there at the begin is there, and what was told is what the store has. */
  async survived(): Promise<void> {
    // Of the least priority: whatever was submitted before it is done before it.
    const last = this.workload.submit(1, () => ({ priority: 5 }));
    await until('a task behind it all', last, PATIENCE_MS);
    await until('all tasks to end', this.workload.finish(), PATIENCE_MS);
    expect(this.#processes()).toEqual(this.#pids);
    expect(this.cluster.deaths).toEqual([]);
    await this.cluster.stop();
    expect(await this.cluster.inspect()).toMatchObject({ problems: [] });
  }

  #processes(): (number | undefined)[] {
    const { coordinators, agents } = this.cluster;
    return [...coordinators, ...agents.values()].map(({ child }) => (child.isOver ? undefined : child.pid));
  }
}
