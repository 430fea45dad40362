import { systemClock } from '#rota/clock.js';
import { decode } from '#rota/protocol/codec.js';
import { RotaError } from '#rota/protocol/errors.js';
import { ToFrame } from '#rota/protocol/frames.js';
import { COMBINED_BOUNDS } from '#rota/protocol/limits.js';
import type {
  Message,
  RequestOptions,
  SubscribeOptions,
  Transport,
  TransportStatus,
} from '#rota/transport/transport.js';
import { type Gate, gate } from './signals.js';

/** A message on its way through a lossy transport; `reply` is the answer to a request of its own. */
export interface Passing {
  readonly way: 'out' | 'in' | 'reply';
  /** Of a `reply`: the subject that was asked. */
  readonly subject: string;
  readonly data: Uint8Array;
}

interface Watch {
  readonly matches: (passing: Passing) => boolean;
  readonly done: Gate;
  readonly isLoss: boolean;
  left: number;
}

/**
 * A transport that loses chosen messages, as core NATS may. A request whose question or answer is
 * lost ends with TIMEOUT when its time is over, as it would.
 */
export class Lossy implements Transport {
  readonly #inner: Transport;
  readonly #watches: Watch[] = [];
  readonly #statusListeners = new Set<(status: TransportStatus) => void>();

  constructor(inner: Transport) {
    this.#inner = inner;
  }

  /** Loses the next `count` messages that match. Resolves once it has. */
  lose(matches: (passing: Passing) => boolean, count = 1): Promise<void> {
    return this.#watch(matches, count, true);
  }

  /** Resolves once `count` messages that match have passed. */
  passes(matches: (passing: Passing) => boolean, count = 1): Promise<void> {
    return this.#watch(matches, count, false);
  }

  /** Tells the listeners what a connection that was lost and restored tells them. */
  comesBack(): void {
    for (const listener of [...this.#statusListeners]) listener('connected');
  }

  get description(): string {
    return this.#inner.description;
  }

  get status(): TransportStatus {
    return this.#inner.status;
  }

  publish(subject: string, data: Uint8Array, reply?: string): void {
    if (!this.#loses({ way: 'out', subject, data })) this.#inner.publish(subject, data, reply);
  }

  async request(subject: string, data: Uint8Array, options: RequestOptions): Promise<Message> {
    const startMs = systemClock.monoMs();
    if (!this.#loses({ way: 'out', subject, data })) {
      const answer = await this.#inner.request(subject, data, options);
      if (!this.#loses({ way: 'reply', subject, data: answer.data })) return answer;
    }
    const leftMs = startMs + options.timeoutMs - systemClock.monoMs();
    await new Promise<void>((resolve) => systemClock.after(leftMs, resolve));
    throw new RotaError('TIMEOUT', `"${subject}" was lost.`);
  }

  subscribe(
    subject: string,
    handler: (message: Message) => void | Promise<void>,
    options?: SubscribeOptions,
  ): () => void {
    const unlessLost = (message: Message) => {
      if (!this.#loses({ way: 'in', subject: message.subject, data: message.data })) return handler(message);
    };
    return this.#inner.subscribe(subject, unlessLost, options);
  }

  onStatus(listener: (status: TransportStatus) => void): () => void {
    this.#statusListeners.add(listener);
    const end = this.#inner.onStatus(listener);
    return () => {
      this.#statusListeners.delete(listener);
      end();
    };
  }

  flush(): Promise<void> {
    return this.#inner.flush();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #watch(matches: (passing: Passing) => boolean, left: number, isLoss: boolean): Promise<void> {
    const done = gate();
    this.#watches.push({ matches, done, isLoss, left });
    return done.passed;
  }

  /** Whether the message is lost; counts it either way. */
  #loses(passing: Passing): boolean {
    const found = this.#watches.find(({ left, matches }) => left > 0 && matches(passing));
    if (found === undefined) return false;
    found.left--;
    if (found.left === 0) found.done.open();
    return found.isLoss;
  }
}

/** Matches frames to a principal that hold something of this kind, such as `assignments`. */
export function carries(kind: Exclude<keyof ToFrame, 'v'>): (passing: Passing) => boolean {
  return ({ way, subject, data }) =>
    way === 'in' && subject.includes('.to.') && (decode(ToFrame, data, COMBINED_BOUNDS)[kind] ?? []).length > 0;
}

/** Matches what a principal says, by its verb. */
export function says(verb: string, way: Passing['way'] = 'out'): (passing: Passing) => boolean {
  return (passing) => passing.way === way && passing.subject.split('.')[3] === verb;
}
