import { sleep, systemClock } from '#rota/clock.js';
import { type AgentPlan, type Cluster, FAILOVER_MS, LEASE_MS } from './cluster.js';
import type { Database } from './database.js';
import type { Member } from './member.js';

/**
 * What may happen to a cluster. Each fault begins when somebody leads, and resolves when every process runs again or is
 * being started. Nobody waits for the work, which `Workload.probe` does.
 */

/** Longer than every lease: what is paused for so long is taken for dead. */
const PAUSE_MS = LEASE_MS * 1.5;
/** A leader that was paused inside a transaction keeps its successor from the file. */
const TAKEOVER_MS_MAX = FAILOVER_MS * 4;
/** Faults come at any moment of the work. */
const LULL_MS_MAX = 100;

/** What happens, and how often next to others: what restarts much takes long. */
interface Fault {
  readonly name: string;
  readonly weight: number;
  happen(faults: Faults): Promise<unknown>;
}

const FAULTS: readonly Fault[] = [
  { name: 'agent killed', weight: 4, happen: (faults) => faults.killAgent() },
  { name: 'agent paused', weight: 3, happen: (faults) => faults.pauseAgent() },
  { name: 'leader killed', weight: 4, happen: (faults) => faults.killLeader() },
  { name: 'leader paused', weight: 4, happen: (faults) => faults.pauseLeader() },
  { name: 'standby killed', weight: 1, happen: (faults) => faults.killStandby() },
  { name: 'broker killed', weight: 4, happen: (faults) => faults.killBroker() },
  { name: 'broker paused', weight: 2, happen: (faults) => faults.pauseBroker() },
  {
    name: 'leader and agent killed',
    weight: 2,
    happen: (faults) => Promise.all([faults.killLeader(), faults.killAgent()]),
  },
  {
    name: 'leader and broker killed',
    weight: 2,
    happen: (faults) => Promise.all([faults.killLeader(), faults.killBroker()]),
  },
  { name: 'both coordinators killed', weight: 2, happen: (faults) => faults.killCoordinators() },
  { name: 'all processes killed', weight: 1, happen: (faults) => faults.killAll() },
];

const DATABASE_FAULTS: readonly Fault[] = [
  { name: 'database killed', weight: 3, happen: (faults) => faults.killDatabase() },
  { name: 'database paused', weight: 3, happen: (faults) => faults.pauseDatabase() },
  {
    name: 'leader and database killed',
    weight: 2,
    happen: (faults) => Promise.all([faults.killLeader(), faults.killDatabase()]),
  },
];

export class Faults {
  readonly #agents: readonly AgentPlan[];
  readonly #cluster: Cluster;
  readonly #random: () => number;
  /** Each as often as it weighs. */
  readonly #choice: readonly Fault[];

  constructor(cluster: Cluster, agents: readonly AgentPlan[], random: () => number) {
    this.#cluster = cluster;
    this.#agents = agents;
    this.#random = random;
    const faults = cluster.database.server === undefined ? FAULTS : [...FAULTS, ...DATABASE_FAULTS];
    this.#choice = faults.flatMap((fault) => Array<Fault>(fault.weight).fill(fault));
  }

  /** One fault, and everything runs again or is being started. Resolves with its name. */
  async next(): Promise<string> {
    const fault = this.#drawn(this.#choice);
    await this.#cluster.led();
    await sleep(systemClock, this.#random() * LULL_MS_MAX);
    await fault.happen(this);
    return fault.name;
  }

  async killAgent(plan = this.#drawn(this.#agents)): Promise<void> {
    const agent = this.#cluster.agents.get(plan.id);
    if (agent !== undefined) await this.#replace(agent);
  }

  async pauseAgent(): Promise<void> {
    const agent = this.#cluster.agents.get(this.#drawn(this.#agents).id);
    agent?.child.pause();
    await sleep(systemClock, PAUSE_MS);
    agent?.child.resume();
  }

  async killLeader(): Promise<void> {
    const { leader } = this.#cluster;
    if (leader === undefined) return;
    const { epoch } = leader;
    await this.#replace(leader);
    await this.#cluster.led(epoch);
  }

  async pauseLeader(): Promise<void> {
    const { leader } = this.#cluster;
    if (leader === undefined) return;
    const { child, epoch } = leader;
    child.pause();
    await Promise.race([this.#cluster.led(epoch), sleep(systemClock, TAKEOVER_MS_MAX)]);
    child.resume();
  }

  async killStandby(): Promise<void> {
    const { standby } = this.#cluster;
    if (standby !== undefined) await this.#replace(standby);
  }

  async killCoordinators(): Promise<void> {
    const { coordinators } = this.#cluster;
    const epoch = this.#cluster.leader?.epoch ?? 0;
    await Promise.all(coordinators.map((one) => this.#replace(one)));
    await this.#cluster.led(epoch);
  }

  async killAll(): Promise<void> {
    const agents = this.#agents.map((plan) => this.killAgent(plan));
    await Promise.all([this.killCoordinators(), this.killBroker(), ...agents]);
  }

  killBroker(): Promise<void> {
    return this.#cluster.nats.restart();
  }

  async pauseBroker(): Promise<void> {
    this.#cluster.nats.signal('SIGSTOP');
    await sleep(systemClock, PAUSE_MS);
    this.#cluster.nats.signal('SIGCONT');
  }

  killDatabase(): Promise<void> {
    return this.#server.restart();
  }

  async pauseDatabase(): Promise<void> {
    this.#server.signal('SIGSTOP');
    await sleep(systemClock, PAUSE_MS);
    this.#server.signal('SIGCONT');
  }

  async #replace(member: Member): Promise<void> {
    await member.kill();
    // The next fault may meet it while it starts.
    member.start().catch((thrown: Error) => this.#cluster.deaths.push(thrown.message));
  }

  get #server(): Required<Database>['server'] {
    const { server } = this.#cluster.database;
    if (server === undefined) throw new Error('This database has no process of its own.');
    return server;
  }

  #drawn<T>(list: readonly T[]): T {
    const drawn = list[Math.floor(this.#random() * list.length)];
    if (drawn === undefined) throw new Error('There is nothing to draw from.');
    return drawn;
  }
}
