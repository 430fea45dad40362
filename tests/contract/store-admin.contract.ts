import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { StoreAdmin } from '#rota/store/admin.js';
import type { Store } from '#rota/store/store.js';
import { assigned, completed, registered, submitted } from '../support/events.js';
import { rowHistory } from '../support/histories.js';
import { appendAll, leadAs, take } from '../support/stores.js';

/** A database of a test's own, seen as a coordinator, as an operator and as its administrator sees it. */
export interface AdminUnderTest extends AsyncDisposable {
  store(): Promise<Store>;
  admin(): Promise<StoreAdmin>;
  exec(sql: string): Promise<void>;
  /** Everything that the database has of tables, columns, constraints and indexes, in words. */
  schema(): Promise<readonly unknown[]>;
}

/** Values of the first row of each table that would be wrong. */
const DAMAGE: Record<string, string> = {
  pools: 'last_order = last_order + 1',
  rotations: 'cursor = cursor + 1',
  agents: "presence = 'offline'",
  agent_performance: 'success_count = success_count + 1',
  tasks: 'attempt = attempt + 1',
  attempts: "reason = 'another'",
  routing_decisions: 'candidates = candidates + 1',
};

/** What operators may do with each store that is on disk. */
export function storeAdminContract(name: string, runs: number, open: () => Promise<AdminUnderTest>): void {
  describe(`looking after a ${name} store`, () => {
    migrating(open);
    verifying(open, runs);
    notWhole(open);
  });
}

function migrating(open: () => Promise<AdminUnderTest>): void {
  test('up, down and up again leave no trace', async () => {
    await using made = await open();
    const empty = await made.schema();
    await (await made.store()).close();
    const admin = await made.admin();
    const up = await admin.migrateUp();
    expect(up.length).toBeGreaterThan(2);
    const full = await made.schema();
    expect(await admin.migrateUp()).toEqual([]);
    expect(await admin.migrateDown('all')).toEqual(up.toReversed());
    expect(await made.schema()).toEqual(empty);
    expect(await admin.migrateDown('all')).toEqual([]);
    expect(await admin.migrateUp()).toEqual(up);
    expect(await made.schema()).toEqual(full);
    await admin.close();
  });

  test('one step down and up again, and tasks are still there', async () => {
    await using made = await open();
    const store = await made.store();
    const leader = await leadAs(store, 'a');
    await store.append(leader.row(registered('ann'), submitted('t', 1), assigned('t', 'ann'), completed('t', 'ann')));
    const before = await store.task('t');
    await store.close();
    const admin = await made.admin();
    const [last] = await admin.migrateDown('last');
    const states = await admin.migrations();
    expect(states.at(-1)).toEqual({ name: last, state: 'pending' });
    await expect(openAndLead(made)).rejects.toMatchObject({
      code: 'SCHEMA_MISMATCH',
      message: expect.stringContaining(`lacks the migration ${last}`),
    });
    expect(await admin.migrateUp()).toEqual([last]);
    expect((await admin.migrations()).every(({ state }) => state === 'applied')).toBe(true);
    await admin.close();
    const again = await made.store();
    expect(await take(again, 'b')).toMatchObject({ epoch: 2, seq: 1 });
    expect(await again.task('t')).toEqual(before);
    await again.close();
  });

  test('rows that a step finds without an age are as young as the step', async () => {
    await using made = await open();
    const store = await made.store();
    const leader = await leadAs(store, 'a');
    const rows = [1, 2].map((n) => leader.row(submitted(`t-${n}`, n)));
    await appendAll(store, rows);
    expect(await store.tasks({ limit: 10 })).toHaveLength(2);
    await store.close();
    const admin = await made.admin();
    // Back to before rows had one.
    while ((await admin.migrations()).some(({ name, state }) => name === '0003_failover' && state === 'applied')) {
      await admin.migrateDown('last');
    }
    await admin.migrateUp();
    await admin.close();
    const again = await made.store();
    expect(await again.trim(3_600_000)).toBe(0);
    expect(await again.rows(0, 10)).toEqual(rows);
    await again.close();
  });

  test('a step that this version does not know is named, and nothing is touched', async () => {
    await using made = await open();
    await openAndLead(made);
    await made.exec("INSERT INTO kysely_migration (name, timestamp) VALUES ('9999_later', '')");
    const admin = await made.admin();
    expect((await admin.migrations()).at(-1)).toEqual({ name: '9999_later', state: 'unknown' });
    const mismatch = { code: 'SCHEMA_MISMATCH', message: expect.stringContaining('9999_later') };
    await expect(openAndLead(made)).rejects.toMatchObject(mismatch);
    await expect(admin.migrateUp()).rejects.toMatchObject(mismatch);
    await expect(admin.migrateDown('all')).rejects.toMatchObject(mismatch);
    await expect(admin.verify(() => {})).rejects.toMatchObject(mismatch);
    await admin.close();
  });

  test('nothing is migrated under a coordinator that leads', async () => {
    await using made = await open();
    const store = await made.store();
    const led = await store.lead('a', 60_000);
    const admin = await made.admin();
    const refused = { code: 'UNAVAILABLE', message: expect.stringContaining('The coordinator a leads this store') };
    await expect(admin.migrateDown('last')).rejects.toMatchObject(refused);
    await store.resign(led?.epoch ?? 0);
    expect(await admin.migrateDown('last')).toHaveLength(1);
    await admin.close();
    await store.close();
  });
}

