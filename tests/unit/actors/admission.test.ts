import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Admission, QUESTIONS, WORK } from '#rota/actors/admission.js';
import { LIMITS } from '#rota/protocol/limits.js';

function setUp() {
  const said: number[] = [];
  const log = pino({}, { write: (line: string) => void said.push(JSON.parse(line).level) });
  return { admission: new Admission(log, WORK), said, levels: log.levels.values };
}

test('as many requests enter as there is room for, and one for each that leaves', () => {
  const { admission } = setUp();
  for (let i = 0; i < LIMITS.waitingRequests; i++) expect(admission.enter(1)).toBe(true);
  expect(admission.enter(1)).toBe(false);
  admission.leave(1);
  expect(admission.enter(1)).toBe(true);
  expect(admission.enter(1)).toBe(false);
  for (let i = 0; i < LIMITS.waitingRequests; i++) admission.leave(1);
  expect(admission.isEmpty).toBe(true);
});

test('frames enter until they are too large together', () => {
  const { admission } = setUp();
  expect(admission.enter(LIMITS.waitingBytes - 10)).toBe(true);
  expect(admission.enter(11)).toBe(false);
  expect(admission.enter(10)).toBe(true);
  expect(admission.enter(1)).toBe(false);
  expect(admission.isEmpty).toBe(false);
});

test('it says once that too many wait, and once that there is room again', () => {
  const { admission, said, levels } = setUp();
  const half = LIMITS.waitingBytes / 2;
  admission.enter(half);
  admission.enter(half);
  for (let i = 0; i < 3; i++) admission.enter(1);
  expect(said).toEqual([levels.warn]);
  admission.leave(1);
  expect(said).toEqual([levels.warn]);
  admission.leave(half);
  expect(said).toEqual([levels.warn, levels.info]);
  admission.leave(half - 1);
  expect(said).toHaveLength(2);
  admission.enter(LIMITS.waitingBytes);
  admission.enter(1);
  expect(said).toEqual([levels.warn, levels.info, levels.warn]);
});

test('questions take no room of what carries work on', () => {
  expect(QUESTIONS.requests).toBeLessThan(WORK.requests / 10);
  expect(QUESTIONS.bytes).toBeLessThan(WORK.bytes / 10);
});
