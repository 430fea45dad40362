import { expect, test } from 'vitest';
import { Outage } from '#rota/actors/outage.js';
import { RotaError } from '#rota/protocol/errors.js';

const ERROR = new RotaError('STORE_FAILED', 'Planted.');

function setUp() {
  const told: boolean[] = [];
  const outage = new Outage((error) => told.push(error !== undefined));
  return { outage, told };
}

test('an outage is told once, by whoever notices it, and is over when all have what they asked for', () => {
  const { outage, told } = setUp();
  outage.note('lease', undefined);
  outage.note('lease', ERROR);
  outage.note('journal', ERROR);
  outage.note('lease', ERROR);
  expect([told, outage.isOn]).toEqual([[true], true]);
  outage.note('lease', undefined);
  expect([told, outage.isOn]).toEqual([[true], true]);
  outage.note('journal', undefined);
  outage.note('lease', undefined);
  expect([told, outage.isOn]).toEqual([[true, false], false]);
});

test('an outage that ends otherwise is over for all, and the next one is told again', () => {
  const { outage, told } = setUp();
  outage.end();
  outage.note('lease', ERROR);
  outage.note('journal', ERROR);
  outage.end();
  outage.end();
  expect([told, outage.isOn]).toEqual([[true, false], false]);
  outage.note('journal', ERROR);
  expect(told).toEqual([true, false, true]);
});
