import type { z } from 'zod';
import { type Clock, sleep } from '../clock.js';
import { decode, encode } from '../protocol/codec.js';
import { asRotaError, RotaError } from '../protocol/errors.js';
import { ErrorReply, ToFrame } from '../protocol/frames.js';
import { COMBINED_BOUNDS, LIMITS } from '../protocol/limits.js';
import { createSubjects, type Subjects } from '../protocol/subjects.js';
import type { Message, Transport } from '../transport/transport.js';

const REQUEST_TIMEOUT_MS = 5_000;
const RETRY_MS_MIN = 50;
const RETRY_MS_MAX = 2_000;

export interface PeerOptions {
  readonly transport: Transport;
  readonly namespace: string;
  readonly principal: string;
  readonly clock: Clock;
}

export interface Patience {
  /** How long retryable errors are tried again. */
  readonly patienceMs: number;
  /** How long one answer is waited for. Default 5,000. */
  readonly timeoutMs?: number;
  /** Ends it with the signal's reason, unless an answer is under way. */
  readonly signal?: AbortSignal;
}

/** One principal's line to the coordinator, the same for agents and clients. */
export class Peer {
  readonly subjects: Subjects;
  readonly #options: PeerOptions;

  constructor(options: PeerOptions) {
    this.#options = options;
    this.subjects = createSubjects(options.namespace);
  }

  /** Receives what the coordinator has for this principal. The returned function ends that. */
  listen(onFrame: (frame: ToFrame) => void): () => void {
    const { transport, principal } = this.#options;
    return transport.subscribe(this.subjects.to(principal), ({ data }) =>
      onFrame(decode(ToFrame, data, COMBINED_BOUNDS)),
    );
  }

  publish(subject: string, bytes: Uint8Array): void {
    this.#options.transport.publish(subject, bytes);
  }

  /**
   * Sends a request and checks its reply. A retryable error is tried again, with growing pauses, until
   * the patience ends: requests are made so that a repeated one does no harm.
   *
   * @throws RotaError what the coordinator answered, or NO_COORDINATOR, TIMEOUT, CLOSED
   */
  request<S extends z.ZodType>(
    subject: string,
    frame: object,
    replySchema: S,
    patience: Patience,
  ): Promise<z.infer<S>> {
    return this.send(subject, encode(frame, LIMITS), replySchema, patience);
  }

  /** The same with a frame that is encoded already. */
  async send<S extends z.ZodType>(
    subject: string,
    bytes: Uint8Array,
    replySchema: S,
    { patienceMs, timeoutMs = REQUEST_TIMEOUT_MS, signal }: Patience,
  ): Promise<z.infer<S>> {
    const { transport, clock } = this.#options;
    const giveUpMs = clock.monoMs() + patienceMs;
    for (let pauseMs = RETRY_MS_MIN; ; pauseMs = Math.min(pauseMs * 2, RETRY_MS_MAX)) {
      signal?.throwIfAborted();
      try {
        return readReply(replySchema, await transport.request(subject, bytes, { timeoutMs }));
      } catch (thrown) {
        const error = asRotaError(thrown, 'UNAVAILABLE');
        const waitMs = error.retryAfterMs ?? pauseMs;
        const isOver = clock.monoMs() + waitMs > giveUpMs;
        if (!error.retryable || isOver || error.code === 'UNKNOWN_AGENT') throw error;
        await sleep(clock, waitMs, signal);
      }
    }
  }
}

function readReply<S extends z.ZodType>(schema: S, { data }: Message): z.infer<S> {
  try {
    return decode(schema, data, COMBINED_BOUNDS);
  } catch (mismatch) {
    throw readError(data) ?? mismatch;
  }
}

/** The error that a reply holds; undefined when it holds none. */
function readError(data: Uint8Array): RotaError | undefined {
  try {
    return RotaError.fromWire(decode(ErrorReply, data, COMBINED_BOUNDS).error);
  } catch {
    return undefined;
  }
}
