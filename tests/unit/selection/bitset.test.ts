import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Bitset, countIn, eachIn, nextBeyond, nextIn, nthIn, type Scan } from '#rota/selection/bitset.js';

const indices = fc.uniqueArray(fc.nat(200));
const lists = fc.record({
  anyOf: fc.array(indices, { minLength: 1, maxLength: 3 }),
  allOf: fc.array(indices, { maxLength: 3 }),
});
type Lists = typeof lists extends fc.Arbitrary<infer T> ? T : never;

function setOf(members: readonly number[]): Bitset {
  const set = new Bitset();
  for (const member of members) set.add(member);
  return set;
}

function scanOf({ anyOf, allOf }: Lists): Scan {
  return { anyOf: anyOf.map(setOf), allOf: allOf.map(setOf) };
}

/** What a scan finds, the obvious way. */
function found({ anyOf, allOf }: Lists): number[] {
  const union = [...new Set(anyOf.flat())].sort((a, b) => a - b);
  return union.filter((index) => allOf.every((list) => list.includes(index)));
}

describe('a set', () => {
  test('has what was added and not deleted, and knows how many', () => {
    fc.assert(
      fc.property(indices, indices, (added, deleted) => {
        const set = setOf([...added, ...added]);
        for (const index of [...deleted, ...deleted]) set.delete(index);
        const members = added.filter((index) => !deleted.includes(index));
        expect(set.size).toBe(members.length);
        for (let index = 0; index <= 300; index++) expect(set.has(index)).toBe(members.includes(index));
      }),
    );
  });

  test('knows the lowest number that is missing', () => {
    const dense = fc
      .array(fc.nat(9))
      .map((gaps) => Array.from({ length: 100 }, (_, i) => i).filter((i) => gaps[i % 7] !== i));
    fc.assert(
      fc.property(dense, fc.nat(150), (members, from) => {
        let expected = from;
        while (members.includes(expected)) expected++;
        expect(setOf(members).firstMissing(from)).toBe(expected);
      }),
    );
  });

  test('becomes what a scan finds, whatever it had before', () => {
    fc.assert(
      fc.property(indices, lists, (before, one) => {
        const set = setOf(before);
        set.fillFrom(scanOf(one));
        expect(set.size).toBe(found(one).length);
        expect(Array.from({ length: 300 }, (_, i) => i).filter((i) => set.has(i))).toEqual(found(one));
      }),
    );
  });

  test('is in shared memory', () => {
    expect(setOf([70]).words.buffer).toBeInstanceOf(SharedArrayBuffer);
  });
});

describe('a scan finds what lists find:', () => {
  test('the next one, going round', () => {
    fc.assert(
      fc.property(lists, fc.integer({ min: -1, max: 300 }), (one, after) => {
        const expected = found(one).find((index) => index > after) ?? found(one)[0] ?? -1;
        expect(nextIn(scanOf(one), after)).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  test('the next one, passing over some', () => {
    fc.assert(
      fc.property(lists, fc.integer({ min: -1, max: 300 }), indices, (one, after, without) => {
        const left = found(one).filter((index) => !without.includes(index));
        const expected = left.find((index) => index > after) ?? left[0] ?? -1;
        expect(nextBeyond(scanOf(one), after, new Set(without))).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  test('how many, each, and the one of each rank', () => {
    fc.assert(
      fc.property(lists, (one) => {
        const scan = scanOf(one);
        const visited: number[] = [];
        eachIn(scan, (index) => visited.push(index));
        expect(visited).toEqual(found(one));
        expect(countIn(scan)).toBe(visited.length);
        expect(visited.map((_, rank) => nthIn(scan, rank))).toEqual(visited);
        expect(nthIn(scan, visited.length)).toBe(-1);
      }),
    );
  });
});
