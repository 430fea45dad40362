import type { NO_MIGRATIONS } from 'kysely';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#rota/clock.js';
import { createMigrator, migrateDown } from '#rota/store/migrations/index.js';
import { openStore, storePlace } from '#rota/store/open.js';
import { openAdmin } from '#rota/store/open-admin.js';
import { openPostgres } from '#rota/store/postgres.js';
import { openPostgresAdmin } from '#rota/store/postgres-admin.js';
import { Connections } from '#rota/store/postgres-connections.js';
import { rowsAfter } from '#rota/store/postgres-journal.js';
import { execute, PASSWORD, type PrivatePostgres, startPrivatePostgres } from '../../scripts/private-postgres.mjs';
import { assigned, completed, registered, submitted } from '../support/events.js';
import { rejection } from '../support/signals.js';
import { appendAll, leadAs, take } from '../support/stores.js';

let postgres: PrivatePostgres;
beforeAll(async () => {
  postgres = await startPrivatePostgres({ fsync: false });
});
afterAll(() => postgres[Symbol.asyncDispose]());

test('it says where it is, and never how it logs in', async () => {
  const url = await postgres.createDatabase();
  const place = `127.0.0.1:${postgres.port}/${url.split('/').at(-1)}`;
  const store = await openStore(url);
  expect(store.description).toBe(`postgres (${place}, synchronous_commit=on)`);
  expect(storePlace(url)).toBe(`postgres://${place}`);
  const empty = await rejection(store.tasks({ limit: 1 }));
  expect(empty).toMatchObject({ code: 'STORE_FAILED', message: expect.stringContaining('nobody has led it yet') });
  expect(empty.message).toContain(place);
  await store.close();

  const wrong = url.replace(PASSWORD, 'another-secret');
  const refused = await rejection(openPostgres({ url: wrong }));
  expect(refused).toMatchObject({ code: 'STORE_FAILED', message: expect.stringContaining('authentication failed') });
  const nobody = await rejection(openPostgres({ url: url.replace(String(postgres.port), '1') }));
  expect(nobody).toMatchObject({ code: 'STORE_FAILED', message: expect.stringContaining('ECONNREFUSED') });
  const noAddress = await rejection(openPostgres({ url: url.replace(String(postgres.port), 'port') }));
  expect(noAddress).toMatchObject({ code: 'INVALID_VALUE', message: expect.stringContaining('postgres://user:') });
  const noDriver = await rejection(openStore(url.replace('postgres', 'mysql')));
  expect(noDriver).toMatchObject({ code: 'INVALID_VALUE', message: expect.stringContaining('mysql://…') });
  for (const { message } of [empty, refused, nobody, noAddress, noDriver]) {
    expect(message).not.toMatch(/not-for-logs|another-secret/);
  }
});

test.each([
  'postgres://user:123/secret@host/db',
  'postgres://user:123?secret@host/db',
  'postgres://user:123#secret@host/db',
  'postgres://user%3Asecret%40host/db',
  'host=host password=secret',
])('an address that may show its password is refused: %s', async (url) => {
  const refused = await rejection(openPostgres({ url }));
  expect(refused).toMatchObject({ code: 'INVALID_VALUE', message: expect.stringContaining('%2F') });
  expect(refused.message).not.toContain('secret');
});

test('a store that has no driver is not looked after either', async () => {
  const refused = await rejection(openAdmin('mysql://user:secret@host/db'));
  expect(refused).toMatchObject({ code: 'INVALID_VALUE' });
  expect(refused.message).not.toContain('secret');
});

test('a store that is refused leaves no connection', async () => {
  const url = await postgres.createDatabase();
  const admin = openPostgresAdmin({ url });
  await admin.migrateUp();
  await admin.migrateDown('last');
  await admin.close();
  await expect(openPostgres({ url })).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
  const connected = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'rota' AND datname = current_database()";
  await expect.poll(() => execute(url, connected), { timeout: 10_000 }).toEqual([]);
});

test('a task is looked up while as many reads are slow as run at once', async () => {
  const url = await postgres.createDatabase();
  const store = await openPostgres({ url });
  const leader = await leadAs(store, 'a');
  await store.append(leader.row(submitted('t-1', 1)));
  expect(await store.tasks({ limit: 10 })).toHaveLength(1);
  const blocker = new Client({ connectionString: url });
  await blocker.connect();
  await blocker.query('BEGIN; LOCK TABLE agents IN ACCESS EXCLUSIVE MODE');
  const slow = Promise.all(Array.from({ length: 3 }, () => rejection(store.agents())));
  const waiting = 'SELECT 1 FROM pg_locks WHERE NOT granted';
  await expect.poll(async () => (await blocker.query(waiting)).rowCount).toBe(3);
  expect((await store.known(['t-1'])).size).toBe(1);
  await slow;
  await blocker.end();
  await store.close();
});

