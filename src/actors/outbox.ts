import { failpoint } from '../failpoints.js';
import type { Parcel } from '../machines/turn.js';
import { encode, encodeBatches } from '../protocol/codec.js';
import { asRotaError, type RotaError } from '../protocol/errors.js';
import type { ToFrame } from '../protocol/frames.js';
import { LIMITS } from '../protocol/limits.js';
import { isInbox, type Subjects } from '../protocol/subjects.js';
import type { Transport } from '../transport/transport.js';

/** All that waits for one commit. */
export interface Outgoing {
  readonly replies: { readonly subject: string; readonly frame: object }[];
  readonly parcels: Map<string, Parcel[]>;
}

/**
 * What is to leave the process. It gathers until its commit is made, then leaves: replies one by one,
 * parcels in one frame for each receiver.
 *
 * Must hold: nothing that depends on a fact leaves before that fact is committed; what one turn has
 * for one receiver keeps its order.
 */
export class Outbox {
  #open: Outgoing = empty();
  readonly #transport: Pick<Transport, 'publish'>;
  readonly #subjects: Subjects;
  readonly #onUndeliverable: (receiver: string, error: RotaError) => void;

  constructor(
    transport: Pick<Transport, 'publish'>,
    subjects: Subjects,
    onUndeliverable: (receiver: string, error: RotaError) => void,
  ) {
    this.#transport = transport;
    this.#subjects = subjects;
    this.#onUndeliverable = onUndeliverable;
  }

  get isEmpty(): boolean {
    return this.#open.replies.length === 0 && this.#open.parcels.size === 0;
  }

  reply(subject: string, frame: object): void {
    const { replies } = this.#open;
    // A commit that takes this long leaves its askers asking again: the oldest have given up first.
    if (replies.length >= LIMITS.uncommittedReplies) replies.splice(0, replies.length >> 1);
    replies.push({ subject, frame });
  }

  send(principal: string, parcel: Parcel): void {
    const parcels = this.#open.parcels.get(principal);
    if (parcels === undefined) this.#open.parcels.set(principal, [parcel]);
    else parcels.push(parcel);
  }

  take(): Outgoing {
    const taken = this.#open;
    this.#open = empty();
    return taken;
  }

  deliver({ replies, parcels }: Outgoing): void {
    for (const { subject, frame } of replies) this.respond(subject, frame);
    for (const [principal, items] of parcels) {
      this.#attempt(principal, () => {
        for (const frame of encodeBatches(items, toFrame)) {
          failpoint('parcel.before');
          this.#transport.publish(this.#subjects.to(principal), frame);
          failpoint('parcel.after');
        }
      });
    }
  }

  /** Answers a request at once: for what depends on no fact that is still to be committed. */
  respond(subject: string, frame: object): void {
    if (!isInbox(subject)) return;
    this.#attempt(subject, () => {
      let bytes: Uint8Array;
      try {
        bytes = encode(frame);
      } catch (error) {
        bytes = encode({ error: asRotaError(error, 'FRAME_TOO_LARGE').toWire() });
      }
      failpoint('reply.before');
      this.#transport.publish(subject, bytes);
      failpoint('reply.after');
    });
  }

  /** What can't be delivered now is asked for again by whoever waits for it. */
  #attempt(receiver: string, deliver: () => void): void {
    try {
      deliver();
    } catch (error) {
      this.#onUndeliverable(receiver, asRotaError(error, 'UNAVAILABLE'));
    }
  }
}

function empty(): Outgoing {
  return { replies: [], parcels: new Map() };
}

function toFrame(parcels: readonly Parcel[]): Omit<ToFrame, 'v'> {
  const frame: Record<string, unknown[]> = {};
  for (const { kind, item } of parcels) {
    const list = frame[kind];
    if (list === undefined) frame[kind] = [item];
    else list.push(item);
  }
  return frame;
}
