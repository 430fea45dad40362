import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Handler, type Json, PermanentError, RotaError } from '#rota/index.js';
import { LIMITS } from '#rota/protocol/limits.js';
import { gate, Log } from '../../support/signals.js';
import { TRANSPORTS, World } from '../../support/world.js';

/** What a handler may return against its type: JavaScript does not check. */
function returning(value: unknown): Handler {
  return () => value as Json;
}

function cyclic(): object {
  const value: { self?: object } = {};
  value.self = value;
  return value;
}

class Unreadable {
  enumerable = true;
  constructor() {
    Object.defineProperty(this, 'broken', {
      enumerable: true,
      get: () => {
        throw new Error('It can not be read.');
      },
    });
  }
}

const nested = (depth: number) => Array.from({ length: depth }).reduce<unknown>((inner) => [inner], 1);

const UNFIT = {
  'a large bigint': 2n ** 70n,
  'a date': new Date(0),
  'a cycle': cyclic(),
  'not a number': { rate: Number.NaN },
  infinity: [Number.POSITIVE_INFINITY],
  bytes: new Uint8Array(8),
  'a map with keys that are numbers': new Map([[1, 2]]),
  'a symbol': { kind: Symbol('s') },
  'an own __proto__': JSON.parse('{"__proto__":1}'),
  'an unreadable object': new Unreadable(),
};

const AT_THE_EDGE = {
  'too large': { value: ['x'.repeat(60_000), 'x'.repeat(60_000)], code: 'RESULT_TOO_LARGE' },
  'with too many values': { value: new Array(LIMITS.nodes - 1).fill(1), code: 'INVALID_VALUE' },
  'with too long a string': { value: 'x'.repeat(LIMITS.stringBytes + 1), code: 'INVALID_VALUE' },
  'nested too deeply': { value: nested(LIMITS.depth), code: 'INVALID_VALUE' },
};