function verifying(open: () => Promise<AdminUnderTest>, runs: number): void {
  test('after any history the tables are what the journal says', async () => {
    await fc.assert(
      fc.asyncProperty(rowHistory(40), async (rows) => {
        await using made = await open();
        const store = await made.store();
        await take(store, 'a');
        await appendAll(store, rows);
        await store.tasks({ limit: 1 });
        const admin = await made.admin();
        const { seq, tables } = await admin.verify(() => {});
        expect(seq).toBe(rows.length);
        expect(tables.filter(({ differing }) => differing > 0)).toEqual([]);
        await admin.close();
        await store.close();
      }),
      { numRuns: runs },
    );
  });

  test('each table that was tampered with is named, with the row and the column', async () => {
    await using made = await open();
    const store = await made.store();
    const leader = await leadAs(store, 'a');
    await store.append(leader.row(registered('ann'), submitted('t', 1), assigned('t', 'ann'), completed('t', 'ann')));
    await store.append(leader.row(submitted('t-2', 2), submitted('t-3', 3)));
    await store.tasks({ limit: 1 });
    for (const [table, values] of Object.entries(DAMAGE)) await made.exec(`UPDATE ${table} SET ${values}`);
    await made.exec("DELETE FROM tasks WHERE id = 't-2'");
    await made.exec("UPDATE tasks SET id = 't-9' WHERE id = 't-3'");
    const admin = await made.admin();
    const { tables } = await admin.verify(() => {});
    const differing = tables.filter((table) => table.differing > 0);
    expect(differing.map(({ table }) => table).sort()).toEqual(Object.keys(DAMAGE).sort());
    expect(differing.find(({ table }) => table === 'tasks')?.differences).toEqual(
      expect.arrayContaining([
        { key: 't', problem: 'differs', columns: ['attempt'] },
        { key: 't-2', problem: 'missing' },
        { key: 't-3', problem: 'missing' },
        { key: 't-9', problem: 'unexpected' },
      ]),
    );
    await admin.close();
    await store.close();
  });

  test('a table of many pages is compared to its end', async () => {
    await using made = await open();
    const store = await made.store();
    const leader = await leadAs(store, 'a');
    const many = Array.from({ length: 1_203 }, (_, i) => submitted(`t-${i}`, i + 1));
    await store.append(leader.row(...many));
    await store.tasks({ limit: 1 });
    await made.exec("UPDATE tasks SET priority = 5 WHERE id IN ('t-0', 't-999')");
    await made.exec("DELETE FROM tasks WHERE id = 't-7'");
    const admin = await made.admin();
    const tasks = (await admin.verify(() => {})).tables.find(({ table }) => table === 'tasks');
    expect(tasks).toMatchObject({ rows: 1_202, differing: 3 });
    await admin.close();
    await store.close();
  });

  test('a journal that was trimmed cannot say', async () => {
    await using made = await open();
    const store = await made.store();
    const leader = await leadAs(store, 'a');
    await store.append(leader.row(submitted('t', 1)));
    await store.append(leader.row(submitted('t-2', 2)));
    await store.tasks({ limit: 1 });
    await made.exec('DELETE FROM journal WHERE seq = 1');
    const admin = await made.admin();
    await expect(admin.verify(() => {})).rejects.toMatchObject({ code: 'NOT_REPLAYABLE' });
    await admin.close();
    await store.close();
  });
}

