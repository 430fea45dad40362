import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, connectNats, createClient, type Transport } from '#rota/index.js';
import { startTestNats, type TestNats } from '../support/nats-server.js';
import { check } from './check.js';
import { Child } from './child.js';
import { Coordinator } from './coordinator.js';
import { type Database, type DatabaseKind, startDatabase } from './database.js';
import { type AgentWord, type ClientWord, Ledger } from './ledger.js';
import { type Environment, Member, type MemberOptions } from './member.js';
import { until } from './until.js';

/**
 * A cluster of real processes: a nats-server, coordinators on one store, agents. Clients are in this process.
 *
 * Owns every process and the folder with the store and the logs, which stays where a test fails. Must hold: a process
 * that ends unasked is in `deaths`.
 */

export interface ClusterOptions {
  readonly database: DatabaseKind | Database;
  readonly agents: readonly AgentPlan[];
  /** Default `LEASE_MS` and `FAILOVER_MS`. */
  readonly leaseMs?: number;
  readonly failoverMs?: number;
  /** Further lines of the nats-server's configuration. */
  readonly natsConfig?: string;
  /** Of the coordinator that leads first. */
  readonly leaderEnv?: Environment;
}

export interface AgentPlan {
  readonly id: string;
  readonly pool: string;
  readonly maxConcurrency: number;
}

/** How long an agent may be silent, and a coordinator keeps the lead: short, so that much happens in little time. */
export const LEASE_MS = 600;
export const FAILOVER_MS = 400;

export const NAMESPACE = 'faults';
/** Found by the package and not by this file, which is compiled to elsewhere for a long run. */
const MAIN = createRequire(import.meta.url).resolve('#rota/cli/main.js');
const SUPPORT = join(MAIN, '../../../tests/support');
const AGENT = join(SUPPORT, 'fault-agent.mjs');
const CLIENT = join(SUPPORT, 'fault-client.mjs');

export class Cluster {
  readonly folder: string;
  readonly nats: TestNats;
  readonly database: Database;
  readonly ledger = new Ledger();
  readonly coordinators: Coordinator[] = [];
  readonly agents = new Map<string, Member>();
  /** Processes that ended by themselves. */
  readonly deaths: string[] = [];
  readonly #options: ClusterOptions;
  readonly #cleanUp: (() => unknown)[] = [];
  #isWrong = false;

  private constructor(options: ClusterOptions, folder: string, nats: TestNats, database: Database) {
    this.#options = options;
    this.folder = folder;
    this.nats = nats;
    this.database = database;
  }

  /** Resolves once a coordinator leads and all agents are ready. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const folder = mkdtempSync(join(tmpdir(), 'rota-faults-'));
    const { database: kind, natsConfig } = options;
    const database = typeof kind === 'string' ? await startDatabase(kind, folder) : kind;
    const nats = await startTestNats(natsConfig === undefined ? {} : { config: natsConfig });
    const cluster = new Cluster(options, folder, nats, database);
    try {
      await cluster.#begin();
      return cluster;
    } catch (thrown) {
      await cluster.end(true);
      throw thrown;
    }
  }

  /** The coordinator that leads, as far as it said. */
  get leader(): Coordinator | undefined {
    return this.coordinators.filter((one) => one.epoch > 0).sort((a, b) => b.epoch - a.epoch)[0];
  }

  get standby(): Coordinator | undefined {
    const { leader } = this;
    return this.coordinators.find((one) => one !== leader);
  }

  /** Resolves as soon as a coordinator leads under a later epoch than this. */
  led(after = 0): Promise<void> {
    return until('a leader', Promise.race(this.coordinators.map((one) => one.leads(after))));
  }

  async connect(name: string): Promise<Transport> {
    const transport = await connectNats({ servers: this.nats.url, name });
    this.#cleanUp.push(() => transport.close());
    return transport;
  }

