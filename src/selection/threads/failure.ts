import type { ScoreOutcome } from '../score-job.js';

export type ScoreFailure = Extract<ScoreOutcome, { readonly failure: string }>;
export type FailureKind = ScoreFailure['failure'];

/** A reason is kept with every decision that fell back: a module's message may be of any length. */
const REASON_CHARS = 300;

export function failed(failure: FailureKind, reason: string): ScoreFailure {
  return { failure, reason: reason.length > REASON_CHARS ? `${reason.slice(0, REASON_CHARS - 1)}…` : reason };
}

/** What was thrown, in words. A module may throw anything, also what throws when it is looked at. */
export function wordsOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  } catch {
    return 'something that has no words';
  }
}