test('its tables are in the first schema of the search_path alone', async () => {
  const url = await postgres.createDatabase();
  await execute(url, 'CREATE SCHEMA apart');
  const here = await openPostgres({ url });
  const apart = await openPostgres({ url: `${url}?options=-csearch_path%3Dapart,public` });
  const first = await leadAs(here, 'a');
  await here.append(first.row(submitted('t-1', 1)));
  await expect(apart.tasks({ limit: 10 })).rejects.toMatchObject({
    message: expect.stringContaining('nobody has led'),
  });
  const other = await leadAs(apart, 'b');
  expect(other.recovered).toMatchObject({ epoch: 1, seq: 0 });
  await apart.append(other.row(submitted('t-2', 1)));
  expect((await here.tasks({ limit: 10 })).map(({ id }) => id)).toEqual(['t-1']);
  expect((await apart.tasks({ limit: 10 })).map(({ id }) => id)).toEqual(['t-2']);
  await Promise.all([here.close(), apart.close()]);
  const nowhere = openPostgres({ url: `${url}?options=-csearch_path%3Dnowhere` });
  await expect(nowhere).rejects.toMatchObject({ message: expect.stringContaining('no schema that there is') });
});

test('migrations go up, down and up again to the same schema, and leave nothing', async () => {
  const url = await postgres.createDatabase();
  const connections = new Connections(url, 'test', systemClock);
  const migrateTo = (target: string | typeof NO_MIGRATIONS) =>
    connections.tables.transact('BEGIN', async (session) => {
      const { error } = await createMigrator(session.kysely(), await session.columnTypes()).migrateTo(target);
      expect(error).toBeUndefined();
    });
  const schemas = [];
  for (const name of ['0001_initial', '0002_selection', '0003_failover']) {
    await migrateTo(name);
    if (name === '0001_initial') await execute(url, "INSERT INTO pools VALUES ('alpha', 7, 1), ('beta', -1, 0)");
    schemas.push(await schemaOf(url));
  }
  expect(await execute(url, 'SELECT pool, rotation, cursor FROM rotations')).toEqual([
    { pool: 'alpha', rotation: '', cursor: '7' },
  ]);
  await migrateTo('0002_selection');
  expect(await schemaOf(url)).toEqual(schemas[1]);
  await migrateTo('0001_initial');
  expect(await schemaOf(url)).toEqual(schemas[0]);
  expect(await execute(url, 'SELECT * FROM pools ORDER BY pool')).toEqual([
    { pool: 'alpha', cursor: '7', last_order: '1' },
    { pool: 'beta', cursor: '-1', last_order: '0' },
  ]);
  await migrateTo('0003_failover');
  expect(await schemaOf(url)).toEqual(schemas[2]);
  const down = await connections.tables.transact('BEGIN', async (session) =>
    migrateDown(session.kysely(), await session.columnTypes(), 'all'),
  );
  expect(down).toHaveLength(3);
  expect(await execute(url, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")).toEqual([]);
  await connections.end();
});

test('a schema of a newer version is refused and left as it is', async () => {
  const url = await postgres.createDatabase();
  const store = await openPostgres({ url });
  await take(store, 'a');
  await execute(url, "INSERT INTO kysely_migration (name, timestamp) VALUES ('9999_later', '')");
  await expect(take(store, 'b')).rejects.toMatchObject({
    code: 'SCHEMA_MISMATCH',
    message: expect.stringContaining('9999_later'),
  });
  expect(await store.leadership()).toMatchObject({ epoch: 1, holder: 'a' });
  await store.close();
});

test('the database itself sees to what refers to an agent', async () => {
  const url = await postgres.createDatabase();
  const store = await openPostgres({ url });
  const leader = await leadAs(store, 'a');
  await store.append(leader.row(registered('ann'), submitted('t', 1), assigned('t', 'ann'), completed('t', 'ann')));
  expect(await store.performance({ limit: 10 })).toHaveLength(1);
  const orphan = execute(url, "UPDATE routing_decisions SET selected_agent_id = 'nobody'");
  await expect(orphan).rejects.toThrow(/foreign key/);
  await execute(url, 'DELETE FROM agents');
  expect(await store.performance({ limit: 10 })).toEqual([]);
  expect(await execute(url, 'SELECT agent_id, selected_agent_id FROM routing_decisions')).toEqual([
    { agent_id: 'ann', selected_agent_id: null },
  ]);
  await store.close();
});

test('a whole number that is not the one that was written is not read', async () => {
  const url = await postgres.createDatabase();
  const store = await openPostgres({ url });
  const leader = await leadAs(store, 'a');
  await store.append(leader.row(submitted('t', 1)));
  expect(await store.tasks({ limit: 10 })).toHaveLength(1);
  await execute(url, 'UPDATE tasks SET created_at_ms = 9007199254740993');
  await expect(store.tasks({ limit: 10 })).rejects.toMatchObject({
    code: 'STORE_FAILED',
    message: expect.stringContaining('9007199254740993'),
  });
  await execute(url, 'UPDATE tasks SET created_at_ms = 9007199254740991');
  expect(await store.tasks({ limit: 10 })).toMatchObject([{ createdAtMs: Number.MAX_SAFE_INTEGER }]);
  await store.close();
});

test('a batch that fails fails who waits for it, is tried again, and its rows are not trimmed', async () => {
  const url = await postgres.createDatabase();
  const store = await openPostgres({ url });
  const leader = await leadAs(store, 'a');
  await store.append(leader.row(submitted('t-1', 1)));
  expect(await store.tasks({ limit: 10 })).toHaveLength(1);
  await execute(url, 'ALTER TABLE tasks RENAME TO hidden');
  for (const n of [2, 3]) await store.append(leader.row(submitted(`t-${n}`, n)));
  await expect(store.tasks({ limit: 10 })).rejects.toMatchObject({ code: 'STORE_FAILED' });
  expect(await store.trim(-3_600_000)).toBe(1);
  expect(await store.rows(1, 10)).toHaveLength(2);
  await execute(url, 'ALTER TABLE hidden RENAME TO tasks');
  await expect.poll(() => store.tasks({ limit: 10 }).catch(() => []), { timeout: 30_000 }).toHaveLength(3);
  await store.close();
});

test('a row that a clock set back made younger keeps all behind it', async () => {
  const url = await postgres.createDatabase();
  const store = await openPostgres({ url });
  const leader = await leadAs(store, 'a');
  for (const n of [1, 2, 3, 4]) await store.append(leader.row(submitted(`t-${n}`, n)));
  expect(await store.tasks({ limit: 10 })).toHaveLength(4);
  await execute(url, 'UPDATE journal SET at_ms = at_ms + 7200000 WHERE seq = 2');
  expect(await store.trim(-3_600_000)).toBe(1);
  expect(await store.rows(1, 10)).toHaveLength(3);
  await store.close();
});

test('a role that would be careless with what is acknowledged is not', async () => {
  const url = await postgres.createDatabase();
  const database = url.split('/').at(-1);
  await execute(url, `ALTER DATABASE ${database} SET synchronous_commit = off`);
  await execute(url, `ALTER DATABASE ${database} SET default_transaction_isolation = 'serializable'`);
  const connections = new Connections(url, 'test', systemClock);
  const settings = await connections.appends.use((session) =>
    session.rows(
      "SELECT name, setting FROM pg_settings WHERE name IN ('synchronous_commit', 'default_transaction_isolation') ORDER BY name",
    ),
  );
  expect(settings).toEqual([
    { name: 'default_transaction_isolation', setting: 'read committed' },
    { name: 'synchronous_commit', setting: 'on' },
  ]);
  await connections.end();
});

/** Columns in their order, indexes and constraints, without what migrations are remembered by. */
async function schemaOf(url: string): Promise<unknown> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const ours = "NOT LIKE 'kysely%'";
  const { rows } = await client.query(`
    SELECT 'column' AS kind, table_name || ' ' || row_number() OVER (PARTITION BY table_name ORDER BY ordinal_position)
        AS name, concat_ws(' ', column_name, data_type, is_nullable, column_default, collation_name) AS definition
      FROM information_schema.columns WHERE table_schema = 'public' AND table_name ${ours}
    UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename ${ours}
    UNION ALL SELECT 'constraint', conname, pg_get_constraintdef(oid) FROM pg_constraint
      WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text ${ours}
    ORDER BY kind, name, definition`);
  await client.end();
  expect(rows.length).toBeGreaterThan(80);
  return rows;
}

test('whether a store is led is asked of its own schema', async () => {
  const url = await postgres.createDatabase();
  await execute(url, 'CREATE SCHEMA b_apart');
  await execute(url, 'CREATE SCHEMA a_old');
  const apart = `${url}?options=-csearch_path%3Db_apart`;
  const led = await openPostgres({ url: apart });
  await led.lead('a', 3_600_000);
  const old = openPostgresAdmin({ url: `${url}?options=-csearch_path%3Da_old` });
  await old.migrateUp();
  await old.migrateDown('last');
  const admin = openPostgresAdmin({ url: apart });
  await expect(admin.migrateDown('last')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  const empty = openPostgresAdmin({ url });
  expect(await empty.migrateUp()).not.toEqual([]);
  await Promise.all([led.close(), old.close(), admin.close(), empty.close()]);
});

test('the journal is read ahead by bytes, and one row at least', async () => {
  const url = await postgres.createDatabase();
  const store = await openPostgres({ url });
  const leader = await leadAs(store, 'a');
  const rows = [1, 2, 3, 4].map((n) => leader.row(submitted(`t-${n}`, n, { payload: 'x'.repeat(n * 1_000) })));
  await appendAll(store, rows);
  await store.close();
  const connections = new Connections(url, 'here', systemClock);
  const after = (...limits: [number, number?, number?]) =>
    connections.reads.use((session) => rowsAfter(session, ...limits));
  expect(await after(0, 10, 5_000)).toEqual(rows.slice(0, 2));
  expect(await after(0, 1, 5_000)).toEqual(rows.slice(0, 1));
  expect(await after(2, 10, 10)).toEqual(rows.slice(2, 3));
  expect(await after(4, 10, 10)).toEqual([]);
  expect(await after(0)).toEqual(rows);
  await connections.end();
});
