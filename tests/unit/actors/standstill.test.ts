import { pino } from 'pino';
import { expect, test } from 'vitest';
import { watchStandstill } from '#rota/actors/standstill.js';
import { VirtualClock } from '../../support/virtual-clock.js';

test('a process that stood still says so, once and for how long', async () => {
  const clock = new VirtualClock();
  const said: unknown[] = [];
  const log = pino({}, { write: (line: string) => void said.push(JSON.parse(line).stoodStillMs) });
  const end = watchStandstill(clock, log);
  await clock.advance(10_000);
  clock.pause(900);
  await clock.advance(10_000);
  expect(said).toEqual([]);
  clock.pause(5_000);
  await clock.advance(10_000);
  expect(said).toEqual([4_500]);
  end();
  expect(clock.pending).toBe(0);
});
