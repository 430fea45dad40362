import { expect, test } from 'vitest';
import { LIMITS } from '#rota/protocol/limits.js';
import { Rotations } from '#rota/selection/rotations.js';

const MOST = LIMITS.rotationsPerPool;

/** With so many kinds served, beside the tasks without labels. */
function rotationsOf(kinds: number): Rotations {
  const rotations = new Rotations();
  for (let n = 0; n < kinds; n++) rotations.move(`k${n}|`, n);
  return rotations;
}

test('each kind is moved by itself alone', () => {
  const rotations = new Rotations();
  rotations.move('', 4);
  rotations.move('sql|', 7);
  rotations.move('', 5);
  expect(['', 'sql|'].map((kind) => rotations.cursorOf(kind))).toEqual([5, 7]);
});

test('a kind that was never served begins where tasks without labels stand', () => {
  const rotations = new Rotations();
  expect(rotations.cursorOf('sql|')).toBe(-1);
  rotations.move('', 4);
  expect(rotations.cursorOf('sql|')).toBe(4);
  expect(rotations.keyFor('sql|')).toBe('sql|');
});

test('a kind that comes when there are as many as there may be shares the rotation of tasks without labels', () => {
  const rotations = rotationsOf(MOST - 1);
  expect(['late|', 'k0|', ''].map((kind) => rotations.keyFor(kind))).toEqual(['', 'k0|', '']);
  rotations.move('', 3);
  expect(['late|', 'k1|'].map((kind) => rotations.cursorOf(kind))).toEqual([3, 1]);
  expect(rotationsOf(MOST - 2).keyFor('late|')).toBe('late|');
});

test('all begin anew, and leave room for others', () => {
  const rotations = rotationsOf(MOST - 1);
  rotations.clear();
  expect(['', 'k7|'].map((kind) => rotations.cursorOf(kind))).toEqual([-1, -1]);
  expect(rotations.keyFor('late|')).toBe('late|');
});

test('they go on as they were, whether tasks without labels were ever served or not', () => {
  for (const kinds of [0, 3, MOST - 1]) {
    const rotations = rotationsOf(kinds);
    const { '': _, ...moved } = rotations.entries();
    for (const kept of [rotations.entries(), moved]) {
      const again = new Rotations();
      again.restore(kept);
      expect(again.entries()).toEqual(rotations.entries());
      expect(again.keyFor('late|')).toBe(rotations.keyFor('late|'));
    }
  }
});
