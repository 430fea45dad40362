import { describe, expect, test } from 'vitest';
import { Waiters } from '#rota/sdk/waiters.js';

/** Waiters whose coordinator answers every question, and notes it. */
function waitersOf<T>(answer: (id: string) => T) {
  const asked: string[] = [];
  const waiters = new Waiters<T>(async (ids) => {
    asked.push(...ids);
    for (const id of ids) waiters.settle(id, answer(id));
  });
  return { waiters, asked };
}

const ids = (count: number) => Array.from({ length: count }, (_, i) => `t${i}`);

describe('outcomes that were told', () => {
  test('are kept for whoever asks first, and asked for again after that', async () => {
    const { waiters, asked } = waitersOf(() => 'asked');
    waiters.expect('t');
    waiters.settle('t', 'told');
    expect(await waiters.wait('t')).toBe('told');
    expect(asked).toEqual([]);
    expect(await waiters.wait('t')).toBe('asked');
    expect(await waiters.wait('t')).toBe('asked');
    expect(asked).toEqual(['t', 't']);
  });

  test('are not kept where nobody asks: the oldest go, by their bytes', async () => {
    const large = 'x'.repeat(90_000);
    const { waiters, asked } = waitersOf((id) => `${id} asked`);
    for (const id of ids(1_000)) {
      waiters.expect(id);
      waiters.settle(id, large);
    }
    const told = await Promise.all(ids(1_000).map((id) => waiters.wait(id)));
    const kept = told.filter((outcome) => outcome === large).length;
    expect(kept * large.length).toBeGreaterThan(16 * 2 ** 20);
    expect(kept * large.length).toBeLessThan(32 * 2 ** 20);
    expect(told.slice(-kept).every((outcome) => outcome === large)).toBe(true);
    expect(asked).toEqual(ids(1_000 - kept));
  });

  test('give their room back when they are taken', async () => {
    const large = 'x'.repeat(90_000);
    const { waiters, asked } = waitersOf(() => 'asked');
    waiters.expect('first');
    waiters.settle('first', 'told');
    for (const id of ids(1_000)) {
      waiters.expect(id);
      waiters.settle(id, large);
      await waiters.wait(id);
    }
    expect(await waiters.wait('first')).toBe('told');
    expect(asked).toEqual([]);
  });

  test('are not expected for ever', async () => {
    const { waiters, asked } = waitersOf((id) => `${id} asked`);
    for (const id of ids(100_001)) waiters.expect(id);
    expect(await waiters.wait('t0')).toBe('t0 asked');
    const latest = waiters.wait('t100000');
    waiters.settle('t100000', 'told');
    expect(await latest).toBe('told');
    expect(asked).toEqual(['t0']);
  });
});