describe.each(TRANSPORTS)('handlers over %s', (kind) => {
  /** Submits one task to an agent with this handler and tells how it ended. */
  async function outcomeOf(handler: Handler, task: { maxAttempts?: number } = {}) {
    await using world = await World.open(kind);
    await world.coordinator();
    await world.agent('ann', handler);
    const client = await world.client();
    const id = await client.submit({ pool: 'work', backoffMs: 1, ...task });
    return await client.result(id);
  }

  it('tries again what threw, up to its attempts', async () => {
    const attempts: number[] = [];
    const outcome = await outcomeOf(
      ({ attempt }) => {
        attempts.push(attempt);
        if (attempt < 3) throw new TypeError('not yet');
        return attempt;
      },
      { maxAttempts: 3 },
    );
    expect(outcome).toMatchObject({ status: 'completed', attempt: 3, result: 3 });
    expect(attempts).toEqual([1, 2, 3]);
  });

  it('fails for good when its attempts are used up, with the last error', async () => {
    const outcome = await outcomeOf(() => Promise.reject(new TypeError('never')), { maxAttempts: 2 });
    expect(outcome).toMatchObject({ status: 'failed', attempt: 2 });
    expect(outcome.error).toMatchObject({ code: 'HANDLER_FAILED', retryable: false });
    expect(outcome.error?.message).toContain('Attempt 2 of 2, on ann: TypeError: never');
  });

  it('fails at once what can not be helped by another attempt', async () => {
    const permanent = await outcomeOf(() => {
      throw new PermanentError('no such customer');
    });
    expect(permanent).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'HANDLER_FAILED' } });
    expect(permanent.error?.message).toContain('no such customer');
    const own = await outcomeOf(() => {
      throw new RotaError('INVALID_VALUE', 'payload.name is missing.');
    });
    expect(own).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'INVALID_VALUE' } });
  });

  it.each([
    ['a string', 'just text', 'just text'],
    ['nothing', undefined, 'undefined'],
    ['a symbol', Symbol('odd'), 'Symbol(odd)'],
    ['an object without a text', Object.create(null), 'no text'],
    ['an endless message', new Error('x'.repeat(100_000)), 'Error: xxx'],
  ])('fails a task whose handler throws %s', async (_, thrown, text) => {
    const outcome = await outcomeOf(
      () => {
        throw thrown;
      },
      { maxAttempts: 1 },
    );
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'HANDLER_FAILED' } });
    expect(outcome.error?.message).toContain(text);
    expect(outcome.error?.message.length).toBeLessThan(LIMITS.errorChars + 200);
  });

  it.each(Object.entries(UNFIT))('fails a task whose result is %s, at once and with the reason', async (_, value) => {
    const outcome = await outcomeOf(returning(value));
    expect(outcome).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'INVALID_VALUE' } });
    expect(outcome.error?.message).toContain("The result can't travel");
  });

  it.each(Object.entries(AT_THE_EDGE))('fails a task whose result is %s', async (_, { value, code }) => {
    expect(await outcomeOf(returning(value))).toMatchObject({ status: 'failed', attempt: 1, error: { code } });
  });

  it.each([
    ['nothing', undefined, null],
    ['a function', () => 1, null],
    ['a small bigint', 5n, 5],
    ['fields without a value', { a: undefined, b: [undefined] }, { a: null, b: [null] }],
    ['an object with a prototype', new URL('http://host'), {}],
  ])('takes %s as JSON has it', async (_, value, result) => {
    expect(await outcomeOf(returning(value))).toMatchObject({ status: 'completed', result });
  });

  it('reports the other tasks of a turn beside one that can not be', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    const hold = gate();
    const unfit = new Array(LIMITS.nodes - 1).fill(1);
    await world.agent('ann', ({ payload }) => hold.passed.then(() => (payload === 1 ? unfit : payload)), {
      maxConcurrency: 3,
    });
    const client = await world.client();
    const ids = await client.submitMany([0, 1, 2].map((payload) => ({ pool: 'work', payload })));
    hold.open();
    const outcomes = await Promise.all(ids.map((id) => client.result(id)));
    expect(outcomes.map(({ status }) => status)).toEqual(['completed', 'failed', 'completed']);
  });

  it('never runs more handlers than its concurrency, and holds no more than its credit', async () => {
    const cases = fc.record({
      maxConcurrency: fc.integer({ min: 1, max: 5 }),
      prefetch: fc.integer({ min: 0, max: 5 }),
      turns: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 40 }),
    });
    const run = async ({
      maxConcurrency,
      prefetch,
      turns,
    }: {
      maxConcurrency: number;
      prefetch: number;
      turns: number[];
    }) => {
      await using world = await World.open(kind);
      await world.coordinator();
      const max = { running: 0, held: 0 };
      let running = 0;
      const agent = await world.agent(
        'ann',
        async ({ payload }) => {
          running++;
          max.running = Math.max(max.running, running);
          max.held = Math.max(max.held, agent.load);
          for (let turn = 0; turn < Number(payload); turn++) await new Promise(setImmediate);
          running--;
        },
        { maxConcurrency, prefetch },
      );
      const client = await world.client();
      const ids = await client.submitMany(turns.map((payload) => ({ pool: 'work', payload })));
      const outcomes = await Promise.all(ids.map((id) => client.result(id)));
      expect(outcomes.every(({ status }) => status === 'completed')).toBe(true);
      expect(max.running).toBeLessThanOrEqual(maxConcurrency);
      expect(max.held).toBeLessThanOrEqual(maxConcurrency + prefetch);
      if (turns.length > maxConcurrency && Math.min(...turns) > 0) expect(max.running).toBe(maxConcurrency);
    };
    await fc.assert(fc.asyncProperty(cases, run), { numRuns: kind === 'memory' ? 60 : 15 });
  });

  it('holds prefetched tasks ready and runs them when a slot is free', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    const started = new Log<string>();
    const hold = gate();
    const run: Handler = async ({ taskId }) => {
      started.push(taskId);
      await hold.passed;
    };
    const agent = await world.agent('ann', run, { maxConcurrency: 2, prefetch: 3 });
    const client = await world.client();
    const ids = await client.submitMany(
      Array.from({ length: 9 }, () => ({ pool: 'work' })),
      { watch: 'all' },
    );
    await started.reaches(2);
    expect(agent.load).toBe(5);
    expect(await client.tasks({ status: 'pending' })).toHaveLength(4);
    hold.open();
    for await (const { status } of client.results(ids)) expect(status).toBe('completed');
    expect(started.items.toSorted()).toEqual(ids.toSorted());
  });

  it('aborts an attempt that runs too long, and tries again', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    const aborted = new Log<unknown>();
    await world.agent('ann', ({ attempt }, { signal }) => {
      if (attempt === 2) return 'in time';
      return new Promise<string>((resolve) => {
        signal.addEventListener('abort', () => {
          aborted.push(signal.reason);
          resolve('too late');
        });
      });
    });
    const client = await world.client();
    const id = await client.submit({ pool: 'work', timeoutMs: 50, backoffMs: 1 });
    expect(await client.result(id)).toMatchObject({ status: 'completed', attempt: 2, result: 'in time' });
    expect(aborted.items).toMatchObject([{ code: 'TASK_TIMEOUT' }]);
  });
});
