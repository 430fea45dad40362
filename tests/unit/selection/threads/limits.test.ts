import { expect, test } from 'vitest';
import type { ScoreOutcome } from '#rota/selection/score-job.js';
import { failed, wordsOf } from '#rota/selection/threads/failure.js';
import { Rests } from '#rota/selection/threads/rests.js';
import { Run } from '#rota/selection/threads/run.js';
import { jobOf } from '../../../support/score-jobs.js';
import { StoppedClock } from '../../../support/stopped-clock.js';

const scored: ScoreOutcome = { scores: Float64Array.of(1) };

function startRun() {
  const clock = new StoppedClock();
  const run = new Run(1, jobOf([{}]), clock);
  return { clock, run };
}

test('a run that reaches its limit fails and aborts', async () => {
  const { clock, run } = startRun();
  run.limit(50, () => 'too long');
  clock.fireOldest(50);
  clock.endTurn();
  expect(await run.outcome).toEqual({ failure: 'deadline', reason: 'too long' });
  expect(run.signal.aborted).toBe(true);
});

test('an answer that came in the turn of the limit counts', async () => {
  const { clock, run } = startRun();
  run.limit(50, () => 'too long');
  clock.fireOldest(50);
  run.settle(scored);
  clock.endTurn();
  expect(await run.outcome).toBe(scored);
  expect(run.signal.aborted).toBe(false);
});

test('a new limit replaces the old one, also one that has just been reached', async () => {
  const { clock, run } = startRun();
  run.limit(2_000, () => 'no thread');
  clock.fireOldest(2_000);
  run.limit(50, () => 'too long');
  clock.endTurn();
  expect(run.signal.aborted).toBe(false);
  expect(clock.delays).toEqual([50]);
  clock.fireOldest(50);
  clock.endTurn();
  expect(await run.outcome).toEqual({ failure: 'deadline', reason: 'too long' });
});

test('a settled run leaves no timer', () => {
  const { clock, run } = startRun();
  run.limit(50, () => 'too long');
  run.settle(scored);
  expect(clock.delays).toEqual([]);
  run.limit(50, () => 'too long');
  expect(clock.delays).toEqual([]);
});

const SCORER = 'file:///score.mjs';

test('after three stopped runs in a row a scorer rests for ten seconds, then has one try', () => {
  const rests = new Rests();
  const stopped = failed('deadline', 'it took longer than 50 ms');
  rests.note(SCORER, stopped, 0);
  rests.note(SCORER, stopped, 0);
  expect(rests.of(SCORER, 0)).toBeUndefined();
  rests.note(SCORER, stopped, 100);
  expect(rests.of(SCORER, 10_099)).toMatchObject({ failure: 'deadline', reason: expect.stringContaining('it rests') });
  expect(rests.of('file:///other.mjs', 10_099)).toBeUndefined();
  expect(rests.of(SCORER, 10_100)).toBeUndefined();
  rests.note(SCORER, stopped, 10_100);
  expect(rests.of(SCORER, 10_101)).toBeDefined();
});

test.each([
  { what: 'scores', outcome: scored },
  { what: 'a failure that left the thread alive', outcome: failed('threw', 'no') },
])('$what in between ends the row', ({ outcome }) => {
  const rests = new Rests();
  const stopped = failed('memory', 'heap');
  rests.note(SCORER, stopped, 0);
  rests.note(SCORER, stopped, 0);
  rests.note(SCORER, outcome, 0);
  rests.note(SCORER, stopped, 0);
  expect(rests.of(SCORER, 0)).toBeUndefined();
});

test('a reason is cut where it is long, and there are words for whatever was thrown', () => {
  expect(failed('threw', 'x'.repeat(1_000)).reason).toMatch(/^x{299}…$/);
  expect(wordsOf(new Error('boom'))).toBe('boom');
  expect(wordsOf(new TypeError())).toBe('TypeError');
  expect(wordsOf(Symbol('odd'))).toBe('Symbol(odd)');
  expect(wordsOf(Object.create(null))).toBe('something that has no words');
});
