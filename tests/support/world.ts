import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#rota/clock.js';
import {
  type Agent,
  type AgentOptions,
  type Client,
  type ClientOptions,
  type Coordinator,
  connectNats,
  createAgent,
  createClient,
  createCoordinator,
  createMemoryBroker,
  createMemoryStore,
  type EmbedOptions,
  type Handler,
  openPostgres,
  openSqlite,
  type Store,
  type Transport,
} from '#rota/index.js';
import type { PoliciesInput } from '#rota/protocol/policy.js';
import type { PrivatePostgres } from '../../scripts/private-postgres.mjs';
import { startTestNats, type TestNats } from './nats-server.js';

export const TRANSPORTS = ['memory', 'nats'] as const;
export type TransportKind = (typeof TRANSPORTS)[number];

/** Long enough that a busy machine ends no lease by itself. */
const LEASE_MS = 10_000;

/** Tasks wait for agents to come, unless a test is about what happens when they don't. */
const WAITING: PoliciesInput = { defaults: { unschedulable: 'wait' } };

type Broker = { readonly connect: () => Promise<Transport>; readonly nats?: TestNats };

/**
 * One test's own server, store, coordinators, agents and clients. Everything made here is ended by
 * its disposal, the newest first.
 */
export class World implements AsyncDisposable {
  readonly kind: TransportKind;
  readonly #broker: Broker;
  readonly #cleanUp: (() => unknown)[];
  #store: Store | undefined;
  #folder: string | undefined;
  #databaseUrl: Promise<string> | undefined;

  private constructor(kind: TransportKind, broker: Broker, cleanUp: (() => unknown)[]) {
    this.kind = kind;
    this.#broker = broker;
    this.#cleanUp = cleanUp;
  }

  static async open(kind: TransportKind): Promise<World> {
    if (kind === 'memory') {
      const broker = createMemoryBroker({ clock: systemClock });
      return new World(kind, { connect: async () => broker.connect() }, []);
    }
    const nats = await startTestNats();
    return new World(kind, { nats, connect: () => connectNats({ servers: nats.url }) }, [() => nats.kill()]);
  }

  /** The server of a world with NATS. */
  get nats(): TestNats {
    if (this.#broker.nats === undefined) throw new Error('This world has no NATS server.');
    return this.#broker.nats;
  }

  async connect(): Promise<Transport> {
    const transport = await this.#broker.connect();
    this.#cleanUp.push(() => transport.close());
    return transport;
  }

  /** What this world's coordinators use, unless a test gives them something else. Over NATS it is on disk. */
  async store(): Promise<Store> {
    this.#store ??= this.kind === 'memory' ? createMemoryStore() : await this.sqlite();
    return this.#store;
  }

  /** Opens this world's one database; again for each call, as another process would. */
  async sqlite(): Promise<Store> {
    const store = await openSqlite({ path: join(await this.folder(), 'rota.db') });
    this.#cleanUp.push(() => store.close());
    return store;
  }

  /** The same with a database of its own in this cluster. */
  async postgres(cluster: PrivatePostgres): Promise<Store> {
    this.#databaseUrl ??= cluster.createDatabase();
    const store = await openPostgres({ url: await this.#databaseUrl });
    this.#cleanUp.push(() => store.close());
    return store;
  }

  async folder(): Promise<string> {
    if (this.#folder === undefined) {
      const folder = await mkdtemp(join(tmpdir(), 'rota-world-'));
      this.#cleanUp.unshift(() => rm(folder, { recursive: true, force: true }));
      this.#folder = folder;
    }
    return this.#folder;
  }

  async coordinator(options: Partial<EmbedOptions> = {}): Promise<Coordinator> {
    const transport = options.transport ?? (await this.connect());
    const store = options.store ?? (await this.store());
    const coordinator = await createCoordinator({
      ...{ leaseMs: LEASE_MS, policies: WAITING },
      ...options,
      ...{ transport, store },
    });
    this.#cleanUp.push(() => coordinator.stop());
    return coordinator;
  }

  /** An agent of pool `work`. Resolves once the coordinator knows it. */
  async agent(id: string, handler: Handler, options: Partial<AgentOptions> = {}): Promise<Agent> {
    const transport = options.transport ?? (await this.connect());
    const agent = createAgent({ pool: 'work', ...options, transport, id, handler });
    this.#cleanUp.push(() => agent.stop());
    await agent.ready;
    return agent;
  }

  async client(options: Partial<ClientOptions> = {}): Promise<Client> {
    const transport = options.transport ?? (await this.connect());
    const client = createClient({ ...options, transport });
    this.#cleanUp.push(() => client.close());
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const cleanUp of this.#cleanUp.reverse()) await cleanUp();
  }
}
