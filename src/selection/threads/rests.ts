import type { ScoreOutcome } from '../score-job.js';
import { type FailureKind, failed, type ScoreFailure } from './failure.js';

/** Runs in a row that cost their thread, after which a scorer rests. */
const STRIKES = 3;
const REST_MS = 10_000;

/**
 * Scorers that keep ending their threads. Each such run holds a thread for a whole deadline, and the jobs of other
 * pools wait behind it: so after three in a row a scorer is not run for ten seconds, then tried once more.
 */
export class Rests {
  readonly #scorers = new Map<string, { strikes: number; untilMs: number; last: ScoreFailure }>();

  note(scorer: string, outcome: ScoreOutcome, monoMs: number): void {
    if (!('failure' in outcome) || !endsThread(outcome.failure)) {
      this.#scorers.delete(scorer);
      return;
    }
    const strikes = (this.#scorers.get(scorer)?.strikes ?? 0) + 1;
    const untilMs = strikes >= STRIKES ? monoMs + REST_MS : monoMs;
    this.#scorers.set(scorer, { strikes, untilMs, last: outcome });
  }

  /** Why the scorer is not run at this instant, if it is not. */
  of(scorer: string, monoMs: number): ScoreFailure | undefined {
    const entry = this.#scorers.get(scorer);
    if (entry === undefined || monoMs >= entry.untilMs) return undefined;
    const { strikes, last } = entry;
    return failed(
      last.failure,
      `it rests after ${strikes} runs in a row that had to be stopped, the last because ${last.reason}`,
    );
  }
}

function endsThread(failure: FailureKind): boolean {
  return failure === 'deadline' || failure === 'memory';
}
