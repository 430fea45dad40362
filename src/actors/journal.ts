import { type Clock, sleep } from '../clock.js';
import { asRotaError, type RotaError } from '../protocol/errors.js';
import type { JournalEvent } from '../protocol/journal.js';
import { LIMITS } from '../protocol/limits.js';
import type { Store } from '../store/store.js';
import type { Outbox } from './outbox.js';

const RETRY_MS_MAX = 5_000;

export interface JournalOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly outbox: Outbox;
  readonly epoch: number;
  /** The last row that the store has. */
  readonly seq: number;
  /** Another coordinator leads, or the store is closed: nothing was written, and nothing may leave any more. */
  readonly onEnded: (error: RotaError) => void;
  /** Called once when commits begin to fail, with the error, and once when they succeed again, without. */
  readonly onStall: (error: RotaError | undefined) => void;
}

/**
 * The group commit. All facts of a turn become one row; while that row is being committed the facts of
 * the turns that follow gather for the next. What was to leave because of them leaves after the commit,
 * and in order.
 *
 * Must hold:
 * - one append is under way at most, so rows are written in the order of their facts;
 * - an outgoing batch leaves only when every fact recorded before it is committed;
 * - a row that could not be written is written again, the same, until it is there or we are deposed.
 */
export class Journal {
  readonly #options: JournalOptions;
  #events: JournalEvent[] = [];
  /** Of the frames that the open facts came from. */
  #bytes = 0;
  #seq: number;
  #isScheduled = false;
  #isCommitting = false;
  #isStopped = false;
  #isStalled = false;
  readonly #idle: (() => void)[] = [];
  readonly #stop = new AbortController();

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#seq = options.seq;
  }

  /** The row that the facts recorded last are in, or will be. */
  get seq(): number {
    return this.#events.length > 0 ? this.#seq + 1 : this.#seq;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Whether so much waits for its commit, or commits fail, that nothing new should be taken. */
  get isFull(): boolean {
    const { uncommittedEvents, uncommittedBytes } = LIMITS;
    return this.#isStalled || this.#events.length >= uncommittedEvents || this.#bytes >= uncommittedBytes;
  }

  /** Counts a frame whose facts are recorded in this turn. */
  weigh(bytes: number): void {
    this.#bytes += bytes;
  }

  record(event: JournalEvent): void {
    this.#events.push(event);
    this.schedule();
  }

  /** Closes the open batch at the end of this turn. */
  schedule(): void {
    if (this.#isScheduled || this.#isCommitting || this.#isStopped) return;
    this.#isScheduled = true;
    this.#options.clock.defer(() => {
      this.#isScheduled = false;
      this.#close();
    });
  }

  /** Resolves once everything recorded so far is committed and has left. */
  idle(): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.schedule();
    });
  }

  /** Whether this one leads, as the store says. Notices another leader although nothing is written. */
  async checkLeadership(): Promise<boolean> {
    try {
      await this.#options.store.assertLeads(this.#options.epoch);
      return !this.#isStopped;
    } catch (thrown) {
      this.#end(asRotaError(thrown, 'STORE_FAILED'));
      return false;
    }
  }

  /** Commits nothing more and lets nothing more leave. */
  stop(): void {
    this.#isStopped = true;
    this.#stop.abort();
    this.#wakeIdle();
  }

  #close(): void {
    if (this.#isStopped || this.#isCommitting) return;
    const { outbox } = this.#options;
    this.#bytes = 0;
    if (this.#events.length === 0) {
      outbox.deliver(outbox.take());
      this.#wakeIdle();
      return;
    }
    const row = { seq: this.#seq + 1, epoch: this.#options.epoch, events: this.#events };
    const outgoing = outbox.take();
    this.#events = [];
    this.#seq = row.seq;
    this.#isCommitting = true;
    void this.#append(row).then((isWritten) => {
      this.#isCommitting = false;
      if (!isWritten || this.#isStopped) return;
      outbox.deliver(outgoing);
      if (this.#events.length > 0 || !outbox.isEmpty) this.#close();
      else this.#wakeIdle();
    });
  }

  async #append(row: { seq: number; epoch: number; events: JournalEvent[] }): Promise<boolean> {
    const { store, clock, onStall } = this.#options;
    for (let retryMs = 50; ; retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)) {
      try {
        await store.append(row);
        if (this.#isStalled) onStall(undefined);
        this.#isStalled = false;
        return true;
      } catch (thrown) {
        const error = asRotaError(thrown, 'STORE_FAILED');
        if (this.#end(error)) return false;
        if (!this.#isStalled) onStall(error);
        this.#isStalled = true;
        await sleep(clock, retryMs, this.#stop.signal);
        if (this.#isStopped) return false;
      }
    }
  }

  /** Stops for an error that trying again can't mend: another leads, or the store is closed. */
  #end(error: RotaError): boolean {
    if (error.code !== 'DEPOSED' && error.code !== 'CLOSED') return false;
    if (this.#isStopped) return true;
    this.stop();
    this.#options.onEnded(error);
    return true;
  }

  #wakeIdle(): void {
    for (const wake of this.#idle.splice(0)) wake();
  }
}
