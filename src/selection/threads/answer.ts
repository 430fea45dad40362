import type { ScoreOutcome } from '../score-job.js';
import { failed } from './failure.js';

/** Takes what a scorer answered if it is one finite number for each candidate, and says what is wrong with it if not. */
export function checkAnswer(answer: unknown, count: number): ScoreOutcome {
  if (!isList(answer)) return failed('nonsense', `it answered ${kindOf(answer)} and not a list of scores`);
  if (answer.length !== count)
    return failed('nonsense', `it answered a list of length ${answer.length} for ${count} agents`);
  const scores = new Float64Array(count);
  for (let at = 0; at < count; at++) {
    const score = answer[at];
    if (typeof score !== 'number' || !Number.isFinite(score)) {
      const what = typeof score === 'number' ? String(score) : kindOf(score);
      return failed('nonsense', `score ${at + 1} of ${count} is ${what} and not a finite number`);
    }
    scores[at] = score;
  }
  return { scores };
}

function isList(answer: unknown): answer is ArrayLike<unknown> {
  return Array.isArray(answer) || (ArrayBuffer.isView(answer) && !(answer instanceof DataView));
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
