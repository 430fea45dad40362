import type { Clock } from '../clock.js';

/** Of an agent with the coordinators: `lost` once none has served it for as long as a lease lasts, `found` when one does. */
export type Contact = 'lost' | 'found';

/** Watches it, from the first time on that it was served. */
export class ContactWatch {
  readonly #clock: Clock;
  readonly #onContact: (contact: Contact) => void;
  readonly #signal: AbortSignal;
  #lostAtMs = Number.POSITIVE_INFINITY;
  #isLost = false;

  /** Tells nothing once the signal is aborted. */
  constructor(clock: Clock, onContact: (contact: Contact) => void, signal: AbortSignal) {
    this.#clock = clock;
    this.#onContact = onContact;
    this.#signal = signal;
  }

  served(leaseMs: number): void {
    this.#lostAtMs = this.#clock.monoMs() + leaseMs;
    if (!this.#isLost) return;
    this.#tell('found');
  }

  notServed(): void {
    if (this.#isLost || this.#clock.monoMs() < this.#lostAtMs) return;
    this.#tell('lost');
  }

  /** By itself: what a listener throws is no failed heartbeat. */
  #tell(contact: Contact): void {
    this.#isLost = contact === 'lost';
    this.#clock.defer(() => {
      if (!this.#signal.aborted) this.#onContact(contact);
    });
  }
}
