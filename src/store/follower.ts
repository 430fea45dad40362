import type { Clock } from '../clock.js';

/** Pause after a batch that failed, such as on a full disk. */
const RETRY_MS = 250;
/**
 * How long the tables may stay behind while nobody reads them. A task whose whole life is in one batch
 * is written once instead of three times; a longer pause would make batches that appends wait for.
 */
const BEHIND_MS = 50;
/** How much of the journal they may be behind within that time. */
const BEHIND_BYTES = 256 * 1024;

/** Something that goes on once the tables hold the row `seq`, or can't get there. It never rejects. */
export interface Waiter {
  readonly seq: number;
  settle(failure?: { readonly thrown: unknown }): Promise<void>;
}

export interface FollowerOptions {
  readonly clock: Clock;
  /** Moves the tables along by one batch, and says where they stand then. */
  readonly step: () => Promise<number>;
  /** The tables may be due: whoever runs the store looks at `isDue`. */
  readonly wake: () => void;
  readonly onStanding: (seq: number) => void;
  /** Called with why when the tables can't follow any more, and without when they do again. */
  readonly onTrouble: (failure?: { readonly thrown: unknown }) => void;
}

/**
 * Says when the tables are to follow the journal, and lets those go on who wait for that.
 *
 * Owns what is known of where both stand, the waiters and one timer. It moves nothing by itself: whoever runs the
 * store calls `move` when nothing else must come first. A batch that fails fails those who wait for it, changes
 * nothing, and is tried again.
 */
export class Follower {
  readonly #options: FollowerOptions;
  #waiters: Waiter[] = [];
  #appended = 0;
  #materialised = 0;
  #promised = 0;
  #behindBytes = 0;
  /** The tables have been left alone for long enough. */
  #isRipe = false;
  #isFailing = false;
  #cancelTimer: (() => void) | undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  /** The last row of the journal that is known of. */
  get appended(): number {
    return this.#appended;
  }

  get materialised(): number {
    return this.#materialised;
  }

  /** As far as they were ever said to stand: what a leader has forgotten since was in them. */
  get promised(): number {
    return this.#promised;
  }

  noteAppended(seq: number, bytes = 0): void {
    this.#appended = Math.max(this.#appended, seq);
    this.#behindBytes += bytes;
  }

  /**
   * Where the database says that the tables stand, whoever moved them; `believed` is what was known when it was asked.
   * Less than that is of a database that lost commits, such as one that was restored, or promoted before it had them
   * all: what it lost of the tables is made again.
   */
  noteStanding(seq: number, believed: number): void {
    const isLost = seq < believed;
    if (seq === this.#materialised || (seq < this.#materialised && !isLost)) return;
    if (isLost) this.noteAppended(believed);
    this.#materialised = seq;
    this.#promised = Math.max(this.#promised, seq);
    this.#options.onStanding(seq);
    if (isLost) this.#options.wake();
  }

  /**
   * What a new leader found. Nobody else appends any more, and what was known before may be of a database that has lost
   * rows since: who waits for one of them waits in vain.
   */
  async begin(standing: number, last: number): Promise<void> {
    this.#appended = last;
    this.#materialised = standing;
    this.#promised = standing;
    this.#options.onStanding(standing);
    await this.#fail((waiter) => waiter.seq > last, new Error(`its journal lost row ${last + 1}.`));
  }

  /** Whether the tables are to be moved along now; if they are to be later, a timer sees to it. */
  isDue(): boolean {
    if (this.#materialised >= this.#appended) return false;
    const isWanted = this.#waiters.length > 0 || this.#behindBytes >= BEHIND_BYTES;
    if (this.#isRipe || (isWanted && !this.#isFailing)) return true;
    this.#cancelTimer ??= this.#options.clock.after(this.#isFailing ? RETRY_MS : BEHIND_MS, () => {
      this.#cancelTimer = undefined;
      this.#isRipe = true;
      this.#options.wake();
    });
    return false;
  }

  /** One batch, and what waits for it. */
  async move(): Promise<void> {
    this.#dropTimer();
    try {
      const { materialised: believed, appended } = this;
      const standing = await this.#options.step();
      this.noteStanding(standing, believed);
      if (standing === believed && standing < appended) throw new Error(`its journal lacks row ${standing + 1}.`);
      this.#setFailing(undefined);
      // Once begun, it goes on until nothing is left.
      this.#isRipe = this.#materialised < this.#appended;
      if (!this.#isRipe) this.#behindBytes = 0;
    } catch (thrown) {
      this.#setFailing({ thrown });
      this.#isRipe = false;
      await this.#fail(() => true, thrown);
    }
    await this.#settleDue();
  }

  /** Settles it now, where the tables are there already; `move` does otherwise. */
  async wait(waiter: Waiter): Promise<void> {
    this.#waiters.push(waiter);
    await this.#settleDue();
  }

  /** Caught up or not: what is missing is made from the journal the next time. */
  stop(): void {
    this.#dropTimer();
    this.#appended = this.#materialised;
  }

  async #settleDue(): Promise<void> {
    for (const waiter of this.#take((waiter) => waiter.seq <= this.#materialised)) await waiter.settle();
  }

  async #fail(which: (waiter: Waiter) => boolean, thrown: unknown): Promise<void> {
    for (const waiter of this.#take(which)) await waiter.settle({ thrown });
  }

  #take(which: (waiter: Waiter) => boolean): Waiter[] {
    const taken = this.#waiters.filter(which);
    if (taken.length > 0) this.#waiters = this.#waiters.filter((waiter) => !which(waiter));
    return taken;
  }

  #setFailing(failure: { readonly thrown: unknown } | undefined): void {
    const isNews = this.#isFailing !== (failure !== undefined);
    this.#isFailing = failure !== undefined;
    if (isNews) this.#options.onTrouble(failure);
  }

  #dropTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
