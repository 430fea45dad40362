import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Bitset, countInAll, nextInAll } from '#rota/selection/bitset.js';

const indices = fc.uniqueArray(fc.nat(200));

function setOf(members: readonly number[]): Bitset {
  const set = new Bitset();
  for (const member of members) set.add(member);
  return set;
}

/** The obvious way: sort, take the first above `after`, or the first of all. */
function nextInLists(lists: readonly (readonly number[])[], after: number): number {
  const [first = [], ...others] = lists;
  const common = first.filter((index) => others.every((list) => list.includes(index))).sort((a, b) => a - b);
  return common.find((index) => index > after) ?? common[0] ?? -1;
}

test('a set has what was added and not deleted', () => {
  fc.assert(
    fc.property(indices, indices, (added, deleted) => {
      const set = setOf(added);
      for (const index of deleted) set.delete(index);
      for (let index = 0; index <= 300; index++) {
        expect(set.has(index)).toBe(added.includes(index) && !deleted.includes(index));
      }
    }),
  );
});

test('the next common member, going round, is what a list search finds', () => {
  fc.assert(
    fc.property(
      fc.array(indices, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: -1, max: 300 }),
      (lists, after) => {
        expect(nextInAll(lists.map(setOf), after)).toBe(nextInLists(lists, after));
      },
    ),
    { numRuns: 2_000 },
  );
});

test('the count of common members is what a list search finds', () => {
  fc.assert(
    fc.property(fc.array(indices, { minLength: 1, maxLength: 4 }), (lists) => {
      const [first = [], ...others] = lists;
      const common = first.filter((index) => others.every((list) => list.includes(index)));
      expect(countInAll(lists.map(setOf))).toBe(common.length);
    }),
  );
});
