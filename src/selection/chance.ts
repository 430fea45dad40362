/** Step of the counter that the numbers are mixed from: 2^32 over the golden ratio, odd. */
const STEP = 0x9e3779b9;

/** Scatters the bits of a 32-bit number, so that neighbours have nothing in common. */
function scatter(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** One seed for each agent out of a decision's: who draws first then makes no difference. */
export function seedFor(seed: number, index: number): number {
  return scatter(scatter(seed >>> 0) + Math.imul(index + 1, STEP));
}

/** Random numbers that a seed decides: the same seed, the same numbers, in any process. */
export class Chance {
  #state: number;
  #isUsed = false;

  /** `seed` is an unsigned 32-bit number. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Whether anything was drawn: a decision that drew nothing needs no seed to be repeated. */
  get isUsed(): boolean {
    return this.#isUsed;
  }

  /** In [0, 1). */
  next(): number {
    this.#isUsed = true;
    this.#state = (this.#state + STEP) >>> 0;
    return scatter(this.#state) / 2 ** 32;
  }

  /** A whole number in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  /** From a Beta distribution; both parameters are 1 at least. */
  beta(successes: number, failures: number): number {
    const won = this.#gamma(successes);
    const lost = this.#gamma(failures);
    return won / (won + lost);
  }

  /** From a gamma distribution of a shape of 1 at least, by rejection (Marsaglia and Tsang, 2000). */
  #gamma(shape: number): number {
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = this.#normal();
      const v = (1 + c * x) ** 3;
      if (v > 0 && Math.log(1 - this.next()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
    }
  }

  /** From the standard normal distribution (Box and Muller, 1958). */
  #normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }
}
