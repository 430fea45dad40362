import type { z } from 'zod';
import { encode } from '../protocol/codec.js';
import { LIMITS } from '../protocol/limits.js';
import type { PoolVerb, Verb } from '../protocol/subjects.js';
import type { Patience, Peer } from './peer.js';

/** A question is asked again after so long: whoever was given it may be paused. */
const ASK_AGAIN_MS = 1_000;

/**
 * A client's line to the coordinator: every request goes out under its id, and is repeated within its
 * patience. Calls throw RotaError: what the coordinator answered, or NO_COORDINATOR, TIMEOUT, CLOSED.
 */
export class Line {
  readonly #peer: Peer;
  readonly #clientId: string;
  readonly #patience: Patience;

  constructor(peer: Peer, clientId: string, patience: Patience) {
    this.#peer = peer;
    this.#clientId = clientId;
    this.#patience = patience;
  }

  ask<S extends z.ZodType>(verb: Exclude<Verb, PoolVerb>, frame: object, reply: S): Promise<z.infer<S>> {
    const bytes = encode(frame, LIMITS);
    if (verb !== 'query') return this.send(this.subject(verb), bytes, reply);
    return this.send(this.#peer.subjects.ask(this.#clientId), bytes, reply, { againMs: ASK_AGAIN_MS });
  }

  /** Sends a frame that is encoded already. */
  send<S extends z.ZodType>(
    subject: string,
    bytes: Uint8Array,
    reply: S,
    more: Pick<Patience, 'timeoutMs' | 'againMs'> = {},
  ): Promise<z.infer<S>> {
    return this.#peer.send(subject, bytes, reply, { ...this.#patience, ...more });
  }

  subject(verb: Exclude<Verb, PoolVerb>): string {
    return this.#peer.subjects.from(this.#clientId, verb);
  }

  /** @throws RotaError INVALID_NAME */
  poolSubject(verb: PoolVerb, pool: string): string {
    return this.#peer.subjects.fromTo(this.#clientId, verb, pool);
  }
}
