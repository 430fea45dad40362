import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JournalRow } from '#rota/protocol/journal.js';
import { openPostgres } from '#rota/store/postgres.js';
import type { Store } from '#rota/store/store.js';
import { execute, PASSWORD, type PrivatePostgres, startPrivatePostgres } from '../../scripts/private-postgres.mjs';
import { assigned, completed, registered, submitted } from '../support/events.js';
import { gate, rejection } from '../support/signals.js';
import { leadAs, take } from '../support/stores.js';
import { startTcpProxy } from '../support/tcp-proxy.js';

const LONG_MS = 3_600_000;
/** What an append says to the database the first time on a connection. */
const APPEND = 'INSERT INTO journal';
/** Of a task: forty of them make a large row. */
const text = 'x'.repeat(64 * 1024);

let postgres: PrivatePostgres;
beforeAll(async () => {
  postgres = await startPrivatePostgres();
});
afterAll(() => postgres[Symbol.asyncDispose]());

/** As a leader's journal does: the same row again until it is there. */
async function appendUntilThere(store: Store, row: JournalRow): Promise<void> {
  await expect.poll(() => store.append(row).then(() => 'there', String), { timeout: 30_000 }).toBe('there');
}

test('a database that is killed while rows are appended has every row that was acknowledged, once', async () => {
  const url = await postgres.createDatabase();
  const store = await openPostgres({ url });
  const leader = await leadAs(store, 'a');
  const sent: JournalRow[] = [];
  for (let kills = 0; kills < 3; kills++) {
    const flowing = gate();
    const upTo = sent.length + 40 * (kills + 1);
    const appending = (async () => {
      for (;;) {
        const n = sent.length + 1;
        const row = leader.row(submitted(`t-${n}`, n));
        sent.push(row);
        if (n === upTo) flowing.open();
        try {
          await store.append(row);
        } catch (thrown) {
          return { row, thrown };
        }
      }
    })();
    await flowing.passed;
    await postgres.kill();
    const { row, thrown } = await appending;
    expect(thrown).toMatchObject({ code: 'STORE_FAILED' });
    expect(String(thrown)).not.toContain(PASSWORD);
    await postgres.restart();
    await appendUntilThere(store, row);
  }
  expect(await store.rows(0, sent.length + 1)).toEqual(sent);
  expect(await store.tasks({ limit: 1_000 })).toHaveLength(sent.length);
  expect(await store.leadership()).toMatchObject({ epoch: 1, holder: 'a' });
  await store.close();
});

test('while it is away every call rejects, and each works again when it is back', async () => {
  const url = await postgres.createDatabase();
  const store = await openPostgres({ url });
  const leader = await leadAs(store, 'a');
  await store.append(leader.row(submitted('t-1', 1)));
  const row = leader.row(submitted('t-2', 2));
  await postgres.kill();
  await expectAllReject(store, row);
  await postgres.restart();
  await appendUntilThere(store, row);
  await store.renew(1, LONG_MS);
  expect(await store.tasks({ limit: 10 })).toHaveLength(2);
  expect((await store.known(['t-1', 't-2'])).size).toBe(2);
  await store.close();
});

test('while it does not answer every call rejects; what it was asked to write is there once when it goes on', async () => {
  const url = await postgres.createDatabase();
  const store = await openPostgres({ url });
  const leader = await leadAs(store, 'a');
  await store.append(leader.row(submitted('t-1', 1)));
  expect(await store.tasks({ limit: 10 })).toHaveLength(1);
  const row = leader.row(submitted('t-2', 2));
  postgres.signal('SIGSTOP');
  await expectAllReject(store, row);
  postgres.signal('SIGCONT');
  await appendUntilThere(store, row);
  await store.append(leader.row(submitted('t-3', 3)));
  expect(await store.rows(1, 10)).toMatchObject([{ seq: 2, events: row.events }, { seq: 3 }]);
  expect(await store.tasks({ limit: 10 })).toHaveLength(3);
  await store.close();
});

test('a store is closed although its database does not answer', async () => {
  const store = await openPostgres({ url: await postgres.createDatabase() });
  await leadAs(store, 'a');
  postgres.signal('SIGSTOP');
  await store.close();
  await expect(store.leadership()).rejects.toMatchObject({ code: 'CLOSED' });
  postgres.signal('SIGCONT');
});

test('of a commit whose answer is lost, the outcome is read back', async () => {
  const url = await postgres.createDatabase();
  await using proxy = await startTcpProxy(postgres.port);
  const store = await openPostgres({ url: url.replace(`:${postgres.port}/`, `:${proxy.port}/`) });
  const leader = await leadAs(store, 'a');
  const row = leader.row(submitted('t-1', 1));
  const cut = proxy.cutAnswerTo(APPEND);
  await store.append(row);
  await cut;
  await store.append(leader.row(submitted('t-2', 2)));
  expect(await store.rows(0, 10)).toMatchObject([{ seq: 1, events: row.events }, { seq: 2 }]);
  await store.close();
});

