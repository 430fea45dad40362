/** A message as it arrives. `data` belongs to the receiver; `reply` is where an answer goes. */
export interface Message {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly reply?: string;
}

export type TransportStatus = 'connected' | 'reconnecting' | 'closed';

export interface SubscribeOptions {
  /** Each message goes to one member of the group. */
  readonly queue?: string;
}

export interface RequestOptions {
  readonly timeoutMs: number;
}

/**
 * How bytes travel. Core publish/subscribe: at most once, no memory. Whatever must arrive is a
 * request, or is repeated until it is acknowledged.
 *
 * Invariants of every implementation:
 * - T1 messages of one publisher on one connection reach one subscriber in order.
 * - T2 a handler that throws, or rejects, stops neither its subscription nor any other.
 * - T3 subjects are dot-separated tokens; `*` matches one, `>` the rest; a message is published to a
 *   subject without wildcards. Anything else rejects with INVALID_NAME before it reaches a server.
 * - T4 the bytes given to `publish` and `request` may be reused as soon as the call returns.
 * - T5 once `close` resolves, no handler runs any more.
 */
export interface Transport {
  /** `memory`, or the server's address without credentials. */
  readonly description: string;
  readonly status: TransportStatus;

  /** Sends; does not wait. While reconnecting the message is lost. @throws RotaError CLOSED, INVALID_NAME, FRAME_TOO_LARGE */
  publish(subject: string, data: Uint8Array, reply?: string): void;
  /**
   * Sends and waits for one answer.
   * @throws RotaError NO_COORDINATOR at once when nobody subscribes, while reconnecting, or when the connection is
   *   lost before the answer (then the request may have been carried out); TIMEOUT; CLOSED; INVALID_NAME; FRAME_TOO_LARGE
   */
  request(subject: string, data: Uint8Array, options: RequestOptions): Promise<Message>;
  /** The returned function ends the subscription. A handler's error goes to the connection's `onError`. */
  subscribe(
    subject: string,
    handler: (message: Message) => void | Promise<void>,
    options?: SubscribeOptions,
  ): () => void;
  /** Called with each new status. The returned function stops that. */
  onStatus(listener: (status: TransportStatus) => void): () => void;
  /**
   * Resolves once the server has everything that was published and every subscription.
   * @throws RotaError CLOSED; NO_COORDINATOR while reconnecting
   */
  flush(): Promise<void>;
  /**
   * Ends all subscriptions, rejects waiting requests with CLOSED, waits for the handlers that run (they may
   * still publish), flushes, and closes. Safe to call twice. A handler that awaits it waits for itself.
   */
  close(): Promise<void>;
}
