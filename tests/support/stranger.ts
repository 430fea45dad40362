import { connect, type NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';
import { decode } from '#rota/protocol/codec.js';
import { ErrorReply, ToFrame } from '#rota/protocol/frames.js';
import { COMBINED_BOUNDS } from '#rota/protocol/limits.js';

const ANSWER_MS = 30_000;
const Failed = z.object({ error: z.unknown() });

export interface Answer {
  readonly data: Uint8Array;
  /** Both are undefined when the answer is no error. */
  readonly code?: string;
  readonly message?: string;
}

/** Somebody at the NATS server who has no manners: rota's own transport would not send what this one may. */
export class Stranger implements AsyncDisposable {
  readonly #nats: NatsConnection;

  private constructor(nats: NatsConnection) {
    this.#nats = nats;
  }

  static async connect(servers: string): Promise<Stranger> {
    return new Stranger(await connect({ servers }));
  }

  /** Sends a request; rejects when nobody answers in time, or with what is no answer of the protocol. */
  async ask(subject: string, bytes: Uint8Array): Promise<Answer> {
    const { data } = await this.#nats.request(subject, bytes, { timeout: ANSWER_MS });
    const isError = Failed.safeParse(decode(z.unknown(), data, COMBINED_BOUNDS)).success;
    if (!isError) return { data };
    const { code, message } = decode(ErrorReply, data, COMBINED_BOUNDS).error;
    return { data, code, message };
  }

  publish(subject: string, bytes: Uint8Array, reply?: string): void {
    this.#nats.publish(subject, bytes, reply === undefined ? {} : { reply });
  }

  /** Listens where it should not. The returned function ends that. */
  overhear(subject: string, listener: (data: Uint8Array) => void): () => void {
    const subscription = this.#nats.subscribe(subject, { callback: (_, { data }) => listener(data) });
    return () => subscription.unsubscribe();
  }

  /** The same for what the coordinator tells an agent. */
  overhearFrames(principal: string, listener: (frame: ToFrame) => void): () => void {
    return this.overhear(`rota.to.${principal}`, (data) => listener(decode(ToFrame, data, COMBINED_BOUNDS)));
  }

  flush(): Promise<void> {
    return this.#nats.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#nats.close();
  }
}
