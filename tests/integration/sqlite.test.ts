import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, stat, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { NO_MIGRATIONS } from 'kysely';
import { expect, test } from 'vitest';
import { pack } from '#rota/protocol/codec.js';
import type { JournalRow } from '#rota/protocol/journal.js';
import { createMigrator } from '#rota/store/migrations/index.js';
import { openSqlite } from '#rota/store/sqlite.js';
import { Connection, SQLITE_TYPES } from '#rota/store/sqlite-connection.js';
import { SqliteJournal } from '#rota/store/sqlite-journal.js';
import { expectAnswers } from '../contract/store.contract.js';
import { submitted } from '../support/events.js';
import { rowHistory } from '../support/histories.js';
import { Replay } from '../support/replay.js';
import { appendAll, leadAs, temporaryFolder } from '../support/stores.js';

test('what was acknowledged is there after the process was killed', async () => {
  await using folder = await temporaryFolder();
  const path = folder.file('rota.db');
  let acknowledged = 0;
  for (const [round, stopAfter] of [3, 40, 200].entries()) {
    acknowledged = await killAfterAcknowledged(path, stopAfter);
    const store = await openSqlite({ path });
    const recovered = await store.lead('reader');
    expect(recovered.epoch).toBe(2 * round + 2);
    expect(recovered.seq).toBeGreaterThanOrEqual(acknowledged);
    expect(store.materialisedSeq).toBe(recovered.seq);
    const ids = Array.from({ length: recovered.seq }, (_, n) => `task-${n + 1}`);
    expect((await store.known(ids)).size).toBe(recovered.seq);
    await store.close();
  }
});

test('rows that the tables lack are the tail, and the tables catch up from it', async () => {
  await fc.assert(
    fc.asyncProperty(rowHistory(80), fc.nat(40), async (rows, materialised) => {
      await using folder = await temporaryFolder();
      const path = folder.file('rota.db');
      const held = rows.slice(0, materialised);
      const tail = rows.slice(materialised);
      const first = await openSqlite({ path });
      await first.lead('a');
      await appendAll(first, held);
      await first.close();
      appendToJournalAlone(path, tail);

      const next = await openSqlite({ path });
      const images = new Replay(held).images();
      expect(await next.lead('b')).toEqual({ epoch: 2, seq: rows.length, ...images, tail });
      expect(next.materialisedSeq).toBe(rows.length);
      await expectAnswers(next, new Replay(rows));
      await next.close();
    }),
    { numRuns: 15 },
  );
});

test('of two handles on one file the second to lead deposes the first', async () => {
  await using folder = await temporaryFolder();
  const path = folder.file('rota.db');
  const [first, second] = await Promise.all([openSqlite({ path }), openSqlite({ path })]);
  const old = await leadAs(first, 'first');
  await first.append(old.row(submitted('t-1', 1)));
  const now = await leadAs(second, 'second');
  expect(now.recovered).toMatchObject({ epoch: 2, seq: 1 });
  await expect(first.append(old.row(submitted('t-2', 2)))).rejects.toMatchObject({
    code: 'DEPOSED',
    message: expect.stringContaining('second leads with epoch 2'),
  });
  await second.append(now.row(submitted('t-3', 2)));
  const ids = (await second.tasks({ limit: 10 })).map((task) => task.id);
  expect(ids).toEqual(['t-3', 't-1']);
  expect((await first.tasks({ limit: 10 })).map((task) => task.id)).toEqual(ids);
  await Promise.all([first.close(), second.close()]);
});

test('migrations go up, down and up again to the same schema', async () => {
  await using folder = await temporaryFolder();
  const connection = new Connection(folder.file('rota.db'));
  const migrator = createMigrator(connection.db, SQLITE_TYPES);
  const schema = () =>
    connection.raw
      .prepare(
        "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'kysely%' AND name NOT LIKE 'sqlite%' ORDER BY name",
      )
      .all([]);
  expect((await migrator.migrateToLatest()).error).toBeUndefined();
  const up = schema();
  expect(up.length).toBeGreaterThan(10);
  expect((await migrator.migrateTo(NO_MIGRATIONS)).error).toBeUndefined();
  expect(schema()).toEqual([]);
  expect((await migrator.migrateToLatest()).error).toBeUndefined();
  expect(schema()).toEqual(up);
  connection.close();
});

