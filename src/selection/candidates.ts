import { type Bitset, countIn, eachIn, nextBeyond, nthIn, type Scan } from './bitset.js';
import type { AvailableState, StateSets } from './states.js';

/**
 * The agents that may take one task now, by index: all that a strategy sees. Holds for one choice: whatever
 * changes the roster ends it.
 */
export interface Candidates {
  readonly count: number;
  /** The first after `after`, going round; `after` itself comes last. */
  next(after: number): number;
  /** The one with `rank` lower indexes before it. */
  nth(rank: number): number;
  /** All of them, ascending. */
  each(visit: (index: number) => void): void;
  /** How many tasks it could begin at once. */
  slotsOf(index: number): number;
  /** Those that no other has more free slots than. */
  withMostSlots(): Candidates;
  /** How many have exactly so many free slots. */
  countWithSlots(slots: number): number;
  countWithFewerSlots(slots: number): number;
}

/** Where candidates are found: kinds of agents, in these states, of these bits where there are any. */
export interface Source {
  readonly kinds: readonly StateSets[];
  readonly states: readonly AvailableState[];
  readonly bits: Bitset | undefined;
  readonly slotsOf: (index: number) => number;
}

/** Candidates that are found in bit sets, passing over a few by index. */
export class FoundCandidates implements Candidates {
  readonly count: number;
  readonly #source: Source;
  readonly #scan: Scan;
  readonly #without: ReadonlySet<number>;

  /** `without` has none that the source does not find. With `slots`, those with so many free slots alone. */
  constructor(source: Source, without: ReadonlySet<number>, slots?: number) {
    const anyOf: Bitset[] = [];
    for (const kind of source.kinds) {
      for (const state of source.states) {
        const set = slots === undefined ? kind.in(state) : kind.level(state, slots);
        if (set !== undefined && set.size > 0) anyOf.push(set);
      }
    }
    this.#source = source;
    this.#scan = { anyOf, allOf: source.bits === undefined ? [] : [source.bits] };
    this.#without = without;
    this.count = countOf(this.#scan) - without.size;
  }

  next(after: number): number {
    return nextBeyond(this.#scan, after, this.#without);
  }

  nth(rank: number): number {
    // Those passed over push the others to higher ranks of the scan: look again until no more have come before.
    let passed = 0;
    for (;;) {
      const index = nthIn(this.#scan, rank + passed);
      let before = 0;
      for (const other of this.#without) if (other <= index) before++;
      if (before === passed) return index;
      passed = before;
    }
  }

  each(visit: (index: number) => void): void {
    if (this.#without.size === 0) return eachIn(this.#scan, visit);
    eachIn(this.#scan, (index) => {
      if (!this.#without.has(index)) visit(index);
    });
  }

  slotsOf(index: number): number {
    return this.#source.slotsOf(index);
  }

  withMostSlots(): Candidates {
    for (let slots = topLevelOf(this.#source); slots >= 0; slots--) {
      const level = this.#level(slots);
      if (level.count > 0) return level;
    }
    return this;
  }

  countWithSlots(slots: number): number {
    return this.#level(slots).count;
  }

  countWithFewerSlots(slots: number): number {
    let count = 0;
    for (let fewer = 0; fewer < slots; fewer++) count += this.#level(fewer).count;
    return count;
  }

  #level(slots: number): FoundCandidates {
    const without = [...this.#without].filter((index) => this.slotsOf(index) === slots);
    return new FoundCandidates(this.#source, new Set(without), slots);
  }
}

/** The one that a task names. */
export class OneCandidate implements Candidates {
  readonly count = 1;
  readonly #index: number;
  readonly #slots: number;

  constructor(index: number, slots: number) {
    this.#index = index;
    this.#slots = slots;
  }

  next(): number {
    return this.#index;
  }

  nth(): number {
    return this.#index;
  }

  each(visit: (index: number) => void): void {
    visit(this.#index);
  }

  slotsOf(): number {
    return this.#slots;
  }

  withMostSlots(): Candidates {
    return this;
  }

  countWithSlots(slots: number): number {
    return slots === this.#slots ? 1 : 0;
  }

  countWithFewerSlots(slots: number): number {
    return slots > this.#slots ? 1 : 0;
  }
}

/** An agent is in one set of `anyOf` at most, so without `allOf` there is nothing to look at. */
function countOf(scan: Scan): number {
  if (scan.allOf.length > 0) return countIn(scan);
  let count = 0;
  for (const set of scan.anyOf) count += set.size;
  return count;
}

function topLevelOf({ kinds, states }: Source): number {
  let top = -1;
  for (const kind of kinds) for (const state of states) top = Math.max(top, kind.topLevel(state));
  return top;
}