test('where it can not be read back either, whoever appends the row again learns of it', async () => {
  const url = await postgres.createDatabase();
  await using proxy = await startTcpProxy(postgres.port);
  const store = await openPostgres({ url: url.replace(`:${postgres.port}/`, `:${proxy.port}/`) });
  const leader = await leadAs(store, 'a');
  const row = leader.row(submitted('t-1', 1));
  const cut = proxy.cutAnswerTo(APPEND).then(() => proxy.cut());
  expect(await rejection(store.append(row))).toMatchObject({ code: 'STORE_FAILED', retryable: true });
  await cut;
  proxy.mend();
  await appendUntilThere(store, row);
  const other = { ...row, events: [submitted('another', 1)] };
  await expect(store.append(other)).rejects.toMatchObject({ code: 'DEPOSED' });
  expect(await store.rows(0, 10)).toEqual([row]);
  await store.close();
});

test('a large row may take longer than a small one', async () => {
  const url = await postgres.createDatabase();
  const store = await openPostgres({ url });
  const leader = await leadAs(store, 'a');
  await execute(
    url,
    `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(3); RETURN NEW; END'`,
  );
  await execute(url, 'CREATE TRIGGER slow BEFORE INSERT ON journal FOR EACH ROW EXECUTE FUNCTION slow()');
  const large = leader.row(...Array.from({ length: 40 }, (_, n) => submitted(`t-${n}`, n + 1, { payload: { text } })));
  await store.append(large);
  await expect(store.append(leader.row(submitted('t', 41)))).rejects.toMatchObject({ code: 'STORE_FAILED' });
  expect(await store.rows(0, 10)).toEqual([large]);
  await store.close();
});

async function expectAllReject(store: Store, row: JournalRow): Promise<void> {
  const calls = [
    ...[store.append(row), store.renew(1, LONG_MS), store.resign(1), store.leadership(), store.lead('b', LONG_MS)],
    ...[store.known(['t']), store.task('t'), store.tasks({ limit: 1 }), store.agents(), store.orchestration('o')],
    ...[store.decisions({ limit: 1 }), store.performance({ limit: 1 }), store.rows(0, 1), store.trim(LONG_MS)],
  ];
  for (const error of await Promise.all(calls.map(rejection))) {
    expect(error).toMatchObject({ code: 'STORE_FAILED' });
    expect(error.message).not.toContain(PASSWORD);
  }
}

test('what the tables were said to hold is there after a crash', async () => {
  // Nothing is written to disk before somebody waits for it.
  await execute(await postgres.createDatabase(), "ALTER SYSTEM SET wal_writer_delay = '10s'");
  await postgres.restart();
  const url = await postgres.createDatabase();
  const store = await openPostgres({ url });
  const leader = await leadAs(store, 'a');
  await store.append(leader.row(submitted('t-1', 1)));
  expect(await store.task('t-1')).toBeDefined();
  expect(store.materialisedSeq).toBe(1);
  await postgres.kill();
  await postgres.restart();
  expect(await execute(url, 'SELECT seq FROM materialised')).toEqual([{ seq: '1' }]);
  await execute(url, 'ALTER SYSTEM RESET wal_writer_delay');
  await store.close();
});

test.each(['known', 'tasks', 'append', 'lead'] as const)(
  'tables that lost what they held are noticed by %s',
  async (by) => {
    const url = await postgres.createDatabase();
    const store = await openPostgres({ url });
    const leader = await leadAs(store, 'a');
    await store.append(leader.row(registered('ann'), submitted('t-1', 1)));
    await store.append(leader.row(assigned('t-1', 'ann'), completed('t-1', 'ann')));
    expect(await store.tasks({ limit: 10 })).toHaveLength(1);
    expect(store.materialisedSeq).toBe(2);
    await loseTables(url);
    if (by === 'tasks') await store.tasks({ limit: 10 });
    if (by === 'append') await store.append(leader.row(submitted('t-2', 2)));
    if (by === 'lead') expect(await take(store, 'a')).toMatchObject({ seq: 2, tail: [{ seq: 1 }, { seq: 2 }] });
    expect((await store.known(['t-1'])).get('t-1')).toMatchObject({ event: { status: 'completed' }, token: 1 });
    await expect
      .poll(() => execute(url, 'SELECT seq FROM materialised'))
      .toEqual([{ seq: by === 'append' ? '3' : '2' }]);
    await store.close();
  },
);

test('while they are made again nothing that they lost is taken for unknown', async () => {
  const url = await postgres.createDatabase();
  const store = await openPostgres({ url });
  const leader = await leadAs(store, 'a');
  await store.append(leader.row(submitted('t-1', 1)));
  expect(await store.tasks({ limit: 10 })).toHaveLength(1);
  await loseTables(url);
  const other = new Client({ connectionString: url });
  await other.connect();
  await other.query('BEGIN; SELECT seq FROM materialised FOR UPDATE');
  const tasks = store.tasks({ limit: 10 });
  await expect.poll(async () => (await other.query('SELECT 1 FROM pg_locks WHERE NOT granted')).rowCount).toBe(1);
  expect(store.materialisedSeq).toBe(0);
  const known = store.known(['t-1']);
  await store.leadership();
  await other.query('COMMIT');
  expect((await known).size).toBe(1);
  expect(await tasks).toHaveLength(1);
  await other.end();
  await store.close();
});

/** As a database that was promoted before it had every commit. */
async function loseTables(url: string): Promise<void> {
  await execute(url, 'TRUNCATE tasks, attempts, agents, agent_performance, routing_decisions, pools, rotations');
  await execute(url, 'UPDATE materialised SET seq = 0');
}
