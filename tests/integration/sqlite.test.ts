import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, stat, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { NO_MIGRATIONS } from 'kysely';
import { expect, test } from 'vitest';
import { pack } from '#rota/protocol/codec.js';
import type { JournalRow } from '#rota/protocol/journal.js';
import { createMigrator, migrateUp } from '#rota/store/migrations/index.js';
import { openSqlite } from '#rota/store/sqlite.js';
import { openSqliteAdmin } from '#rota/store/sqlite-admin.js';
import { Connection, SQLITE_TYPES } from '#rota/store/sqlite-connection.js';
import { SqliteJournal } from '#rota/store/sqlite-journal.js';
import { expectAnswers } from '../contract/store.contract.js';
import { assigned, completed, deregistered, registered, submitted } from '../support/events.js';
import { rowHistory } from '../support/histories.js';
import { Replay } from '../support/replay.js';
import { appendAll, leadAs, take, temporaryFolder } from '../support/stores.js';

test('what was acknowledged is there after the process was killed', async () => {
  await using folder = await temporaryFolder();
  const path = folder.file('rota.db');
  let acknowledged = 0;
  for (const [round, stopAfter] of [3, 40, 200].entries()) {
    acknowledged = await killAfterAcknowledged(path, stopAfter);
    const store = await openSqlite({ path });
    const recovered = await take(store, 'reader');
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
      await take(first, 'a');
      await appendAll(first, held);
      await first.close();
      appendToJournalAlone(path, tail);

      const next = await openSqlite({ path });
      const images = new Replay(held).images();
      expect(await take(next, 'b')).toEqual({ epoch: 2, seq: rows.length, ...images, tail });
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

test('several may open a new file at the same moment', async () => {
  await using folder = await temporaryFolder();
  for (let file = 0; file < 20; file++) {
    const path = folder.file(`new-${file}.db`);
    const stores = await Promise.all([1, 2, 3].map(() => openSqlite({ path })));
    await Promise.all(stores.map((store) => store.close()));
  }
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

test('the second migration goes up, down and up again, and rows that were there before come through', async () => {
  await using folder = await temporaryFolder();
  const connection = new Connection(folder.file('rota.db'));
  const migrator = createMigrator(connection.db, SQLITE_TYPES);
  const migrateTo = async (name: string) => expect((await migrator.migrateTo(name)).error).toBeUndefined();
  const all = (query: string) => connection.raw.prepare(query).all([]);
  const schema = () => all("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'kysely%' ORDER BY name");
  await migrateTo('0001_initial');
  const first = schema();
  connection.raw.exec(`
    INSERT INTO pools VALUES ('alpha', 7, 1), ('beta', -1, 0);
    INSERT INTO agents VALUES ('ann', 'alpha', 's', 'bot', '[]', 1, 0, 0, 'online', 77);
    INSERT INTO agent_totals VALUES ('ann', 1, 0);
    INSERT INTO tasks SELECT 't', 'alpha', 'deploy', '[]', 3, 'null', 3, 0, NULL, 'client', 'end', 1, NULL, NULL, NULL,
      'completed', 1, 1, 'ann', NULL, 'null', NULL, 0, 2.5, 80, 90, 100, 100;
    INSERT INTO attempts VALUES ('t', 1, 1, 'ann', 'round-robin', 'next', 1, 'completed', NULL, 90, 100);`);
  await migrateTo('0002_selection');
  const second = schema();
  const performance = [
    { agent_id: 'ann', work_type: 'deploy', success_count: 1, failure_count: 0, total_duration_ms: 2.5 },
  ];
  const query = 'SELECT agent_id, work_type, success_count, failure_count, total_duration_ms FROM agent_performance';
  expect(all(query)).toEqual(performance);
  const agent = { id: 'ann', enabled: 1, roles: '[]', created_at_ms: 77, updated_at_ms: 77, embedding: null };
  expect(all('SELECT * FROM agents')).toMatchObject([agent]);
  const rotations = [{ pool: 'alpha', rotation: '', cursor: 7 }];
  expect(all('SELECT * FROM rotations')).toEqual(rotations);
  connection.raw.exec("INSERT INTO rotations VALUES ('beta', 'sql|', 3)");
  await migrateTo('0001_initial');
  expect(schema()).toEqual(first);
  expect(all('SELECT * FROM pools ORDER BY pool')).toEqual([
    { pool: 'alpha', cursor: 7, last_order: 1 },
    { pool: 'beta', cursor: -1, last_order: 0 },
  ]);
  expect(all('SELECT * FROM agent_totals')).toEqual([{ agent_id: 'ann', completed: 1, failed: 0 }]);
  await migrateTo('0002_selection');
  expect(schema()).toEqual(second);
  expect(all(query)).toEqual(performance);
  expect(all('SELECT * FROM rotations')).toEqual(rotations);
  connection.close();
});

test('the database itself sees to what refers to an agent', async () => {
  await using folder = await temporaryFolder();
  const path = folder.file('rota.db');
  const store = await openSqlite({ path });
  const leader = await leadAs(store, 'a');
  await store.append(leader.row(registered('ann'), submitted('t', 1), assigned('t', 'ann'), completed('t', 'ann')));
  expect(await store.performance({ limit: 10 })).toHaveLength(1);
  const connection = new Connection(path);
  const { raw } = connection;
  const orphan = "UPDATE routing_decisions SET selected_agent_id = 'nobody'";
  expect(() => raw.exec(orphan)).toThrow(/FOREIGN KEY/);
  raw.exec('DELETE FROM agents');
  expect(raw.prepare('SELECT count(*) AS n FROM agent_performance').all([])).toEqual([{ n: 0 }]);
  expect(raw.prepare('SELECT agent_id, selected_agent_id FROM routing_decisions').all([])).toEqual([
    { agent_id: 'ann', selected_agent_id: null },
  ]);
  connection.close();
  await store.close();
});

test('what is asked of decisions is found by an index, in its order', async () => {
  await using folder = await temporaryFolder();
  const connection = new Connection(folder.file('rota.db'));
  await migrateUp(connection.db, SQLITE_TYPES);
  const plan = (query: string) =>
    (connection.raw.prepare(`EXPLAIN QUERY PLAN ${query}`).all([]) as { detail: string }[]).map((row) => row.detail);
  const newest = 'ORDER BY created_at_ms DESC, id DESC LIMIT 100';
  const history = `SELECT task_id FROM routing_decisions WHERE agent_pool = 'p'
    AND (seq, position) > (1, 2) ORDER BY seq DESC, position DESC LIMIT 1000`;
  for (const query of [
    `SELECT * FROM routing_decisions ${newest}`,
    `SELECT * FROM routing_decisions WHERE task_id = 't'`,
    `SELECT * FROM routing_decisions WHERE work_type = 'w' ${newest}`,
    `SELECT * FROM routing_decisions WHERE agent_pool = 'p' ${newest}`,
    `SELECT * FROM routing_decisions WHERE selected_agent_id = 'a' ${newest}`,
    `SELECT * FROM routing_decisions WHERE selected_agent_id IS NULL AND agent_id = 'a' ${newest}`,
    `SELECT * FROM routing_decisions WHERE agent_pool = 'p' AND created_at_ms >= 1 ${newest}`,
    history,
  ]) {
    expect(plan(query)).toEqual([expect.stringMatching(/USING (COVERING )?INDEX/)]);
  }
  connection.close();
});

test('an agent that registers again keeps the time of its creation; one that was deregistered does not', async () => {
  await using folder = await temporaryFolder();
  const path = folder.file('rota.db');
  const store = await openSqlite({ path });
  const leader = await leadAs(store, 'a');
  const connection = new Connection(path);
  const times = async () => {
    await store.agents();
    return connection.raw.prepare('SELECT created_at_ms, registered_at_ms, updated_at_ms FROM agents').all([]);
  };
  const seen = (atMs: number) => registered('ann', 0, { atMs });
  await store.append(leader.row(seen(1)));
  expect(await times()).toEqual([{ created_at_ms: 1, registered_at_ms: 1, updated_at_ms: 1 }]);
  await store.append(leader.row(seen(2), seen(3)));
  await store.append(leader.row({ type: 'agentFlagged', atMs: 4, agentId: 'ann', flag: 'cordoned', isSet: true }));
  expect(await times()).toEqual([{ created_at_ms: 1, registered_at_ms: 3, updated_at_ms: 4 }]);
  await store.append(leader.row(seen(5), deregistered('ann'), seen(6), seen(7)));
  expect(await times()).toEqual([{ created_at_ms: 6, registered_at_ms: 7, updated_at_ms: 7 }]);
  connection.close();
  await store.close();
});

test('rows of the journal are given back in order, from any place, as many as asked for', async () => {
  await fc.assert(
    fc.asyncProperty(rowHistory(40), fc.nat(20), fc.integer({ min: 1, max: 20 }), async (rows, after, limit) => {
      await using folder = await temporaryFolder();
      const store = await openSqlite({ path: folder.file('rota.db') });
      await take(store, 'a');
      await appendAll(store, rows);
      expect(await store.rows(after, limit)).toEqual(rows.slice(after, after + limit));
      await store.close();
    }),
    { numRuns: 10 },
  );
});

test('a schema of a newer version is refused and left as it is', async () => {
  await using folder = await temporaryFolder();
  const path = folder.file('rota.db');
  const store = await openSqlite({ path });
  await take(store, 'a');
  const connection = new Connection(path);
  connection.raw.exec("INSERT INTO kysely_migration (name, timestamp) VALUES ('9999_later', '')");
  await expect(take(store, 'b')).rejects.toMatchObject({
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
  await take(store, 'a');
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
    await take(again, 'b').finally(() => again.close());
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
  for (const { seq, epoch, events } of rows) journal.append(seq, epoch, pack(events), 0);
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

test('a file that is no store is looked at, and not changed', async () => {
  await using folder = await temporaryFolder();
  const path = folder.file('other.db');
  const other = new Connection(path, 'as found');
  other.raw.exec('CREATE TABLE other (id integer)');
  other.close();
  const before = await readFile(path);
  const admin = await openSqliteAdmin({ path });
  expect((await admin.migrations()).every(({ state }) => state === 'pending')).toBe(true);
  expect(await admin.verify(() => {})).toEqual({ seq: 0, tables: [] });
  await admin.close();
  expect(await readFile(path)).toEqual(before);
});

test('the journal is read ahead by bytes, and one row at least', async () => {
  await using folder = await temporaryFolder();
  const path = folder.file('rota.db');
  const store = await openSqlite({ path });
  const leader = await leadAs(store, 'a');
  const rows = [1, 2, 3, 4].map((n) => leader.row(submitted(`t-${n}`, n, { payload: 'x'.repeat(n * 1_000) })));
  await appendAll(store, rows);
  await store.close();
  const connection = new Connection(path);
  const journal = new SqliteJournal(connection);
  expect(journal.after(0, 10, 5_000)).toEqual(rows.slice(0, 2));
  expect(journal.after(0, 1, 5_000)).toEqual(rows.slice(0, 1));
  expect(journal.after(2, 10, 10)).toEqual(rows.slice(2, 3));
  expect(journal.after(4, 10, 10)).toEqual([]);
  expect(journal.after(0, -1)).toEqual(rows);
  connection.close();
});
