import type { Clock } from '../../clock.js';
import type { ScoreJob, ScoreOutcome } from '../score-job.js';
import { failed } from './failure.js';

/**
 * One job on its way: it has one limit of time at once, and one outcome, whichever comes first. Where the
 * limit comes first, `signal` aborts, which ends the thread that it runs on.
 */
export class Run {
  readonly id: number;
  readonly job: ScoreJob;
  readonly outcome: Promise<ScoreOutcome>;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  #resolve: (outcome: ScoreOutcome) => void = () => {};
  #cancelLimit = () => {};
  #isSettled = false;

  constructor(id: number, job: ScoreJob, clock: Clock) {
    this.id = id;
    this.job = job;
    this.#clock = clock;
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Replaces the limit: `delayMs` from now it fails as `reason` says. Of a settled run it is nothing. */
  limit(delayMs: number, reason: () => string): void {
    if (this.#isSettled) return;
    this.#cancelLimit();
    let isCancelled = false;
    const cancelTimer = this.#clock.after(delayMs, () => {
      // Where this thread was late itself, the answer is there already: what this turn received is handled first.
      this.#clock.defer(() => {
        if (isCancelled) return;
        this.settle(failed('deadline', reason()));
        this.#stop.abort();
      });
    });
    this.#cancelLimit = () => {
      isCancelled = true;
      cancelTimer();
    };
  }

  /** The first outcome counts. */
  settle(outcome: ScoreOutcome): void {
    this.#isSettled = true;
    this.#cancelLimit();
    this.#resolve(outcome);
  }
}