test('a schema of a newer version is refused and left as it is', async () => {
  await using folder = await temporaryFolder();
  const path = folder.file('rota.db');
  const store = await openSqlite({ path });
  await store.lead('a');
  const connection = new Connection(path);
  connection.raw.exec("INSERT INTO kysely_migration (name, timestamp) VALUES ('9999_later', '')");
  await expect(store.lead('b')).rejects.toMatchObject({
    code: 'SCHEMA_MISMATCH',
    message: expect.stringContaining('9999_later'),
  });
  expect(connection.raw.prepare('SELECT epoch FROM leadership').all([])).toEqual([{ epoch: 1 }]);
  connection.close();
  await store.close();
});

test('a batch that fails fails who waits for it, and is tried again', async () => {
  await using folder = await temporaryFolder();
  const path = folder.file('rota.db');
  const store = await openSqlite({ path });
  const leader = await leadAs(store, 'a');
  const connection = new Connection(path);
  connection.raw.exec('ALTER TABLE tasks RENAME TO hidden');
  await store.append(leader.row(submitted('t', 1)));
  await expect(store.tasks({ limit: 10 })).rejects.toMatchObject({ code: 'STORE_FAILED' });
  await store.append(leader.row(submitted('t-2', 2)));
  connection.raw.exec('ALTER TABLE hidden RENAME TO tasks');
  connection.close();
  await expect.poll(() => store.tasks({ limit: 10 }).catch(() => [])).toHaveLength(2);
  await store.close();
});

test('a file that is no database is named, and so is the reason', async () => {
  await using folder = await temporaryFolder();
  const path = folder.file('notes.txt');
  await writeFile(path, 'These are my notes, and no database at all.\n'.repeat(200));
  await expect(openSqlite({ path })).rejects.toMatchObject({
    code: 'STORE_FAILED',
    message: expect.stringMatching(/notes\.txt.*not a database/),
  });
});

test('a database with a damaged page is named when it is led', async () => {
  await using folder = await temporaryFolder();
  const path = folder.file('rota.db');
  const store = await openSqlite({ path });
  await store.lead('a');
  await store.close();
  const { size } = await stat(path);
  const connection = new Connection(path);
  const [page] = connection.raw.prepare('PRAGMA page_size').all([]) as { page_size: number }[];
  connection.close();
  const file = await open(path, 'r+');
  const from = page?.page_size ?? 0;
  await file.write(Buffer.alloc(size - from, 0xa5), 0, size - from, from);
  await file.close();
  const opened = openSqlite({ path }).then(async (again) => {
    await again.lead('b').finally(() => again.close());
  });
  await expect(opened).rejects.toMatchObject({
    code: 'STORE_FAILED',
    message: expect.stringMatching(/rota\.db.*malformed/),
  });
});

test('a path that cannot be made or opened is named, and so is the reason', async () => {
  await using folder = await temporaryFolder();
  await writeFile(folder.file('file'), '');
  await expect(openSqlite({ path: folder.file('file/below/rota.db') })).rejects.toMatchObject({
    code: 'STORE_FAILED',
    message: expect.stringMatching(/file\/below\/rota\.db.*ENOTDIR/),
  });
  await mkdir(folder.file('folder'));
  await expect(openSqlite({ path: folder.file('folder') })).rejects.toMatchObject({
    code: 'STORE_FAILED',
    message: expect.stringMatching(/\/folder.*[Uu]nable to open/),
  });
});

test('an empty file that nobody has led says so when it is read', async () => {
  await using folder = await temporaryFolder();
  const store = await openSqlite({ path: folder.file('new/folder/rota.db') });
  await expect(store.tasks({ limit: 1 })).rejects.toMatchObject({
    code: 'STORE_FAILED',
    message: expect.stringContaining('nobody has led it yet'),
  });
  await store.close();
});

/** As a process leaves it that dies between an append and the tables. */
function appendToJournalAlone(path: string, rows: readonly JournalRow[]): void {
  const connection = new Connection(path);
  const journal = new SqliteJournal(connection);
  for (const { seq, epoch, events } of rows) journal.append(seq, epoch, pack(events));
  connection.close();
}

/** Runs a process that appends, kills it once it said that many are acknowledged, and returns the last it said. */
async function killAfterAcknowledged(path: string, stopAfter: number): Promise<number> {
  const script = fileURLToPath(new URL('../support/store-writer.mjs', import.meta.url));
  const writer = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(writer, 'exit');
  let last = 0;
  let lines = 0;
  for await (const line of createInterface({ input: writer.stdout })) {
    last = Number(line);
    if (++lines === stopAfter) writer.kill('SIGKILL');
  }
  await exited;
  return last;
}
