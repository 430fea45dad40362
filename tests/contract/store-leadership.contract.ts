import { describe, expect, test } from 'vitest';
import { LIMITS } from '#rota/protocol/limits.js';
import { submitted } from '../support/events.js';
import { rejection } from '../support/signals.js';
import { leadAs, type Open, take } from '../support/stores.js';

/** No test takes as long. */
const LONG_MS = 3_600_000;
/** Every row is older than it will be in an hour. */
const OF_ANY_AGE_MS = -LONG_MS;

const DEPOSED = { code: 'DEPOSED' };

/** Who leads, for how long, and how that ends. */
export function leadershipContract(open: Open): void {
  test('before anybody led, nobody does, and there is nothing to renew', async () => {
    await using made = await open();
    const { store } = made;
    expect(await store.leadership()).toBeUndefined();
    await expect(store.renew(1, LONG_MS)).rejects.toMatchObject(DEPOSED);
    await expect(store.resign(1)).rejects.toMatchObject(DEPOSED);
  });

  test('while a lease runs nobody else leads, and its holder goes on', async () => {
    await using made = await open();
    const { store } = made;
    expect(await store.lead('a', LONG_MS)).toMatchObject({ epoch: 1 });
    expect(await store.lead('b', LONG_MS)).toBeUndefined();
    expect(await store.leadership()).toEqual({ epoch: 1, holder: 'a', isHeld: true });
    await store.append({ seq: 1, epoch: 1, events: [submitted('t', 1)] });
    expect(await store.tasks({ limit: 10 })).toHaveLength(1);
  });

  test('a lease that is over is free, and until another takes it its holder may append and renew it', async () => {
    await using made = await open();
    const { store } = made;
    await take(store, 'a');
    expect(await store.leadership()).toEqual({ epoch: 1, holder: 'a', isHeld: false });
    await store.append({ seq: 1, epoch: 1, events: [submitted('t', 1)] });
    await store.renew(1, LONG_MS);
    expect(await store.leadership()).toEqual({ epoch: 1, holder: 'a', isHeld: true });
    expect(await store.lead('b', LONG_MS)).toBeUndefined();
    await store.renew(1, 0);
    expect(await store.lead('b', LONG_MS)).toMatchObject({ epoch: 2, seq: 1 });
  });

  test('who gave leadership back is followed at once, and has nothing to give back then', async () => {
    await using made = await open();
    const { store } = made;
    await store.lead('a', LONG_MS);
    await store.resign(1);
    expect(await store.lead('b', LONG_MS)).toMatchObject({ epoch: 2 });
    await expect(store.renew(1, LONG_MS)).rejects.toMatchObject({
      ...DEPOSED,
      message: expect.stringContaining('b leads'),
    });
    await expect(store.resign(1)).rejects.toMatchObject(DEPOSED);
    await expect(store.append({ seq: 1, epoch: 1, events: [] })).rejects.toMatchObject(DEPOSED);
    expect(await store.leadership()).toEqual({ epoch: 2, holder: 'b', isHeld: true });
  });

  test('its holder may take it again, with the next epoch', async () => {
    await using made = await open();
    const { store } = made;
    await store.lead('a', LONG_MS);
    expect(await store.lead('a', LONG_MS)).toMatchObject({ epoch: 2 });
    await expect(store.append({ seq: 1, epoch: 1, events: [] })).rejects.toMatchObject(DEPOSED);
  });

  test('a lease is renewed while rows are appended, and neither stops the other', async () => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    const calls = Array.from({ length: 100 }, (_, n) => [
      store.append(leader.row(submitted(`t-${n}`, n + 1))),
      store.renew(1, LONG_MS),
    ]);
    await Promise.all(calls.flat());
    expect(await store.tasks({ limit: 1_000 })).toHaveLength(100);
    expect(await store.leadership()).toEqual({ epoch: 1, holder: 'a', isHeld: true });
  });

  test('of many who would lead at the same moment one does', async () => {
    await using made = await open();
    const { store } = made;
    const all = await Promise.all(['a', 'b', 'c', 'd'].map((holder) => store.lead(holder, LONG_MS)));
    expect(all.filter((recovered) => recovered !== undefined)).toHaveLength(1);
  });
}

/** What a store forgets that keeps a journal. */
export function trimmingContract(name: string, open: Open): void {
  describe(`${name} store, trimmed`, () => {
    test('of rows that the tables have the last is kept, and the journal goes on behind it', async () => {
      await using made = await open();
      const { store } = made;
      const leader = await leadAs(store, 'a');
      const rows = [1, 2, 3, 4].map((n) => leader.row(submitted(`t-${n}`, n)));
      for (const row of rows.slice(0, 3)) await store.append(row);
      expect(await store.tasks({ limit: 10 })).toHaveLength(3);
      expect(await store.trim(LONG_MS)).toBe(0);
      expect(await store.trim(OF_ANY_AGE_MS)).toBe(2);
      expect(await store.trim(OF_ANY_AGE_MS)).toBe(0);
      expect(await store.rows(2, 10)).toEqual(rows.slice(2, 3));
      for (const row of rows.slice(3)) await store.append(row);
      expect(await store.tasks({ limit: 10 })).toHaveLength(4);
      expect(await take(store, 'b')).toMatchObject({ seq: 4, tail: [] });
    });

    test('a read of the journal ends where the rows are large together, and has one at least', async () => {
      await using made = await open();
      const { store } = made;
      const leader = await leadAs(store, 'a');
      const large = (n: number) => {
        const event = submitted(`t-${n}`, n);
        return { ...event, task: { ...event.task, payload: 'x'.repeat(LIMITS.bytesPerRead * 0.6) } };
      };
      const rows = [1, 2, 3].map((n) => leader.row(large(n))).concat(leader.row(submitted('t-4', 4)));
      for (const row of rows) await store.append(row);
      expect(await store.rows(0, 10)).toEqual(rows.slice(0, 1));
      expect(await store.rows(2, 10)).toEqual(rows.slice(2, 4));
      expect(await store.rows(4, 10)).toEqual([]);
    });

    test('who asks for rows that were trimmed is told so, with the first that there is', async () => {
      await using made = await open();
      const { store } = made;
      const leader = await leadAs(store, 'a');
      for (const n of [1, 2, 3]) await store.append(leader.row(submitted(`t-${n}`, n)));
      expect(await store.tasks({ limit: 10 })).toHaveLength(3);
      await store.trim(OF_ANY_AGE_MS);
      for (const limit of [0, 10]) {
        await expect(store.rows(1, limit)).rejects.toMatchObject({
          code: 'NOT_REPLAYABLE',
          message: expect.stringMatching(/Row 2 .*begins with row 3/),
        });
      }
    });

    test('before anybody led, it says so whatever it is asked', async () => {
      await using made = await open();
      const { store } = made;
      const calls = [store.known(['t']), store.rows(0, 1), store.trim(LONG_MS), store.agents()];
      for (const { message } of await Promise.all(calls.map(rejection))) {
        expect(message).toContain('nobody has led it yet');
      }
    });
  });
}
