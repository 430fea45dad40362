import type { Clock } from '#rota/clock.js';

interface Timer {
  readonly atMs: number;
  readonly fn: () => void;
}

/** A clock that the test moves. Timers fire in order, and all that one of them starts comes before the next. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<Timer>();
  readonly wallMs = () => this.#nowMs;
  readonly monoMs = () => this.#nowMs;
  readonly defer = (fn: () => void) => void setImmediate(fn);

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.size;
  }

  after(delayMs: number, fn: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, fn };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  every(periodMs: number, fn: () => void): () => void {
    let cancel = () => {};
    const again = () => {
      cancel = this.after(periodMs, again);
      fn();
    };
    cancel = this.after(periodMs, again);
    return () => cancel();
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      await new Promise(setImmediate);
      const timer = this.#next(untilMs);
      if (timer === undefined) break;
      this.#timers.delete(timer);
      this.#nowMs = Math.max(this.#nowMs, timer.atMs);
      timer.fn();
    }
    this.#nowMs = untilMs;
  }

  /** Time goes on, and nothing happens: the process is paused. What is due happens with the next `advance`. */
  pause(ms: number): void {
    this.#nowMs += ms;
  }

  #next(untilMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.atMs <= untilMs && (next === undefined || timer.atMs < next.atMs)) next = timer;
    }
    return next;
  }
}
