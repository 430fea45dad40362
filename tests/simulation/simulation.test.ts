import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { MUTANTS } from './mutants.js';
import { runSeed, runSeeds } from './seeds.js';
import { edited } from './workshop.js';

const DIST = new URL('../../dist/', import.meta.url);

describe('the simulation', () => {
  test('holds every invariant, whatever goes wrong, and everything goes wrong', async () => {
    const { failures, faults, seeds, terms } = await runSeeds({ from: 1, count: 300, endsAtFirst: false });
    expect(failures).toEqual([]);
    expect(terms).toBeGreaterThan(seeds);
    const never = Object.entries(faults).filter(([, count]) => count === 0);
    expect(never).toEqual([]);
  });

  test('is the same for the same seed, byte for byte, and another for another', async () => {
    const transcripts: string[] = [];
    for (const seed of [11, 12, 11, 12]) transcripts.push((await runSeed(seed, true)).transcript);
    const [first, second, ...again] = transcripts;
    expect(again).toEqual([first, second]);
    expect(first).not.toBe(second);
    expect(first?.split('\n').length).toBeGreaterThan(100);
  });
});

describe('planted bugs', () => {
  test('are of every invariant but that of the locks, which are not there yet', () => {
    const invariants = Array.from({ length: 18 }, (_, nth) => `I${nth + 1}`).filter((invariant) => invariant !== 'I7');
    expect([...new Set(MUTANTS.map(({ invariant }) => invariant))].sort()).toEqual(invariants.sort());
  });

  test.each(MUTANTS)('$invariant $name: is planted where the code is as it was', async ({ edits }) => {
    for (const edit of edits) {
      const code = await readFile(new URL(edit.file, DIST), 'utf8');
      expect(edited(code, edit)).not.toBe(code);
    }
  });

  test('refuse to be planted elsewhere', () => {
    const edit = { file: 'a.js', find: 'x', replace: 'y' };
    expect(() => edited('z', edit)).toThrow('a.js has "x" 0 times');
    expect(() => edited('x x', edit)).toThrow('2 times');
  });
});