function notWhole(open: () => Promise<AdminUnderTest>): void {
  const damages = {
    'lacks a row that the tables have': 'DELETE FROM journal WHERE seq = 2',
    'lacks a row that the tables lack too': 'DELETE FROM journal WHERE seq = 5',
    'lacks the last rows that the tables have': 'DELETE FROM journal WHERE seq > 2',
    'has a row of an older epoch': 'UPDATE journal SET epoch = 0 WHERE seq = 3',
  };

  /** Six rows of the journal, of which the tables have four. */
  async function written(made: AdminUnderTest) {
    const store = await made.store();
    const leader = await leadAs(store, 'a');
    const row = (n: number) => leader.row(submitted(`t-${n}`, n));
    for (const n of [1, 2, 3, 4]) await store.append(row(n));
    expect(await store.tasks({ limit: 10 })).toHaveLength(4);
    await made.exec('ALTER TABLE tasks RENAME TO hidden');
    for (const n of [5, 6]) await store.append(row(n));
    await expect(store.tasks({ limit: 10 })).rejects.toMatchObject({ code: 'STORE_FAILED' });
    return store;
  }

  test.each(Object.entries(damages))('a journal that %s is not said to be fine', async (_what, damage) => {
    await using made = await open();
    const store = await written(made);
    await made.exec(damage);
    const admin = await made.admin();
    await expect(admin.verify(() => {})).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringContaining('The journal is not whole'),
    });
    await admin.close();
    await store.close();
  });

  test('where a row is missing nothing behind it reaches the tables, and nobody leads', async () => {
    await using made = await open();
    const store = await written(made);
    await made.exec('DELETE FROM journal WHERE seq = 5');
    await made.exec('ALTER TABLE hidden RENAME TO tasks');
    const missing = { code: 'STORE_FAILED', message: expect.stringContaining('row 5 is missing before row 6') };
    await expect(store.tasks({ limit: 10 })).rejects.toMatchObject(missing);
    await expect(take(store, 'b')).rejects.toMatchObject(missing);
    expect(store.materialisedSeq).toBe(4);
    await store.close();
  });

  test('where the last rows are lost the next leader goes on behind those that there are', async () => {
    await using made = await open();
    const store = await written(made);
    await made.exec('DELETE FROM journal WHERE seq > 4');
    await made.exec('ALTER TABLE hidden RENAME TO tasks');
    const next = await leadAs(store, 'b');
    expect(next.recovered).toMatchObject({ seq: 4 });
    await store.append(next.row(submitted('t-7', 5)));
    expect(await store.tasks({ limit: 10 })).toHaveLength(5);
    expect((await store.known(['t-7'])).size).toBe(1);
    await store.close();
  });
}

/** As a coordinator does when it starts. */
async function openAndLead(made: AdminUnderTest): Promise<void> {
  const store = await made.store();
  try {
    await take(store, 'z');
  } finally {
    await store.close();
  }
}
