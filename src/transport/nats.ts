import { createInbox, errors, type Msg, type NatsConnection } from '@nats-io/nats-core';
import { connect, type NodeConnectionOptions } from '@nats-io/transport-node';
import { type Clock, systemClock } from '../clock.js';
import { RotaError } from '../protocol/errors.js';
import { assertFrameSize, copyOf, createMessage } from './frame.js';
import { createHandlers, type Handler, type Handlers, type OnError } from './handlers.js';
import { type NatsAddress, parseNatsAddress } from './nats-address.js';
import { createRequests, type Requests } from './requests.js';
import { createStatus, type StatusCell } from './status.js';
import { assertPattern, assertQueue, assertSubject } from './subject.js';
import type { Message, RequestOptions, SubscribeOptions, Transport, TransportStatus } from './transport.js';

export interface NatsOptions {
  /** `nats://host:port`, also with `user:pass@` or `token@`, or `tls://`; several as a list or with commas. */
  readonly servers: string | readonly string[];
  /** What the server's own lists call this connection. */
  readonly name?: string;
  /** Subject that answers to this connection's requests arrive below; `_INBOX` by default. */
  readonly inboxPrefix?: string;
  /** These go before credentials in an address. */
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  /** Requires TLS; paths of PEM files. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
  /** How long the first connection, and each later attempt, may take; 5,000 by default. */
  readonly connectTimeoutMs?: number;
  /** Gets what handlers and listeners throw, and what the server refuses. Without it: process warnings. */
  readonly onError?: OnError;
  readonly clock?: Pick<Clock, 'after'>;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** A server that is silent for three of these counts as gone. */
const PING_INTERVAL_MS = 2_000;
const PINGS_OUT_MAX = 2;
const RECONNECT_WAIT_MS = 250;
const NO_RESPONDERS = 503;

/**
 * Connects to a NATS server. Later losses of the connection are repaired for as long as it takes.
 *
 * @throws RotaError NO_COORDINATOR when no server answers there, INVALID_VALUE when it refuses the credentials
 */
export async function connectNats(options: NatsOptions): Promise<Transport> {
  const { inboxPrefix = '_INBOX', clock = systemClock } = options;
  assertSubject(inboxPrefix);
  const address = parseNatsAddress(options.servers);
  const connection = await dial(address, options);
  return new NatsTransport(connection, createInbox(inboxPrefix), clock, createHandlers(options.onError));
}

async function dial(address: NatsAddress, options: NatsOptions): Promise<NatsConnection> {
  try {
    return await connect(clientOptions(address, options));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const where = address.hosts.join(', ');
    if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError) {
      const problem = `credentials: the NATS server at ${where} refuses them (${reason}).`;
      throw new RotaError('INVALID_VALUE', problem, { field: 'credentials', cause: error });
    }
    throw new RotaError('NO_COORDINATOR', `No NATS server answers at ${where} (${reason}).`, { cause: error });
  }
}

function clientOptions(address: NatsAddress, options: NatsOptions): NodeConnectionOptions {
  const { name, user = address.user, pass = address.pass, token = address.token } = options;
  const tls = options.tls ?? (address.tls ? {} : undefined);
  return {
    servers: [...address.hosts],
    timeout: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: PINGS_OUT_MAX,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    // A crowd that reconnects at once makes a server time out some logins; that must not end them for good.
    ignoreAuthErrorAbort: true,
    // Each would capture a stack: a third of a request's cost.
    noAsyncTraces: true,
    ...(name === undefined ? {} : { name }),
    ...(user === undefined ? {} : { user }),
    ...(pass === undefined ? {} : { pass }),
    ...(token === undefined ? {} : { token }),
    ...(tls === undefined ? {} : { tls }),
  };
}

/**
 * One connection to a NATS server.
 *
 * - No exception leaves a callback of the client: one would end its read loop without a sign.
 * - Only validated subjects and queue names reach the client: it writes them into its protocol as they are.
 * - While reconnecting nothing is handed to the client, which would queue it and lose most of it.
 * - A request that was under way when the connection was lost is rejected then, not at its timeout.
 */
class NatsTransport implements Transport {
  readonly #nats: NatsConnection;
  readonly #handlers: Handlers;
  readonly #requests: Requests;
  readonly #status: StatusCell;
  readonly #subscriptions = new Set<() => void>();
  /** The last problem of the server that was reported, so that each retry does not repeat it. */
  #reported: string | undefined;
  /** Set when the server refuses the inbox: no request of this connection can be answered. */
  #deaf: RotaError | undefined;
  #closing: Promise<void> | undefined;

