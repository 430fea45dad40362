import type { Clock } from '#rota/clock.js';
import type { World } from './world.js';

export type Life = 'running' | 'paused' | 'dead';

/** Timers of a real machine fire a little late. */
const TIMER_LATE_MS = 0.4;

/**
 * One process of the simulated machines: what runs in it, and when. A process that is paused (SIGSTOP) does what was
 * due meanwhile when it goes on; one that is dead does nothing more, whatever the code in it still holds.
 *
 * Must hold: the code in a process runs inside `run` alone, or goes on from a promise of such a step.
 */
export class Process {
  readonly name: string;
  readonly clock: Clock;
  readonly world: World;
  /** The process whose code runs in this step. */
  static current: Process | undefined;
  #life: Life = 'running';
  #wallMs: number;
  /** Timers and deferred turns that are to come. */
  #timers = 0;
  #deferred = 0;
  #missed: (() => void)[] = [];
  readonly #onDeath: (() => void)[] = [];

  constructor(world: World, name: string) {
    this.world = world;
    this.name = name;
    const { dice } = world;
    // Machines agree neither on the time of day nor on when their monotonic clocks began.
    this.#wallMs = 1_700_000_000_000 + dice.between(-5_000, 5_000);
    const bootMs = dice.between(0, 1_000_000);
    this.clock = {
      wallMs: () => Math.floor(this.#wallMs + world.nowMs),
      monoMs: () => bootMs + world.nowMs,
      after: (delayMs, fn) => this.#after(delayMs, fn),
      every: (periodMs, fn) => this.#every(Math.max(1, periodMs), fn),
      defer: (fn) => this.#defer(fn),
    };
  }

  get life(): Life {
    return this.#life;
  }

  get timers(): number {
    return this.#timers;
  }

  /** Whether the code in it is to do something at the end of its turn. */
  get isInTurn(): boolean {
    return this.#deferred > 0;
  }

  /** Something that comes from outside, such as a message. */
  receive(delayMs: number, fn: () => void): () => void {
    return this.world.plan(delayMs, () => this.run(fn));
  }

  run(fn: () => void): void {
    if (this.#life === 'dead') return;
    if (this.#life === 'paused') {
      this.#missed.push(fn);
      return;
    }
    Process.current = this;
    fn();
  }

  onDeath(fn: () => void): void {
    this.#onDeath.push(fn);
  }

  kill(): void {
    if (this.#life === 'dead') return;
    this.#life = 'dead';
    this.#missed = [];
    for (const fn of this.#onDeath.splice(0)) fn();
  }

  pause(): void {
    if (this.#life === 'running') this.#life = 'paused';
  }

  resume(): void {
    if (this.#life !== 'paused') return;
    this.#life = 'running';
    for (const fn of this.#missed.splice(0)) this.receive(0, fn);
  }

  jumpWallClock(byMs: number): void {
    this.#wallMs += byMs;
  }

  #after(delayMs: number, fn: () => void): () => void {
    if (this.#life === 'dead') return () => {};
    this.#timers++;
    let isOpen = true;
    const close = () => {
      if (isOpen) this.#timers--;
      isOpen = false;
    };
    const cancel = this.receive(delayMs + this.world.dice.next() * TIMER_LATE_MS, () => {
      if (!isOpen) return;
      close();
      fn();
    });
    return () => {
      close();
      cancel();
    };
  }

  #every(periodMs: number, fn: () => void): () => void {
    let cancel = () => {};
    const next = () => {
      cancel = this.#after(periodMs, () => {
        next();
        fn();
      });
    };
    next();
    return () => cancel();
  }

  #defer(fn: () => void): void {
    if (this.#life === 'dead') return;
    this.#deferred++;
    this.receive(0, () => {
      this.#deferred--;
      fn();
    });
  }
}
