import { expect, test } from 'vitest';
import { RefusedAssigns } from '#rota/actors/refused-assigns.js';
import { RotaError } from '#rota/protocol/errors.js';

const ERROR = new RotaError('NO_AGENT', 'Nobody fits.');

test('a refused assign is known of its client and for as long as it may come again', () => {
  const refused = new RefusedAssigns();
  refused.note('ann', 't', ERROR, 100);
  expect(refused.find('ann', 't', 15_099)).toBe(ERROR);
  expect(refused.find('ben', 't', 100)).toBeUndefined();
  expect(refused.find('ann', 'u', 100)).toBeUndefined();
  expect(refused.find('ann', 't', 15_100)).toBeUndefined();
  refused.note('ann', 't', ERROR, 15_100);
  expect(refused.find('ann', 't', 20_000)).toBe(ERROR);
});

test('what is too old, or too much, is forgotten', () => {
  const refused = new RefusedAssigns();
  for (let i = 0; i < 20_000; i++) refused.note('ann', `t-${i}`, ERROR, 0);
  expect(refused.size).toBe(10_000);
  expect(refused.find('ann', 't-0', 0)).toBeUndefined();
  expect(refused.find('ann', 't-19999', 0)).toBe(ERROR);
  refused.note('ann', 'later', ERROR, 15_000);
  expect(refused.size).toBe(1);
});
