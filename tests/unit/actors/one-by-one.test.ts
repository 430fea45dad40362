import { expect, test } from 'vitest';
import { createOneByOne } from '#rota/actors/one-by-one.js';
import { gate, rejection } from '../../support/signals.js';

function setUp() {
  const clock = { nowMs: 0, monoMs: () => clock.nowMs };
  const oneByOne = createOneByOne(clock);
  const begun: string[] = [];
  const job = (name: string, until?: { readonly passed: Promise<unknown> }) =>
    oneByOne(async () => {
      begun.push(name);
      await until?.passed;
      return name;
    });
  return { clock, begun, job };
}

test('jobs run one after the other, whatever became of those before', async () => {
  const { begun, job } = setUp();
  const hold = gate<Promise<never>>();
  const first = rejection(job('first', hold));
  const second = job('second');
  await Promise.resolve();
  expect(begun).toEqual(['first']);
  hold.open(Promise.reject(new Error('Planted.')));
  expect(await first).toMatchObject({ message: 'Planted.' });
  expect(await second).toBe('second');
});

test('beyond so many that wait the next is refused for now, and there is room again behind them', async () => {
  const { job } = setUp();
  const hold = gate();
  const running = job('running', hold);
  await Promise.resolve();
  const jobs = Array.from({ length: 20 }, (_, i) =>
    job(`${i}`).then(
      () => 'done',
      (error) => error.code,
    ),
  );
  hold.open();
  await running;
  expect((await Promise.all(jobs)).filter((end) => end === 'UNAVAILABLE')).toHaveLength(4);
  expect(await job('later')).toBe('later');
});

test('one that waited for longer than anybody waits for its answer is not begun', async () => {
  const { clock, begun, job } = setUp();
  const hold = gate();
  const running = job('running', hold);
  const late = rejection(job('late'));
  await Promise.resolve();
  clock.nowMs = 5_001;
  hold.open();
  expect(await late).toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: expect.any(Number) });
  await running;
  expect(begun).toEqual(['running']);
});
