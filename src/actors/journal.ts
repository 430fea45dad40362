import { type Clock, sleep } from '../clock.js';
import { failpoint } from '../failpoints.js';
import { asRotaError, type RotaError } from '../protocol/errors.js';
import type { JournalEvent, JournalRow } from '../protocol/journal.js';
import { LIMITS } from '../protocol/limits.js';
import type { Store } from '../store/store.js';
import type { Lease } from './lease.js';
import type { Outbox } from './outbox.js';

/** Work stands still until a store that is back is asked again. */
const RETRY_MS_MAX = 1_000;

export interface JournalOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly outbox: Outbox;
  readonly epoch: number;
  /** What was committed leaves while it is current. */
  readonly lease: Pick<Lease, 'whenCurrent'>;
  /** The last row that the store has. */
  readonly seq: number;
  /** Another coordinator leads, or the store is closed: nothing was written, and nothing may leave any more. */
  readonly onEnded: (error: RotaError) => void;
  /** Called when commits begin to fail, with the error, and when they succeed again, without. */
  readonly onStall: (error: RotaError | undefined) => void;
}

/**
 * The group commit. All facts of a turn become one row; while that row is being committed the facts of
 * the turns that follow gather for the next, or for several where there are many. What was to leave because of them
 * leaves after the commit of all, and in order.
 *
 * Must hold:
 * - the facts of one turn are in one row;
 * - one append is under way at most, so rows are written in the order of their facts;
 * - an outgoing batch leaves only when every fact recorded before it is committed, and its leader may act;
 * - a row that could not be written is written again, the same, until it is there or we are deposed.
 */
export class Journal {
  readonly #options: JournalOptions;
  #events: JournalEvent[] = [];
  /** Of the frames that the open facts came from. */
  #bytes = 0;
  /** Where in the open facts, and in their bytes, a row ends because it is large. */
  #ends: { readonly events: number; readonly bytes: number }[] = [];
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
    return this.#seq + this.#openRows;
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

  /** A row ends with a turn, and with the one that makes it large: what a store can't take at once it would never take. */
  endTurn(): void {
    const { events, bytes } = this.#lastEnd;
    const isLarge =
      this.#events.length - events >= LIMITS.rowEvents ||
      (this.#events.length > events && this.#bytes - bytes >= LIMITS.rowBytes);
    if (isLarge) this.#ends.push({ events: this.#events.length, bytes: this.#bytes });
  }

  /** Closes the open batch when everything that came with this turn has been handled. */
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

  /** Commits nothing more and lets nothing more leave. */
  stop(): void {
    this.#isStopped = true;
    this.#stop.abort();
    this.#wakeIdle();
  }

  #close(): void {
    if (this.#isStopped || this.#isCommitting) return;
    const { outbox } = this.#options;
    const rows = this.#takeRows();
    if (rows.length === 0 && outbox.isEmpty) return this.#wakeIdle();
    const outgoing = outbox.take();
    this.#isCommitting = true;
    void this.#commit(rows).then((mayLeave) => {
      this.#isCommitting = false;
      if (!mayLeave || this.#isStopped) return;
      outbox.deliver(outgoing);
      if (this.#events.length > 0 || !outbox.isEmpty) this.#close();
      else this.#wakeIdle();
    });
  }

  get #lastEnd(): { readonly events: number; readonly bytes: number } {
    return this.#ends.at(-1) ?? { events: 0, bytes: 0 };
  }

  get #openRows(): number {
    return this.#ends.length + (this.#events.length > this.#lastEnd.events ? 1 : 0);
  }

  /** What was recorded since the rows before. */
  #takeRows(): JournalRow[] {
    const { epoch } = this.#options;
    const rows = Array.from({ length: this.#openRows }, (_, i) => {
      const events = this.#events.slice(this.#ends[i - 1]?.events ?? 0, this.#ends[i]?.events);
      return { seq: this.#seq + 1 + i, epoch, events };
    });
    this.#seq += rows.length;
    this.#events = [];
    this.#ends = [];
    this.#bytes = 0;
    return rows;
  }

  /** Resolves with whether all rows are written and what rests on them may leave. */
  async #commit(rows: readonly JournalRow[]): Promise<boolean> {
    for (const row of rows) if (!(await this.#append(row))) return false;
    return this.#options.lease.whenCurrent();
  }

  /** Resolves with whether the row is written. */
  async #append(row: JournalRow): Promise<boolean> {
    const { store, clock, onStall } = this.#options;
    for (let retryMs = 50; ; retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)) {
      try {
        failpoint('append.before');
        await store.append(row);
        failpoint('append.after');
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
