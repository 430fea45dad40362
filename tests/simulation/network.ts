import { RotaError } from '#rota/protocol/errors.js';
import { createMemoryBroker } from '#rota/transport/memory.js';
import type {
  Message,
  RequestOptions,
  SubscribeOptions,
  Transport,
  TransportStatus,
} from '#rota/transport/transport.js';
import type { Process } from './process.js';
import type { World } from './world.js';

/** How often the network does what it must not, each a probability for one message. */
export interface NetworkFaults {
  readonly drop: number;
  readonly duplicate: number;
  /** Comes late, and lets those behind it pass. */
  readonly reorder: number;
}

const CALM_NETWORK: NetworkFaults = { drop: 0, duplicate: 0, reorder: 0 };

/** What passes, for whoever checks it. */
export interface NetworkTap {
  /** A process hands a message to the network; whether it gets anywhere is another matter. */
  sent(from: Process, subject: string, data: Uint8Array): void;
  /** A process is about to handle a message. */
  received(to: Process, message: Message): void;
}

const LATENCY_MS = 2;
const LATE_MS = 400;
/** A connection notices what became of it within so long. */
const NOTICE_MS = 200;

/**
 * The broker in memory, with a network around it that loses, doubles, delays and reorders, that can be cut and whose
 * server can go away and come back.
 *
 * Must hold, without faults: messages of one publisher reach one subscriber in order.
 */
export class Network {
  readonly counts = { dropped: 0, duplicated: 0, reordered: 0, restarts: 0, cuts: 0 };
  readonly world: World;
  readonly tap: NetworkTap;
  faults = CALM_NETWORK;
  isDown = false;
  readonly #broker;
  readonly #cut = new Set<Process>();
  readonly #connections = new Set<Connection>();

