import { Heap } from '#rota/selection/heap.js';
import type { Dice } from './dice.js';
import type { Transcript } from './transcript.js';

interface Entry {
  readonly atMs: number;
  /** Of two at the same instant, the one that was planned first comes first. */
  readonly order: number;
  run: (() => void) | undefined;
}

/** An invariant that did not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly invariant: string;

  constructor(invariant: string, problem: string) {
    super(`${invariant}: ${problem}`);
    this.invariant = invariant;
  }
}

/**
 * Virtual time, and everything that is planned in it. One step runs one entry, and then every promise that can go on.
 *
 * Must hold: nothing of a run happens outside of a step; the order of steps is decided by time, plan and dice alone.
 */
export class World {
  readonly dice: Dice;
  readonly transcript: Transcript;
  nowMs = 0;
  steps = 0;
  #planned = 0;
  readonly #heap = new Heap<Entry>((a, b) => a.atMs - b.atMs || a.order - b.order);
  #violation: Violation | undefined;

  constructor(dice: Dice, transcript: Transcript) {
    this.dice = dice;
    this.transcript = transcript;
  }

  /** The first invariant that did not hold. What comes after it follows from a state that must not be. */
  get violation(): Violation | undefined {
    return this.#violation;
  }

  /** Ends the run after this step. Does not throw: the code under test would catch it. */
  fail(invariant: string, problem: string): void {
    this.#violation ??= new Violation(invariant, problem);
  }

  /** The returned function takes it off the plan. */
  plan(delayMs: number, run: () => void): () => void {
    const entry: Entry = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#planned++, run };
    this.#heap.push(entry);
    return () => {
      entry.run = undefined;
    };
  }

  say(who: string, what: () => string): void {
    this.transcript.add(this.nowMs, who, what);
  }

  /** Runs steps until `isOver`, an invariant is broken, or `untilMs`; `afterStep` is called after each. */
  async run(untilMs: number, isOver: () => boolean, afterStep: () => void): Promise<void> {
    while (this.#violation === undefined && !isOver()) {
      const entry = this.#heap.peek();
      if (entry === undefined || entry.atMs > untilMs) {
        this.nowMs = untilMs;
        return;
      }
      this.#heap.pop();
      if (entry.run === undefined) continue;
      this.nowMs = entry.atMs;
      this.steps++;
      try {
        entry.run();
      } catch (thrown) {
        this.fail('fault', thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown));
      }
      await promisesSettle();
      afterStep();
    }
  }
}

/** Node runs what `nextTick` is given once no promise can go on. */
function promisesSettle(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}
