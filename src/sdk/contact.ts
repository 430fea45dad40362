import type { Clock } from '../clock.js';

/** Of an agent with the coordinators: `lost` once none has answered for as long as a lease lasts, `found` when one does. */
export type Contact = 'lost' | 'found';

/** Watches it, from the first answer on. */
export class ContactWatch {
  readonly #clock: Clock;
  readonly #onContact: (contact: Contact) => void;
  #lostAtMs = Number.POSITIVE_INFINITY;
  #isLost = false;

  constructor(clock: Clock, onContact: (contact: Contact) => void) {
    this.#clock = clock;
    this.#onContact = onContact;
  }

  answered(leaseMs: number): void {
    this.#lostAtMs = this.#clock.monoMs() + leaseMs;
    if (!this.#isLost) return;
    this.#isLost = false;
    this.#onContact('found');
  }

  unanswered(): void {
    if (this.#isLost || this.#clock.monoMs() < this.#lostAtMs) return;
    this.#isLost = true;
    this.#onContact('lost');
  }
}
