import { describe, expect, it } from 'vitest';
import { type PoliciesInput, PolicySchema, resolvePolicies } from '#rota/protocol/policy.js';

const builtIn = PolicySchema.parse({});

describe('policies', () => {
  it('have a default for everything', () => {
    expect(resolvePolicies({})).toEqual({ defaults: builtIn, pools: {} });
    expect(builtIn).toMatchObject({ strategy: 'round-robin', rotationWindowMinutes: 5, historySize: 1_000 });
    expect(builtIn.scoring.weights).toEqual({ context: 30, success: 40, specialization: 20, load: 10 });
  });

  it('give a pool what it leaves out from the defaults, and only then from what is built in', () => {
    const { defaults, pools } = resolvePolicies({
      defaults: {
        strategy: 'weighted',
        maxHops: 2,
        scoring: { minimumSample: 3, weights: { context: 0, success: 70 } },
        availability: { kind: 'static', available: ['ann'] },
      },
      pools: {
        dev: { maxHops: 9, scoring: { weights: { success: 60, load: 20 } } },
        desk: { availability: { kind: 'http', url: 'https://desk.example.org/who' } },
        ops: {},
      },
    });
    expect(pools.ops).toEqual(defaults);
    expect(pools.dev).toEqual({
      ...defaults,
      maxHops: 9,
      scoring: {
        ...builtIn.scoring,
        minimumSample: 3,
        weights: { context: 0, success: 60, specialization: 20, load: 20 },
      },
    });
    // A source is one whole: half of one and half of another is none.
    expect(pools.desk?.availability).toEqual({
      kind: 'http',
      url: 'https://desk.example.org/who',
      timeoutMs: 2_000,
      ttlMs: 30_000,
    });
  });

  it('take undefined for left out', () => {
    const input = { defaults: { maxHops: 2 }, pools: { dev: { maxHops: undefined, scoring: undefined } } };
    const { defaults, pools } = resolvePolicies(input as unknown as PoliciesInput);
    expect(pools.dev).toEqual(defaults);
  });

  it('are complete once resolved, and the same when resolved again', () => {
    const once = resolvePolicies({ defaults: { strategy: 'random' }, pools: { dev: { historySize: 5 } } });
    expect(resolvePolicies(once)).toEqual(once);
  });
});

describe('policies that do not fit', () => {
  it.each([
    [{ pools: { dev: { strategy: 'fair' } } }, 'pools.dev.strategy'],
    [{ pools: { dev: { rotationWindowMinutes: -1 } } }, 'pools.dev.rotationWindowMinutes'],
    [{ pools: { dev: { rotation: 5 } } }, 'pools.dev.rotation'],
    [{ pools: { dev: 'weighted' } }, 'pools.dev'],
    [{ pools: { dev: null } }, 'pools.dev'],
    [{ pools: { dev: { scoring: null } } }, 'pools.dev.scoring'],
    [{ pools: { dev: { scoring: { weights: [1] } } } }, 'pools.dev.scoring.weights'],
    [{ pools: { dev: { scoring: { weights: { context: 40 } } } } }, 'pools.dev.scoring.weights'],
    [{ pools: { dev: { scoring: { scorer: 'http://x' } } } }, 'pools.dev.scoring.scorer'],
    [{ pools: { 'a b': {} } }, 'pools.?'],
    [{ pools: [] }, 'pools'],
    [{ pool: {} }, 'pool'],
    [{ defaults: { historySize: 0 }, pools: { dev: {} } }, 'defaults.historySize'],
    [{ defaults: { availability: { kind: 'ldap' } } }, 'defaults.availability.kind'],
    [{ defaults: { availability: { kind: 'http', url: 'ftp://x' } } }, 'defaults.availability.url'],
    [{ defaults: { availability: { kind: 'http', url: 'http://ann:pw@x' } } }, 'defaults.availability.url'],
    [JSON.parse('{"pools": {"dev": {"__proto__": {"maxHops": 1}}}}'), 'pools.dev.?'],
    [[], 'frame'],
  ])('are refused by the name of the field: %j', (input, field) => {
    const resolve = () => resolvePolicies(input as PoliciesInput);
    expect(resolve).toThrow(expect.objectContaining({ code: 'INVALID_VALUE', field }));
  });
});
