import type { Clock } from '#rota/clock.js';

interface Timer {
  readonly delayMs: number;
  readonly fn: () => void;
}

/** A clock whose timers fire when the test says so. */
export class StoppedClock implements Clock {
  readonly #timers = new Set<Timer>();
  #deferred: (() => void)[] = [];
  readonly wallMs = () => 0;
  readonly monoMs = () => 0;
  readonly every = () => () => {};

  /** Delays of the timers that are set, the oldest first. */
  get delays(): number[] {
    return Array.from(this.#timers, ({ delayMs }) => delayMs);
  }

  after(delayMs: number, fn: () => void): () => void {
    const timer = { delayMs, fn };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  defer(fn: () => void): void {
    this.#deferred.push(fn);
  }

  fireOldest(delayMs: number): void {
    this.#fire([...this.#timers].find((timer) => timer.delayMs === delayMs));
  }

  fireNewest(delayMs: number): void {
    this.#fire([...this.#timers].findLast((timer) => timer.delayMs === delayMs));
  }

  endTurn(): void {
    for (const fn of this.#deferred.splice(0)) fn();
  }

  #fire(timer: Timer | undefined): void {
    if (timer === undefined) throw new Error(`There is no such timer; set are ${this.delays.join(', ')} ms.`);
    this.#timers.delete(timer);
    timer.fn();
  }
}
