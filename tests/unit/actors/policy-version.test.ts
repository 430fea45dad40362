import { expect, test } from 'vitest';
import { policyVersion } from '#rota/actors/policy-version.js';
import { PolicySchema } from '#rota/protocol/policy.js';

test('the same rules have the same version, in whatever order they are written', () => {
  const weights = { context: 10, success: 60, specialization: 20, load: 10 };
  const one = PolicySchema.parse({ strategy: 'weighted', maxHops: 2, scoring: { weights } });
  const reversed = Object.fromEntries(Object.entries(one).reverse());
  const other = { ...reversed, scoring: Object.fromEntries(Object.entries(one.scoring).reverse()) };
  expect(Object.keys(other)).not.toEqual(Object.keys(one));
  expect(policyVersion(other as typeof one)).toBe(policyVersion(one));
});

test('a rule that differs anywhere makes another version', () => {
  const variants = [
    {},
    { maxHops: 2 },
    { scoring: { minimumSample: 11 } },
    { scoring: { weights: { context: 40, success: 30 } } },
    { availability: { kind: 'static' as const, available: ['ann', 'bob'] } },
    { availability: { kind: 'static' as const, available: ['bob', 'ann'] } },
  ];
  const versions = variants.map((variant) => policyVersion(PolicySchema.parse(variant)));
  expect(new Set(versions).size).toBe(variants.length);
  for (const version of versions) expect(version).toMatch(/^[0-9a-f]{12}$/);
});