  /** A client that writes into the ledger what it is told; with a patience that outlasts every fault. */
  async client(id: string, patienceMs = 120_000): Promise<Client> {
    const client = createClient({ transport: await this.connect(id), namespace: NAMESPACE, id, patienceMs });
    client.onUpdate((update) => this.ledger.updated(update));
    this.#cleanUp.push(() => client.close());
    return client;
  }

  /** A process that submits some tasks, is told how they end, and ends. */
  startClient(id: string, env: Environment = {}): Child {
    const args = [CLIENT, JSON.stringify({ servers: this.nats.url, namespace: NAMESPACE, id, pool: 'work', tasks: 5 })];
    const onLine = (line: string) => {
      if (line.startsWith('{')) this.ledger.clientSaid(JSON.parse(line) as ClientWord);
    };
    return new Child({ name: id, args, env, logFile: join(this.folder, `${id}.log`), onLine });
  }

  /** What was promised and not kept so far; everything that was submitted has ended. */
  async inspect(): Promise<{ readonly problems: readonly string[]; readonly terms: number }> {
    const store = await this.database.open();
    try {
      const wrong = await check(store, this.ledger);
      const leadership = await store.leadership();
      this.#isWrong ||= wrong.length + this.deaths.length > 0;
      return { problems: [...this.deaths, ...wrong], terms: leadership?.epoch ?? 0 };
    } finally {
      await store.close();
    }
  }

  /** Asks every process to end, so that the store has all that there is to know. */
  async stop(): Promise<void> {
    await this.#hangUp();
    await Promise.all([...this.agents.values()].map((agent) => agent.kill()));
    await Promise.all(this.coordinators.map((coordinator) => coordinator.stop()));
  }

  /** Ends everything at once. The folder goes where every inspection went well, and `isKept` does not say otherwise. */
  async end(isKept = false): Promise<void> {
    await this.#hangUp();
    await Promise.all([...this.agents.values(), ...this.coordinators].map((one) => one.kill()));
    await this.nats.kill();
    await this.database[Symbol.asyncDispose]();
    if (!isKept && !this.#isWrong) rmSync(this.folder, { recursive: true, force: true });
  }

  async #hangUp(): Promise<void> {
    for (const cleanUp of this.#cleanUp.splice(0).reverse()) await cleanUp();
  }

  async #begin(): Promise<void> {
    const { agents, leaseMs = LEASE_MS, failoverMs = FAILOVER_MS, leaderEnv = {} } = this.#options;
    const policies = join(this.folder, 'policies.json');
    // Agents come and go: a task waits for one.
    writeFileSync(policies, JSON.stringify({ defaults: { unschedulable: 'wait' } }));
    const up = [
      ...[MAIN, 'up', '--nats', this.nats.url, '--namespace', NAMESPACE, '--store', this.database.place],
      ...['--lease-ms', String(leaseMs), '--failover-ms', String(failoverMs), '--policies', policies],
    ];
    for (const name of ['coordinator-1', 'coordinator-2']) {
      const coordinator = new Coordinator({ ...this.#member(name, up), ready: /"msg":"(leading|standing by)/ });
      this.coordinators.push(coordinator);
      // One after the other: the first leads.
      await coordinator.start(name === 'coordinator-1' ? leaderEnv : {});
    }
    for (const plan of agents) this.agents.set(plan.id, this.#agent(plan));
    await Promise.all([...this.agents.values()].map((agent) => agent.start()));
  }

  #agent(plan: AgentPlan): Member {
    const args = [AGENT, JSON.stringify({ servers: this.nats.url, namespace: NAMESPACE, ...plan })];
    const onLine = (line: string) => {
      if (line.startsWith('{')) this.ledger.agentSaid(JSON.parse(line) as AgentWord);
    };
    return new Member({ ...this.#member(plan.id, args), ready: /"ready"/, onLine });
  }

  #member(name: string, args: readonly string[]): Omit<MemberOptions, 'ready'> {
    const logFile = join(this.folder, `${name}.log`);
    return { name, args, logFile, onDeath: (problem) => this.deaths.push(problem) };
  }
}
