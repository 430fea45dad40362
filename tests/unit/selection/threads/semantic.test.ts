import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ScoreJob } from '#rota/selection/score-job.js';
import { scoreSemantic } from '#rota/selection/threads/semantic.js';
import { type JobAgent, jobOf } from '../../../support/score-jobs.js';

function scoresOf(job: ScoreJob): Float64Array {
  const outcome = scoreSemantic(job);
  if ('failure' in outcome) throw new Error(outcome.reason);
  return outcome.scores;
}

/** The definition, one number after the other. */
function reference(task: readonly number[], agent: readonly number[] | undefined): number {
  if (agent === undefined) return 0;
  const length = (vector: readonly number[]) => Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  const dot = task.reduce((sum, value, at) => sum + value * (agent[at] ?? 0), 0);
  return length(agent) === 0 ? 0 : ((1 + dot / (length(task) * length(agent))) / 2) * 100;
}

const numberIn = fc.integer({ min: -1_000, max: 1_000 }).map((value) => Math.fround(value / 64));

test('semantic scores are the cosines, on the scale of 0 to 100', () => {
  const cases = fc.integer({ min: 1, max: 19 }).chain((dimensions) => {
    const vector = fc.array(numberIn, { minLength: dimensions, maxLength: dimensions });
    const agents = fc.array(fc.option(vector, { nil: undefined }), { maxLength: 70 });
    return fc.tuple(
      vector.filter((values) => values.some((value) => value !== 0)),
      agents,
    );
  });
  fc.assert(
    fc.property(cases, ([embedding, vectors]) => {
      const agents = vectors.map((vector): JobAgent => (vector === undefined ? {} : { embedding: vector }));
      const candidates = vectors.flatMap((_, index) => (index % 3 === 1 ? [] : [index]));
      const scores = scoresOf(jobOf(agents, { task: { embedding }, candidates }));
      expect(scores.length).toBe(candidates.length);
      for (const [at, index] of candidates.entries()) {
        expect(scores[at]).toBeCloseTo(reference(embedding, vectors[index]), 9);
        expect(scores[at]).toBeGreaterThanOrEqual(0);
        expect(scores[at]).toBeLessThanOrEqual(100);
      }
    }),
  );
});

test.each([
  { what: 'the same direction', task: [1, 2, 3, 4, 5], agent: [2, 4, 6, 8, 10], score: 100 },
  { what: 'the opposite one', task: [1, 0, 0, 0, 0], agent: [-3, 0, 0, 0, 0], score: 0 },
  { what: 'a right angle', task: [0, 0, 0, 0, 9], agent: [1, 1, 1, 1, 0], score: 50 },
  { what: 'no direction', task: [1, 0, 0, 0, 0], agent: [0, 0, 0, 0, 0], score: 0 },
  { what: 'numbers whose squares overflow', task: [1e300, 0], agent: [1e38, 0], score: 100 },
  { what: 'an agent whose numbers are no 32-bit floats', task: [1, 0], agent: [1e300, 0], score: 0 },
])('$what scores $score', ({ task, agent, score }) => {
  const [actual] = scoresOf(jobOf([{ embedding: agent }], { task: { embedding: task } }));
  expect(actual).toBeCloseTo(score, 9);
});

test('where no agent has an embedding all score 0', () => {
  expect([...scoresOf(jobOf([{}, {}], { task: { embedding: [1] } }))]).toEqual([0, 0]);
});

test.each([
  { task: {}, reason: 'task t-1 has no embedding: submit it with one' },
  {
    task: { embedding: [1, 2, 3] },
    reason: "task.embedding of task t-1 has 3 numbers, and those of the pool's agents 2: use the same model for both",
  },
  { task: { embedding: [0, 0] }, reason: 'task.embedding of task t-1 is all zeros and points nowhere' },
])('a task that can not be compared: $reason', ({ task, reason }) => {
  expect(scoreSemantic(jobOf([{ embedding: [1, 2] }], { task }))).toEqual({ failure: 'threw', reason });
});
