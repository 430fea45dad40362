import { type Clock, sleep, within } from '../clock.js';
import { failpoint } from '../failpoints.js';
import { asRotaError, RotaError } from '../protocol/errors.js';
import type { Store } from '../store/store.js';

/** How long a leader that is gone keeps the lead, and what follows from that. All in milliseconds. */
export interface Failover {
  /** For how long the store keeps the lead for a leader that it does not hear of. */
  readonly leaseMs: number;
  /** How often the leader lets its lease begin anew. */
  readonly renewMs: number;
  /** For how long after a renewal it acts. What is left of the lease is for clocks that run apart. */
  readonly fenceMs: number;
  /** How often a standby looks whether the lead is free. */
  readonly pollMs: number;
}

/** A renewal that takes so many fences was held up by something else than the store. */
const STOOD_STILL = 1.5;

/** The parts of a lease of `leaseMs`: renewed three times within it, acted on for two thirds of it. */
export function failoverOf(leaseMs: number): Failover {
  return { leaseMs, renewMs: leaseMs / 3, fenceMs: (leaseMs * 2) / 3, pollMs: leaseMs / 12 };
}

export interface LeaseOptions {
  readonly store: Pick<Store, 'renew' | 'resign'>;
  readonly clock: Clock;
  readonly epoch: number;
  readonly failover: Failover;
  /** Another coordinator leads, or the store is closed. */
  readonly onEnded: (error: RotaError) => void;
  /** Called with each renewal that failed, and without an error with each that did not. */
  readonly onRenewal: (error: RotaError | undefined) => void;
}

/**
 * A leader's hold on the lead: renews the lease, says until when the leader may act, and gives the lead back.
 *
 * Must hold:
 * - a leader whose last renewal began more than `fenceMs` ago does nothing, be it that the store is away, that it was
 *   paused or that its event loop was blocked: somebody else may lead by now;
 * - nor does one that is held, because nothing of what it decides can be kept for now;
 * - for as long its clock stands still. Nobody is late, and nothing is due, for a time in which nobody was heard.
 */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #stop = new AbortController();
  /** Up to when it may act, by the machine's clock. */
  #untilMs = Number.NEGATIVE_INFINITY;
  /** Since when it is held. */
  #heldMs = Number.POSITIVE_INFINITY;
  /** For how long it might not act so far. */
  #skippedMs: number;
  #renewing: Promise<boolean> | undefined;
  /** Settles when the store has answered all that it was asked, however late. */
  #answered: Promise<unknown> = Promise.resolve();
  #waiting: ((isCurrent: boolean) => void)[] = [];

  /** `monoMs`: where its clock starts. */
  constructor(options: LeaseOptions, monoMs: number) {
    this.#options = options;
    this.#untilMs = options.clock.monoMs();
    this.#skippedMs = this.#untilMs - monoMs;
  }

  /** Whether the leader may act now. */
  get isCurrent(): boolean {
    return !this.#stop.signal.aborted && this.#options.clock.monoMs() < Math.min(this.#untilMs, this.#heldMs);
  }

  /** Monotonic milliseconds; stands still while the leader may not act. */
  get monoMs(): number {
    return this.#standsAtMs - this.#skippedMs;
  }

  /** Renews for as long as it is not stopped. */
  async run(): Promise<void> {
    const { clock, failover } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const isRenewed = await this.renew();
      await sleep(clock, isRenewed ? failover.renewMs : failover.pollMs, signal);
    }
  }

  /** Whether it leads, as the store says just now. */
  renew(): Promise<boolean> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** Resolves as soon as the leader may act; with false once it never may again. */
  whenCurrent(): Promise<boolean> {
    if (this.isCurrent) return Promise.resolve(true);
    if (this.#stop.signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The leader does not act until `letGo`, however often the lease is renewed. */
  hold(): void {
    this.#heldMs = Math.min(this.#heldMs, this.#options.clock.monoMs());
  }

  letGo(): void {
    this.#change(() => {
      this.#heldMs = Number.POSITIVE_INFINITY;
    });
  }

  stop(): void {
    this.#stop.abort();
    this.#wake(false);
  }

  /** Stops, and gives the lead back. @throws RotaError DEPOSED, STORE_FAILED */
  async release(): Promise<void> {
    this.stop();
    // A renewal that the store carries out later would take the lead again.
    await this.#answered;
    failpoint('resign.before');
    await this.#options.store.resign(this.#options.epoch);
    failpoint('resign.after');
  }

  async #renew(): Promise<boolean> {
    const { clock, failover, onEnded, onRenewal } = this.#options;
    const startMs = clock.monoMs();
    const error = await this.#ask();
    if (this.#stop.signal.aborted) return false;
    if (error?.code === 'DEPOSED' || error?.code === 'CLOSED') {
      this.stop();
      onEnded(error);
      return false;
    }
    const tookMs = clock.monoMs() - startMs;
    // No store is waited for so long: it was this process that stood still, and it may have been answered in time.
    if (tookMs >= failover.fenceMs * STOOD_STILL) return false;
    // An answer that took this long says nothing about now.
    const failure = error ?? (tookMs < failover.fenceMs ? undefined : tooLate(failover));
    onRenewal(failure);
    if (failure !== undefined) return false;
    this.#change(() => {
      this.#untilMs = startMs + failover.fenceMs;
    });
    return true;
  }

  /** Undefined when the store renewed the lease. Whether it answers in time or not, this resolves in time. */
  async #ask(): Promise<RotaError | undefined> {
    const { store, clock, epoch, failover } = this.#options;
    const answer = store.renew(epoch, failover.leaseMs).then(
      () => 'renewed' as const,
      (thrown: unknown) => asRotaError(thrown, 'STORE_FAILED'),
    );
    this.#answered = this.#answered.then(() => answer);
    const result = (await within(clock, failover.fenceMs, answer, this.#stop.signal)) ?? tooLate(failover);
    return result === 'renewed' ? undefined : result;
  }

  /** Where the machine's clock stands, or stood when the leader might act last. */
  get #standsAtMs(): number {
    return Math.min(this.#options.clock.monoMs(), this.#untilMs, this.#heldMs);
  }

  /** Lets the leader act for longer; the time in which it might not is skipped. */
  #change(extend: () => void): void {
    const beforeMs = this.#standsAtMs;
    extend();
    this.#skippedMs += this.#standsAtMs - beforeMs;
    if (this.isCurrent) this.#wake(true);
  }

  #wake(isCurrent: boolean): void {
    for (const wake of this.#waiting.splice(0)) wake(isCurrent);
  }
}

function tooLate({ fenceMs }: Failover): RotaError {
  return new RotaError('STORE_FAILED', `The store did not renew the lease of leadership within ${fenceMs} ms.`);
}
