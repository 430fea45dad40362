import type { ScoreJob, ScoreOutcome } from '../score-job.js';
import { hasBit } from './agent-views.js';
import { failed, type ScoreFailure } from './failure.js';

/**
 * How near each candidate's embedding is to the task's, whatever their lengths as vectors: the cosine of
 * their angle, from 0 (opposite) by 50 (unrelated) to 100 (the same direction). An agent without an
 * embedding, or with one that has no direction, scores 0.
 */
export function scoreSemantic({ task, candidates, embeddings }: ScoreJob): ScoreOutcome {
  const direction = directionOf(task);
  if ('failure' in direction) return direction;
  const scores = new Float64Array(candidates.length);
  if (embeddings === undefined) return { scores };
  const { dimensions, values, has } = embeddings;
  if (direction.length !== dimensions) {
    const lengths = `${direction.length} numbers, and those of the pool's agents ${dimensions}`;
    return failed('threw', `task.embedding of task ${task.id} has ${lengths}: use the same model for both`);
  }
  for (let at = 0; at < candidates.length; at++) {
    const index = candidates[at] as number;
    if (hasBit(has, index)) scores[at] = toPoints(cosine(direction, values, index * dimensions));
  }
  return { scores };
}

/** The task's embedding as a vector of length 1. */
function directionOf({ id, embedding }: ScoreJob['task']): Float64Array | ScoreFailure {
  if (embedding === undefined) return failed('threw', `task ${id} has no embedding: submit it with one`);
  // The largest first: the square of a number above 1e154 would be Infinity.
  const largest = embedding.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (largest === 0) return failed('threw', `task.embedding of task ${id} is all zeros and points nowhere`);
  const scaled = Float64Array.from(embedding, (value) => value / largest);
  const length = Math.sqrt(scaled.reduce((sum, value) => sum + value * value, 0));
  return scaled.map((value) => value / length);
}

/** Four sums at a time, so that no addition waits for the one before it. */
function cosine(direction: Float64Array, values: Float32Array, start: number): number {
  const size = direction.length;
  const whole = size - (size % 4);
  let dot0 = 0;
  let dot1 = 0;
  let dot2 = 0;
  let dot3 = 0;
  let square0 = 0;
  let square1 = 0;
  let square2 = 0;
  let square3 = 0;
  for (let at = 0; at < whole; at += 4) {
    const value0 = values[start + at] as number;
    const value1 = values[start + at + 1] as number;
    const value2 = values[start + at + 2] as number;
    const value3 = values[start + at + 3] as number;
    dot0 += (direction[at] as number) * value0;
    dot1 += (direction[at + 1] as number) * value1;
    dot2 += (direction[at + 2] as number) * value2;
    dot3 += (direction[at + 3] as number) * value3;
    square0 += value0 * value0;
    square1 += value1 * value1;
    square2 += value2 * value2;
    square3 += value3 * value3;
  }
  for (let at = whole; at < size; at++) {
    const value = values[start + at] as number;
    dot0 += (direction[at] as number) * value;
    square0 += value * value;
  }
  return (dot0 + dot1 + dot2 + dot3) / Math.sqrt(square0 + square1 + square2 + square3);
}

/** Rounding may leave a cosine of 1 a hair above it. One that is no number is of a vector without a direction. */
function toPoints(cosine: number): number {
  return Number.isNaN(cosine) ? 0 : Math.min(100, Math.max(0, 50 * (1 + cosine)));
}
