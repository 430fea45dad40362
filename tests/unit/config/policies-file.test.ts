import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readPolicies } from '#rota/config/policies-file.js';
import { PolicySchema } from '#rota/protocol/policy.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rota-policies-'));
  file = join(folder, 'policies.yaml');
});
afterEach(() => rmSync(folder, { recursive: true }));

it('reads policies from YAML and from JSON, with all that they leave out', () => {
  writeFileSync(file, 'defaults: {strategy: least-loaded}\npools:\n  dev: {rotationWindowMinutes: 0}\n  ops: {}');
  const expected = PolicySchema.parse({ strategy: 'least-loaded' });
  const policies = { defaults: expected, pools: { dev: { ...expected, rotationWindowMinutes: 0 }, ops: expected } };
  expect(readPolicies(file)).toEqual(policies);
  writeFileSync(file, JSON.stringify(policies));
  expect(readPolicies(file)).toEqual(policies);
});

it('takes a scorer by its path from the file, also where a pool inherits it', () => {
  mkdirSync(join(folder, 'scorers'));
  writeFileSync(join(folder, 'score me.mjs'), '');
  writeFileSync(join(folder, 'scorers', 'b.mjs'), '');
  const address = (path: string) => pathToFileURL(join(folder, path)).href;
  writeFileSync(
    file,
    `defaults: {scoring: {scorer: ./score me.mjs}}
pools:
  inherits: {}
  other: {scoring: {scorer: scorers/b.mjs}}
  absolute: {scoring: {scorer: ${join(folder, 'scorers', 'b.mjs')}}}
  address: {scoring: {scorer: "${address('score me.mjs')}"}}
  semantic: {scoring: {scorer: semantic}}`,
  );
  const { defaults, pools } = readPolicies(file);
  expect(defaults.scoring.scorer).toBe(address('score me.mjs'));
  const scorers = Object.entries(pools).map(([pool, { scoring }]) => [pool, scoring.scorer]);
  expect(Object.fromEntries(scorers)).toEqual({
    inherits: address('score me.mjs'),
    other: address('scorers/b.mjs'),
    absolute: address('scorers/b.mjs'),
    address: address('score me.mjs'),
    semantic: 'semantic',
  });
});

it.each([
  [
    'pools:\n  dev: {strategy: round-robbin}',
    '2:19: pools.dev.strategy is "round-robbin": expected one of the known values. Did you mean "round-robin"? Known here: round-robin, least-loaded, random, power-of-two, weighted.',
  ],
  ['defaults:\n  rotationWindowMinutes: -1', '2:26: defaults.rotationWindowMinutes is -1: expected at least 0.'],
  [
    'pools:\n  dev: {rotationWindowMs: 5}',
    '2:9: pools.dev.rotationWindowMs: this key is not known. Did you mean "rotationWindowMinutes"?',
  ],
  [
    'pools:\n  dev:\n    scoring:\n      weights: {context: 40}',
    '4:16: pools.dev.scoring.weights is a map: context, success, specialization and load must add up to 100, and they are 110.',
  ],
  [
    'pools:\n  dev: {scoring: {scorer: semantc}}',
    '2:27: pools.dev.scoring.scorer is "semantc": must be builtin, semantic or the address of a module',
  ],
  ['pools:\n  dev: {scoring: {scorer: https://x/y.mjs}}', 'must be builtin, semantic or the address of a module'],
  ['defaults: {availability: {kind: ldap}}', '1:33: defaults.availability.kind is "ldap": must be http or static.'],
  [
    'defaults: {availability: {kind: http, url: "desk:80"}}',
    'defaults.availability.url is "desk:80": must be an address that starts with http:// or https://.',
  ],
  ['defaults: {availability: {kind: http}}', 'defaults.availability.url is missing: expected a string.'],
  ['pools:\n  a b: {}', '2:3: pools."a b": the key must be 1 to 64 of the characters'],
  ['pools: {dev: }', 'pools.dev is null: expected a map of keys and values.'],
  ['- dev', 'the document is a list: expected a map of keys and values.'],
])('refuses %j', (text, message) => {
  writeFileSync(file, text);
  expect(() => readPolicies(file)).toThrow(message);
});

it('names the faults of pools beside those of the defaults, but of weights that would be inherited', () => {
  const weights = '{context: 0, success: 70, specialization: 20, load: 10}';
  const pool = 'pools: {dev: {scoring: {weights: {success: 60, load: 20}}}}';
  writeFileSync(file, `defaults: {maxHops: -1, scoring: {weights: ${weights}}}\n${pool}`);
  expect(() => readPolicies(file)).toThrow(
    new RegExp(`^${file}:1:21: defaults.maxHops is -1: expected at least 0. Correct the file.$`),
  );
  writeFileSync(file, 'defaults: {maxHops: -1}\npools: {dev: {strategy: rondom, scoring: {deadlineMs: 0}}, "a b": {}}');
  expect(() => readPolicies(file)).toThrow(
    /defaults\.maxHops .*\n.*pools\.dev\.strategy .*\n.*pools\.dev\.scoring\.deadlineMs .*\n.*pools\."a b".*\n4 problems/,
  );
  writeFileSync(file, `defaults: {maxHops: 1, scoring: {weights: ${weights}}}\n${pool}`);
  expect(readPolicies(file).pools.dev?.scoring.weights).toMatchObject({ context: 0, success: 60 });
});

it('refuses scorers that are not there, each where it is written', () => {
  writeFileSync(
    file,
    `defaults: {scoring: {scorer: ./a.mjs}}
pools:
  inherits: {}
  folder: {scoring: {scorer: ./}}
  elsewhere: {scoring: {scorer: "file://host/a.mjs"}}`,
  );
  const missing = (path: string) => `there is no file ${join(folder, path)}`;
  const remedy = 'Check the path: it is relative to this file.';
  expect(() => readPolicies(file)).toThrow(
    [
      `${file}:1:30: defaults.scoring.scorer is "./a.mjs": ${missing('a.mjs')}. ${remedy}`,
      `${file}:4:30: pools.folder.scoring.scorer is "./": ${missing('')}. ${remedy}`.replace('/. C', '. C'),
      `${file}:5:33: pools.elsewhere.scoring.scorer is "file://host/a.mjs": there is no file file://host/a.mjs. ${remedy}`,
      '3 problems.',
    ].join('\n'),
  );
});
