import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRoutes } from '#rota/transport/routes.js';
import { assertPattern, assertQueue, assertSubject, matches } from '#rota/transport/subject.js';

const accepts = (check: (text: string) => void, text: string): boolean => {
  try {
    check(text);
    return true;
  } catch {
    return false;
  }
};

/** The rules as the documentation states them, token by token. */
const plainToken = (token: string) => /^[\x21-\x7e]+$/.test(token) && !/[*>]/.test(token);
const obviousSubject = (text: string) => text.length <= 256 && text.split('.').every(plainToken);
const obviousPattern = (text: string) =>
  text.length <= 256 &&
  text
    .split('.')
    .every((token, i, all) => plainToken(token) || token === '*' || (token === '>' && i === all.length - 1));
function obviousMatch(pattern: string, subject: string): boolean {
  const want = pattern.split('.');
  const have = subject.split('.');
  const rest = want.indexOf('>');
  if (rest === -1) return want.length === have.length && want.every((token, i) => token === '*' || token === have[i]);
  return have.length > rest && want.slice(0, rest).every((token, i) => token === '*' || token === have[i]);
}

/** Few tokens, so that patterns and subjects meet often. */
const token = fc.constantFrom('a', 'b', 'ab', 'c');
const subject = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.'));
const pattern = fc
  .tuple(fc.array(fc.oneof(token, fc.constant('*')), { maxLength: 4 }), fc.boolean())
  .map(([tokens, rest]) => (rest || tokens.length === 0 ? [...tokens, '>'] : tokens).join('.'));
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({
    unit: fc.constantFrom('a', '.', '*', '>', ' ', '\r', '\n', '-', '/', '=', '?', '~', ')', '+'),
    maxLength: 8,
  }),
);

describe('subjects', () => {
  it('accepts exactly the subjects, patterns and queue names that the rules allow', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(accepts(assertSubject, text)).toBe(obviousSubject(text));
        expect(accepts(assertPattern, text)).toBe(obviousPattern(text));
        expect(accepts(assertQueue, text)).toBe(plainToken(text) && !text.includes('.'));
      }),
      { numRuns: 5_000 },
    );
  });

  it('takes 256 characters and no more', () => {
    for (const check of [assertSubject, assertPattern, assertQueue]) {
      expect(accepts(check, 'x'.repeat(256))).toBe(true);
      expect(accepts(check, 'x'.repeat(257))).toBe(false);
    }
  });

  it('quotes no more than the start of what it refuses', () => {
    expect(() => assertSubject(`${'x'.repeat(10_000)} `)).toThrow(/^subject is "x{80}…"\. .{1,100}$/);
  });

  it('matches as tokens say', () => {
    fc.assert(
      fc.property(pattern, subject, (want, have) => {
        expect(matches(want, have)).toBe(obviousMatch(want, have));
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('routes', () => {
  const route = fc.record({
    pattern: fc.oneof(pattern, subject),
    queue: fc.option(fc.constantFrom('q', 'r')),
    ends: fc.boolean(),
  });

  it('selects every route that matches, and one of each queue group', () => {
    fc.assert(
      fc.property(fc.array(route, { maxLength: 12 }), fc.array(subject, { maxLength: 6 }), (all, subjects) => {
        const routes = createRoutes<(typeof all)[number]>();
        const ends = all.map((each) => routes.add(each.pattern, each.queue ?? undefined, each));
        all.forEach((each, i) => {
          if (each.ends) ends[i]?.();
        });
        for (const have of subjects) {
          const selected: typeof all = [];
          const count = routes.select(have, (each) => void selected.push(each));
          const live = all.filter((each) => !each.ends && obviousMatch(each.pattern, have));
          const plain = live.filter(({ queue }) => queue === null);
          const queues = new Set(live.flatMap(({ queue }) => queue ?? []));
          expect(count).toBe(selected.length);
          expect(selected.every((each) => live.includes(each))).toBe(true);
          expect(new Set(selected.filter(({ queue }) => queue === null))).toEqual(new Set(plain));
          expect(selected.flatMap(({ queue }) => queue ?? []).sort()).toEqual([...queues].sort());
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
