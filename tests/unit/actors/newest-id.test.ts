import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NewestId } from '#rota/actors/newest-id.js';
import { createIds, isTimeSorted } from '#rota/ids.js';

test('ids that are made sort by time, and have the form that says so', () => {
  let wallMs = 0;
  const ids = createIds({ wallMs: () => wallMs }, Math.random);
  const made = Array.from({ length: 1_000 }, (_, i) => {
    wallMs = Math.floor(i / 10);
    return ids();
  });
  expect(made.every(isTimeSorted)).toBe(true);
  expect(made.toSorted()).toEqual(made);
  for (const other of ['order-1', '', '8'.padEnd(26, '0'), '01H', '01HZ'.padEnd(26, 'i')])
    expect(isTimeSorted(other)).toBe(false);
});

test('an id that was ever noted is never taken for a new one', () => {
  const id = fc.oneof(
    fc.stringMatching(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/),
    fc.stringMatching(/^[0-9a-zA-Z_-]{1,64}$/),
    fc.constantFrom('7', '7ZZZZZZZZZZZZZZZZZZZZZZZZZ', '00000000000000000000000000'),
  );
  fc.assert(
    fc.property(fc.array(id), fc.nat(), (noted, restart) => {
      let newest = new NewestId('');
      for (const [i, one] of noted.entries()) {
        // A new leader begins with what the tables say: a bound of all that begin like those that sort by time.
        if (i === restart % noted.length)
          newest = new NewestId(
            noted
              .slice(0, i)
              .filter((earlier) => earlier < '8')
              .toSorted()
              .at(-1) ?? '',
          );
        newest.note(one);
        for (const earlier of noted.slice(0, i + 1)) expect(newest.isNew(earlier)).toBe(false);
      }
    }),
  );
});
