import type { Clock } from '../clock.js';
import { RotaError } from '../protocol/errors.js';
import { assertFrameSize, copyOf, createMessage } from './frame.js';
import { createHandlers, type Handler, type Handlers, type OnError } from './handlers.js';
import { createRequests, type Requests } from './requests.js';
import { createRoutes } from './routes.js';
import { createStatus, type StatusCell } from './status.js';
import { assertPattern, assertQueue, assertSubject } from './subject.js';
import type { Message, RequestOptions, SubscribeOptions, Transport, TransportStatus } from './transport.js';

export interface MemoryConnectOptions {
  /** Subject that answers to this connection's requests arrive below; `_INBOX` by default. */
  readonly inboxPrefix?: string;
  /** Gets what handlers and listeners throw. Without it they become process warnings. */
  readonly onError?: OnError;
}

export interface MemoryBroker {
  connect(options?: MemoryConnectOptions): Transport;
}

type BrokerClock = Pick<Clock, 'after' | 'defer'>;

interface Receiver {
  /** False once its subscription has ended: what is still queued for it is dropped. */
  active: boolean;
  deliver(message: Message): void;
}

/**
 * A broker inside this process, for tests, simulations and coordinators that share a process with
 * their agents. It answers to the same contract as a server.
 *
 * - Who receives a message is decided when it is published; it arrives in a later turn.
 * - One deferred turn delivers all that was queued before it began, in the order of publishing. What
 *   handlers publish meanwhile waits for the next, so that an endless exchange starves nobody.
 * - Nothing here is random: the same calls give the same deliveries.
 */
export function createMemoryBroker({ clock }: { readonly clock: BrokerClock }): MemoryBroker {
  const post = new Post(clock);
  let connections = 0;
  return {
    connect(options = {}) {
      connections += 1;
      return new MemoryTransport(post, clock, connections, options);
    },
  };
}

/** What all connections of one broker share: the routes, and the messages under way. */
class Post {
  readonly #routes = createRoutes<Receiver>();
  readonly #clock: BrokerClock;
  #queue: { readonly receiver: Receiver; readonly message: Message }[] = [];

  constructor(clock: BrokerClock) {
    this.#clock = clock;
  }

  add(pattern: string, queue: string | undefined, deliver: (message: Message) => void): () => void {
    const receiver: Receiver = { active: true, deliver };
    const remove = this.#routes.add(pattern, queue, receiver);
    return () => {
      receiver.active = false;
      remove();
    };
  }

  /** Answers how many will receive it. Each gets bytes of its own. */
  send(subject: string, data: Uint8Array, reply: string | undefined): number {
    return this.#routes.select(subject, (receiver) => {
      if (this.#queue.length === 0) this.#clock.defer(() => this.#deliver());
      this.#queue.push({ receiver, message: createMessage(subject, copyOf(data), reply) });
    });
  }

  #deliver(): void {
    const due = this.#queue;
    this.#queue = [];
    for (const { receiver, message } of due) if (receiver.active) receiver.deliver(message);
  }
}

class MemoryTransport implements Transport {
  readonly description = 'memory';
  readonly #post: Post;
  readonly #handlers: Handlers;
  readonly #requests: Requests;
  readonly #status: StatusCell;
  readonly #subscriptions = new Set<() => void>();
  #closing: Promise<void> | undefined;

  constructor(post: Post, clock: BrokerClock, number: number, options: MemoryConnectOptions) {
    const { inboxPrefix = '_INBOX', onError } = options;
    assertSubject(inboxPrefix);
    this.#post = post;
    this.#handlers = createHandlers(onError);
    this.#requests = createRequests(`${inboxPrefix}.${number}`, clock);
    this.#status = createStatus(this.#handlers.report);
  }

  get status(): TransportStatus {
    return this.#status.current;
  }

  publish(subject: string, data: Uint8Array, reply?: string): void {
    if (this.status === 'closed') throw closed();
    assertSubject(subject);
    if (reply !== undefined) assertSubject(reply);
    assertFrameSize(data);
    this.#post.send(subject, data, reply);
  }

  async request(subject: string, data: Uint8Array, { timeoutMs }: RequestOptions): Promise<Message> {
    this.#assertOpen();
    assertSubject(subject);
    assertFrameSize(data);
    let endInbox = () => {};
    try {
      return await this.#requests.ask(subject, timeoutMs, (reply) => {
        endInbox = this.#post.add(reply, undefined, this.#requests.answer);
        if (this.#post.send(subject, data, reply) === 0) this.#requests.noResponders(reply);
      });
    } finally {
      endInbox();
    }
  }

  subscribe(subject: string, handler: Handler, { queue }: SubscribeOptions = {}): () => void {
    this.#assertOpen();
    assertPattern(subject);
    if (queue !== undefined) assertQueue(queue);
    const remove = this.#post.add(subject, queue, (message) => this.#handlers.run(handler, message));
    const end = () => {
      remove();
      this.#subscriptions.delete(end);
    };
    this.#subscriptions.add(end);
    return end;
  }

  onStatus(listener: (status: TransportStatus) => void): () => void {
    return this.#status.listen(listener);
  }

  async flush(): Promise<void> {
    if (this.status === 'closed') throw closed();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const end of this.#subscriptions) end();
    this.#requests.fail(closed);
    await this.#handlers.idle();
    this.#status.set('closed');
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw closed();
  }
}

function closed(): RotaError {
  return new RotaError('CLOSED', 'This in-process connection is closed.');
}
