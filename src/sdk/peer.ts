import type { z } from 'zod';
import { type Clock, sleep } from '../clock.js';
import { failpoint } from '../failpoints.js';
import { decode, encode } from '../protocol/codec.js';
import { asRotaError, RotaError } from '../protocol/errors.js';
import { ErrorReply, LeaderFrame, ToFrame } from '../protocol/frames.js';
import { COMBINED_BOUNDS, LIMITS } from '../protocol/limits.js';
import { createSubjects, type Subjects } from '../protocol/subjects.js';
import type { Message, Transport } from '../transport/transport.js';

const REQUEST_TIMEOUT_MS = 5_000;
const RETRY_MS_MIN = 50;
const RETRY_MS_MAX = 500;

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
  /**
   * Sends the same again, this often, while there is no answer. For what any coordinator may answer: one that is paused
   * is still given its share.
   */
  readonly againMs?: number;
  /** Ends it with the signal's reason, unless an answer is under way. */
  readonly signal?: AbortSignal;
}

interface Asking {
  readonly timeoutMs: number;
  readonly againMs: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** One principal's line to the coordinator, the same for agents and clients. */
export class Peer {
  readonly subjects: Subjects;
  readonly #options: PeerOptions;
  /** Asks again, at once, each question that has no answer yet. */
  readonly #askAgain = new Set<() => void>();

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

  /**
   * Hears of each coordinator that begins to lead, and asks it what the one before has not answered: that one may be
   * gone with the question. The returned function ends that.
   */
  onLeader(hear: () => void): () => void {
    return this.#options.transport.subscribe(this.subjects.leader, ({ data }) => {
      if (!decode(LeaderFrame, data).leads) return;
      for (const again of [...this.#askAgain]) again();
      hear();
    });
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
    { patienceMs, timeoutMs = REQUEST_TIMEOUT_MS, againMs, signal }: Patience,
  ): Promise<z.infer<S>> {
    const { clock } = this.#options;
    const giveUpMs = clock.monoMs() + patienceMs;
    for (let pauseMs = RETRY_MS_MIN; ; pauseMs = Math.min(pauseMs * 2, RETRY_MS_MAX)) {
      signal?.throwIfAborted();
      try {
        failpoint('request.before');
        const reply = await this.#ask(subject, bytes, { timeoutMs, againMs, signal });
        failpoint('request.after');
        return readReply(replySchema, reply);
      } catch (thrown) {
        const error = asRotaError(thrown, 'UNAVAILABLE');
        const waitMs = error.retryAfterMs ?? pauseMs;
        const leftMs = giveUpMs - clock.monoMs();
        // A rate limit knows when there is room again; a store that is away may be back sooner than was guessed.
        const isOver = error.code === 'RATE_LIMITED' ? waitMs > leftMs : leftMs <= 0;
        if (!error.retryable || isOver || error.code === 'UNKNOWN_AGENT') throw error;
        await this.#pause(Math.min(waitMs, leftMs), signal);
      }
    }
  }

  /** Resolves with the first answer. */
  async #ask(subject: string, bytes: Uint8Array, { timeoutMs, againMs, signal }: Asking): Promise<Message> {
    let ask = () => {};
    const answer = new Promise<Message>((resolve, reject) => {
      ask = () => {
        if (!signal?.aborted) this.#options.transport.request(subject, bytes, { timeoutMs }).then(resolve, reject);
      };
    });
    this.#askAgain.add(ask);
    ask();
    const endRepeats = againMs === undefined ? () => {} : this.#options.clock.every(againMs, ask);
    try {
      return await answer;
    } finally {
      endRepeats();
      this.#askAgain.delete(ask);
    }
  }

  /** Until it is worth another try: a while, or as soon as another leads. */
  async #pause(waitMs: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return;
    const over = new AbortController();
    const end = () => over.abort();
    this.#askAgain.add(end);
    signal?.addEventListener('abort', end);
    await sleep(this.#options.clock, waitMs, over.signal);
    signal?.removeEventListener('abort', end);
    this.#askAgain.delete(end);
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