  constructor(world: World, tap: NetworkTap) {
    this.world = world;
    this.tap = tap;
    this.#broker = createMemoryBroker({
      clock: { after: (delayMs, fn) => world.plan(delayMs, fn), defer: (fn) => void world.plan(0, fn) },
    });
  }

  connect(process: Process): Transport {
    const connection = new Connection(this, process, this.#broker.connect({ onError: (error) => this.#fault(error) }));
    this.#connections.add(connection);
    process.onDeath(() => {
      this.#connections.delete(connection);
      connection.vanish();
    });
    return connection;
  }

  /** What the process sends and what is sent to it is lost, and nobody is told. */
  cut(process: Process): void {
    this.counts.cuts++;
    this.#cut.add(process);
  }

  mend(process: Process): void {
    this.#cut.delete(process);
  }

  /** The server is gone: whatever is under way is lost, and the connections notice. */
  stop(): void {
    if (this.isDown) return;
    this.counts.restarts++;
    this.isDown = true;
    for (const connection of this.#connections) connection.changeStatus('reconnecting');
  }

  start(): void {
    if (!this.isDown) return;
    this.isDown = false;
    for (const connection of this.#connections) connection.changeStatus('connected');
  }

  /** Nothing goes wrong any more. */
  calm(): void {
    this.faults = CALM_NETWORK;
    this.#cut.clear();
    this.start();
  }

  isCut(process: Process): boolean {
    return this.#cut.has(process);
  }

  /** Whether a message of this process is lost. */
  loses(process: Process): boolean {
    if (this.#cut.has(process)) return true;
    if (!this.world.dice.chance(this.faults.drop)) return false;
    this.counts.dropped++;
    return true;
  }

  #fault(error: Error): void {
    this.world.fail('fault', error.stack ?? error.message);
  }
}

/** The connection of one process. */
class Connection implements Transport {
  readonly description = 'memory';
  status: TransportStatus = 'connected';
  readonly #network: Network;
  readonly #process: Process;
  readonly #inner: Transport;
  readonly #listeners = new Set<(status: TransportStatus) => void>();
  /** Of the server: a new one knows nothing of what was sent to the one before. */
  #term = 0;
  #noticedMs = 0;
  /** When the last message that kept its place arrives. */
  #lastMs = 0;

  constructor(network: Network, process: Process, inner: Transport) {
    this.#network = network;
    this.#process = process;
    this.#inner = inner;
  }

  /** Its process died. */
  vanish(): void {
    this.#listeners.clear();
    void this.#inner.close();
  }

  changeStatus(status: TransportStatus): void {
    this.#term++;
    const { world } = this.#network;
    // Noticed after a while, and in order.
    this.#noticedMs = Math.max(this.#noticedMs, world.nowMs) + world.dice.between(0, NOTICE_MS);
    this.#process.receive(this.#noticedMs - world.nowMs, () => {
      world.say(this.#process.name, () => `is ${status}`);
      this.status = status;
      for (const listener of [...this.#listeners]) listener(status);
    });
  }

  publish(subject: string, data: Uint8Array, reply?: string): void {
    if (this.#process.life === 'dead') return;
    this.#network.tap.sent(this.#process, subject, data);
    if (this.#network.isDown || this.#network.loses(this.#process)) return;
    this.#inner.publish(subject, data, reply);
  }

  request(subject: string, data: Uint8Array, { timeoutMs }: RequestOptions): Promise<Message> {
    const { world, tap } = this.#network;
    if (this.#process.life === 'dead') return NEVER;
    tap.sent(this.#process, subject, data);
    if (this.#network.isDown) return Promise.reject(nobody(subject));
    const startMs = world.nowMs;
    const term = this.#term;
    return new Promise((resolve, reject) => {
      const late = () => {
        this.#process.receive(startMs + timeoutMs - world.nowMs, () => reject(timedOut(subject)));
      };
      if (this.#network.loses(this.#process)) return late();
      this.#inner.request(subject, data, { timeoutMs }).then(
        (reply) => {
          if (this.#term !== term || this.#network.isDown) this.#later(() => reject(nobody(subject)));
          else if (this.#network.loses(this.#process)) late();
          else this.#later(() => resolve(reply));
        },
        (error) => this.#later(() => reject(error)),
      );
    });
  }

  subscribe(
    subject: string,
    handler: (message: Message) => void | Promise<void>,
    options?: SubscribeOptions,
  ): () => void {
    return this.#inner.subscribe(subject, (message) => this.#deliver(message, handler), options);
  }

  onStatus(listener: (status: TransportStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  flush(): Promise<void> {
    return this.status === 'connected' ? Promise.resolve() : Promise.reject(nobody('flush'));
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #deliver(message: Message, handler: (message: Message) => void | Promise<void>): void {
    const { counts, faults, world } = this.#network;
    const { dice } = world;
    if (this.#network.isCut(this.#process) || this.#network.isDown) return;
    const handle = () => {
      this.#network.tap.received(this.#process, message);
      void Promise.resolve(handler(message)).catch((error) => world.fail('fault', String(error?.stack ?? error)));
    };
    const term = this.#term;
    const arrive = (delayMs: number) =>
      this.#process.receive(delayMs, () => {
        if (this.#term === term) handle();
      });
    if (dice.chance(faults.reorder)) {
      counts.reordered++;
      arrive(dice.between(0, LATE_MS));
    } else {
      this.#later(() => {
        if (this.#term === term) handle();
      });
    }
    if (!dice.chance(faults.duplicate)) return;
    counts.duplicated++;
    arrive(dice.between(0, LATE_MS));
  }

  /** After what came before it. */
  #later(fn: () => void): void {
    const { nowMs, dice } = this.#network.world;
    this.#lastMs = Math.max(this.#lastMs, nowMs + dice.between(0.1, LATENCY_MS));
    this.#process.receive(this.#lastMs - nowMs, fn);
  }
}

const NEVER = new Promise<never>(() => {});

function timedOut(subject: string): RotaError {
  return new RotaError('TIMEOUT', `"${subject}" did not answer in time.`);
}

function nobody(subject: string): RotaError {
  return new RotaError('NO_COORDINATOR', `Nobody answers on "${subject}".`);
}
