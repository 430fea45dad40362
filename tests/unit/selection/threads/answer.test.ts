import { expect, test } from 'vitest';
import { checkAnswer } from '#rota/selection/threads/answer.js';

test.each([
  { what: 'a list', answer: [3, -1.5, 0] },
  { what: 'floats of 64 bits', answer: Float64Array.of(3, -1.5, 0) },
  { what: 'floats of 32 bits', answer: Float32Array.of(3, -1.5, 0) },
])('$what of one finite number for each agent is an answer', ({ answer }) => {
  expect(checkAnswer(answer, 3)).toEqual({ scores: Float64Array.of(3, -1.5, 0) });
});

test.each([
  { answer: undefined, reason: 'it answered undefined and not a list of scores' },
  { answer: null, reason: 'it answered null and not a list of scores' },
  { answer: '12', reason: 'it answered a string and not a list of scores' },
  { answer: { 0: 1, 1: 2, length: 2 }, reason: 'it answered an object and not a list of scores' },
  { answer: new DataView(new ArrayBuffer(2)), reason: 'it answered an object and not a list of scores' },
  { answer: [1], reason: 'it answered a list of length 1 for 2 agents' },
  { answer: [1, 2, 3], reason: 'it answered a list of length 3 for 2 agents' },
  { answer: [1, Number.NaN], reason: 'score 2 of 2 is NaN and not a finite number' },
  { answer: [Number.NEGATIVE_INFINITY, 1], reason: 'score 1 of 2 is -Infinity and not a finite number' },
  { answer: [1, '2'], reason: 'score 2 of 2 is a string and not a finite number' },
  { answer: [1, null], reason: 'score 2 of 2 is null and not a finite number' },
  { answer: new Array(2), reason: 'score 1 of 2 is undefined and not a finite number' },
  { answer: BigInt64Array.of(1n, 2n), reason: 'score 1 of 2 is a bigint and not a finite number' },
])('nonsense: $reason', ({ answer, reason }) => {
  expect(checkAnswer(answer, 2)).toEqual({ failure: 'nonsense', reason });
});
