import type { RotaError } from '../protocol/errors.js';

/** What notices that the store is away. */
type Witness = 'lease' | 'journal';

/**
 * Whether the store is away. Several notice it, at their own times: it is told once that it is, and once that it is over.
 */
export class Outage {
  readonly #failing = new Set<Witness>();
  readonly #tell: (error: RotaError | undefined) => void;

  /** `tell` is called with the error when it begins, and without one when it is over. */
  constructor(tell: (error: RotaError | undefined) => void) {
    this.#tell = tell;
  }

  get isOn(): boolean {
    return this.#failing.size > 0;
  }

  /** What the store answered to one of them; no error where it did what it was asked. */
  note(witness: Witness, error: RotaError | undefined): void {
    if (error === undefined) {
      if (this.#failing.delete(witness) && !this.isOn) this.#tell(undefined);
    } else {
      const isNews = !this.isOn;
      this.#failing.add(witness);
      if (isNews) this.#tell(error);
    }
  }

  /** The store is there, for whoever asks it next. */
  end(): void {
    if (!this.isOn) return;
    this.#failing.clear();
    this.#tell(undefined);
  }
}
