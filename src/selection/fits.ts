import { Bitset, countIn, type Scan } from './bitset.js';
import type { Labels } from './labels.js';
import type { Requirement } from './requirement.js';

/** Requirements whose fit is kept; one that is asked for beyond them takes the place of the oldest. */
const KEPT = 256;

/** Who has the labels that a requirement names, whatever else it asks. */
export interface Fit {
  /** Absent where it names none: everybody fits. */
  readonly bits?: Bitset;
  readonly size: number;
  readonly lacksCapability: number;
  readonly lacksRole: number;
}

/**
 * Works out who has the labels of a requirement once, and again only after an agent's labels changed: a
 * choice then looks at a single set, however many labels the task names.
 */
export class Fits {
  readonly #labels: Labels;
  readonly #everyone: Bitset;
  readonly #kept = new Map<string, { version: number; fit: Fit & { readonly bits: Bitset } }>();
  #version = 0;

  constructor(labels: Labels, everyone: Bitset) {
    this.#labels = labels;
    this.#everyone = everyone;
  }

  /** An agent came, left, or has other labels now. */
  labelsChanged(): void {
    this.#version++;
  }

  of(requirement: Requirement): Fit {
    const key = requirement.labelsKey;
    if (key === '') return { size: this.#everyone.size, lacksCapability: 0, lacksRole: 0 };
    const kept = this.#kept.get(key);
    if (kept?.version === this.#version) return kept.fit;
    const fit = this.#workOut(requirement, kept?.fit.bits ?? this.#spareBits());
    this.#kept.set(key, { version: this.#version, fit });
    return fit;
  }

  #workOut({ capabilities, roles }: Requirement, bits: Bitset): Fit & { readonly bits: Bitset } {
    const allOf = this.#setsOf('capabilities', capabilities);
    const isPossible = allOf.length === capabilities.length;
    const capable: Scan = { anyOf: isPossible ? [this.#everyone] : [], allOf };
    const capableCount = countIn(capable);
    const withRole = { anyOf: isPossible ? this.#setsOf('roles', roles) : [], allOf };
    bits.fillFrom(roles.length === 0 ? capable : withRole);
    return {
      bits,
      size: bits.size,
      lacksCapability: this.#everyone.size - capableCount,
      lacksRole: capableCount - bits.size,
    };
  }

  #setsOf(kind: 'capabilities' | 'roles', labels: readonly string[]): Bitset[] {
    return labels.map((label) => this.#labels.carriers(kind, label)).filter((set) => set !== undefined);
  }

  /** Memory for one more, taken from the oldest where there are enough. */
  #spareBits(): Bitset {
    if (this.#kept.size < KEPT) return new Bitset();
    const [[key, { fit }] = ['', { fit: { bits: new Bitset() } }]] = this.#kept;
    this.#kept.delete(key);
    return fit.bits;
  }
}
