import { pino } from 'pino';
import { expect, test } from 'vitest';
import { RefusalLog } from '#rota/actors/refusal-log.js';
import { RotaError } from '#rota/protocol/errors.js';

interface Line {
  readonly level: number;
  readonly code: string;
  readonly untold?: number;
}

function subject() {
  const lines: Line[] = [];
  const clock = { nowMs: 0, monoMs: () => clock.nowMs };
  const log = pino({ level: 'debug' }, { write: (line) => void lines.push(JSON.parse(line)) });
  return { lines, clock, refusals: new RefusalLog(log, clock) };
}

const BAD = new RotaError('INVALID_VALUE', 'task.id is "secret".', { field: 'task.id' });

test('a storm of bad requests takes a bounded number of lines, and none is forgotten', () => {
  const { lines, clock, refusals } = subject();
  for (; clock.nowMs < 60_000; clock.nowMs++) refusals.note(BAD, 10, false);
  expect(lines.length).toBeGreaterThanOrEqual(100);
  expect(lines.length).toBeLessThanOrEqual(700);
  clock.nowMs += 1_000;
  refusals.note(BAD, 10, false);
  expect(lines.reduce((sum, { untold = 0 }) => sum + 1 + untold, 0)).toBe(60_001);
  expect(JSON.stringify(lines)).not.toContain('secret');
});

test('what was said already is for whoever looks closer, and takes no room of the rest', () => {
  const { lines, refusals } = subject();
  for (let i = 0; i < 1_000; i++) refusals.note(BAD, 10, true);
  refusals.note(BAD, 10, false);
  expect(lines.map(({ level }) => level).filter((level) => level > 20)).toEqual([40]);
  expect(lines.at(-1)).not.toHaveProperty('untold');
});