  constructor(nats: NatsConnection, inbox: string, clock: Pick<Clock, 'after'>, handlers: Handlers) {
    this.#nats = nats;
    this.#handlers = handlers;
    this.#requests = createRequests(inbox, clock);
    this.#status = createStatus(handlers.report);
    nats.subscribe(`${inbox}.*`, { callback: (error, answer) => this.#receiveAnswer(error, answer) });
    void this.#watch();
  }

  get description(): string {
    return `nats://${this.#nats.getServer()}`;
  }

  get status(): TransportStatus {
    return this.#status.current;
  }

  publish(subject: string, data: Uint8Array, reply?: string): void {
    if (this.status === 'closed') throw this.#closed();
    assertSubject(subject);
    if (reply !== undefined) assertSubject(reply);
    assertFrameSize(data);
    if (this.status === 'connected') this.#send(subject, data, reply);
  }

  async request(subject: string, data: Uint8Array, { timeoutMs }: RequestOptions): Promise<Message> {
    this.#assertOpen();
    assertSubject(subject);
    assertFrameSize(data);
    if (this.status === 'reconnecting') throw this.#disconnected();
    if (this.#deaf !== undefined) throw this.#deaf;
    return this.#requests.ask(subject, timeoutMs, (reply) => this.#send(subject, data, reply));
  }

  subscribe(subject: string, handler: Handler, { queue }: SubscribeOptions = {}): () => void {
    this.#assertOpen();
    assertPattern(subject);
    if (queue !== undefined) assertQueue(queue);
    const subscription = this.#nats.subscribe(subject, {
      ...(queue === undefined ? {} : { queue }),
      callback: (error, received) => {
        // The server refused the subscription; `#watch` reports that.
        if (error === null) this.#handlers.run(handler, ownMessage(received));
      },
    });
    const end = () => {
      subscription.unsubscribe();
      this.#subscriptions.delete(end);
    };
    this.#subscriptions.add(end);
    return end;
  }

  onStatus(listener: (status: TransportStatus) => void): () => void {
    return this.#status.listen(listener);
  }

  async flush(): Promise<void> {
    if (this.status === 'closed') throw this.#closed();
    if (this.status === 'reconnecting') throw this.#disconnected();
    try {
      await this.#nats.flush();
    } catch {
      throw this.#nats.isClosed() ? this.#closed() : this.#disconnected();
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const end of this.#subscriptions) end();
    this.#requests.fail(() => this.#closed());
    await this.#handlers.idle();
    // What was published while disconnected is lost either way.
    await this.flush().catch(() => {});
    await this.#nats.close();
    this.#status.set('closed');
  }

  /** The client keeps a reference until its next flush, hence the copy. */
  #send(subject: string, data: Uint8Array, reply: string | undefined): void {
    try {
      this.#nats.publish(subject, copyOf(data), reply === undefined ? undefined : { reply });
    } catch (error) {
      if (this.#nats.isClosed()) throw this.#closed();
      // The subject and our own limit are checked already: what is left is a lower limit of the server's.
      const problem = `The frame has ${data.length} bytes, ${this.description} takes ${this.#nats.info?.max_payload}.`;
      throw new RotaError('FRAME_TOO_LARGE', problem, { cause: error });
    }
  }

  #receiveAnswer(error: Error | null, answer: Msg): void {
    if (error !== null) this.#inboxRefused(error);
    else if (answer.data.length === 0 && answer.headers?.code === NO_RESPONDERS)
      this.#requests.noResponders(answer.subject);
    else this.#requests.answer(ownMessage(answer));
  }

  #inboxRefused(error: Error): void {
    const deaf = error instanceof errors.PermissionViolationError ? this.#notPermitted(error) : this.#closed();
    this.#deaf = deaf;
    this.#requests.fail(() => deaf);
  }

  async #watch(): Promise<void> {
    for await (const event of this.#nats.status()) {
      if (event.type === 'disconnect') this.#lost();
      else if (event.type === 'reconnect') this.#found();
      else if (event.type === 'error') this.#refused(event.error);
    }
    this.#requests.fail(() => this.#closed());
    this.#status.set('closed');
  }

  #lost(): void {
    this.#status.set('reconnecting');
    this.#requests.fail(() => this.#disconnected());
  }

  #found(): void {
    this.#reported = undefined;
    this.#status.set('connected');
  }

  #refused(error: Error): void {
    if (error instanceof errors.PermissionViolationError && error.operation === 'publish') {
      this.#requests.fail((subject) => (subject === error.subject ? this.#notPermitted(error) : undefined));
    }
    if (error.message === this.#reported) return;
    this.#reported = error.message;
    this.#handlers.report(error instanceof errors.PermissionViolationError ? this.#notPermitted(error) : error);
  }

  #assertOpen(): void {
    if (this.#closing !== undefined || this.status === 'closed') throw this.#closed();
  }

  #closed(): RotaError {
    return new RotaError('CLOSED', `The connection to ${this.description} is closed.`);
  }

  #disconnected(): RotaError {
    return new RotaError('NO_COORDINATOR', `The connection to ${this.description} is lost and being restored.`);
  }

  #notPermitted(error: InstanceType<typeof errors.PermissionViolationError>): RotaError {
    const action = error.operation === 'publish' ? 'publish to' : 'subscribe to';
    const problem = `subject: the credentials of this connection do not permit it to ${action} "${error.subject}".`;
    return new RotaError('INVALID_VALUE', problem, { field: 'subject', cause: error });
  }
}

/** A copy: the client's message is a view of the network chunk, which it would keep alive. */
function ownMessage(received: Msg): Message {
  return createMessage(received.subject, copyOf(received.data), received.reply);
}
