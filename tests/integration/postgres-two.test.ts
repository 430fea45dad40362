import fc from 'fast-check';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pack } from '#rota/protocol/codec.js';
import type { JournalRow } from '#rota/protocol/journal.js';
import { openPostgres } from '#rota/store/postgres.js';
import type { Store } from '#rota/store/store.js';
import { execute, type PrivatePostgres, startPrivatePostgres } from '../../scripts/private-postgres.mjs';
import { expectAnswers } from '../contract/store.contract.js';
import { assigned, completed, registered, submitted } from '../support/events.js';
import { rowHistory } from '../support/histories.js';
import { Replay } from '../support/replay.js';
import { appendAll, leadAs, take } from '../support/stores.js';
import { startTcpProxy } from '../support/tcp-proxy.js';

/** Two processes of one database, as far as the database can tell. */

const LONG_MS = 3_600_000;

let postgres: PrivatePostgres;
beforeAll(async () => {
  postgres = await startPrivatePostgres({ fsync: false });
});
afterAll(() => postgres[Symbol.asyncDispose]());

interface Two extends AsyncDisposable {
  readonly url: string;
  readonly first: Store;
  readonly second: Store;
}

async function openTwo(): Promise<Two> {
  const url = await postgres.createDatabase();
  const [first, second] = await Promise.all([openPostgres({ url }), openPostgres({ url })]);
  return {
    ...{ url, first, second },
    async [Symbol.asyncDispose]() {
      await Promise.all([first.close(), second.close()]);
    },
  };
}

/** A connection of the test's own, in a transaction. */
async function begin(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query('BEGIN');
  return client;
}

async function end(client: Client): Promise<void> {
  await client.query('COMMIT');
  await client.end();
}

/** Resolves once so many connections of a store wait for a lock. */
async function untilWaiting(url: string, count: number): Promise<void> {
  const waiting = `SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'rota' AND wait_event_type = 'Lock'`;
  await expect.poll(async () => (await execute(url, waiting)).length, { interval: 20, timeout: 30_000 }).toBe(count);
}

const insert = ({ seq, epoch, events }: JournalRow) => ({
  text: 'INSERT INTO journal (shard, seq, epoch, body, at_ms) VALUES (0, $1, $2, $3, 0)',
  values: [seq, epoch, Buffer.from(pack(events))],
});

test('who stands by opens the connections of a leader, and leads and appends without another', async () => {
  await using two = await openTwo();
  const { url, first, second } = two;
  const connected = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'rota'";
  expect(await first.lead('first', LONG_MS)).toMatchObject({ epoch: 1 });
  expect(await second.lead('second', LONG_MS)).toBeUndefined();
  const before = await execute(url, connected);

  await first.resign(1);
  expect(await second.lead('second', LONG_MS)).toMatchObject({ epoch: 2, seq: 0 });
  await second.append({ seq: 1, epoch: 2, events: [submitted('t-1', 1)] });
  expect(await second.known(['t-1'])).toBeDefined();

  expect(before).toEqual(expect.arrayContaining(await execute(url, connected)));
});

test('the second to lead deposes the first, and each reads what the other appended', async () => {
  await using two = await openTwo();
  const { first, second } = two;
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
  expect(first.materialisedSeq).toBe(2);
});

test('of two that would lead an empty database at the same moment one does', async () => {
  await using two = await openTwo();
  const both = await Promise.all([two.first.lead('first', LONG_MS), two.second.lead('second', LONG_MS)]);
  expect(both.filter((recovered) => recovered !== undefined)).toMatchObject([{ epoch: 1 }]);
});

test('an append that meets one who takes leadership waits, and then writes nothing', async () => {
  await using two = await openTwo();
  const { url, first } = two;
  const leader = await leadAs(first, 'first');
  const other = await begin(url);
  await other.query("UPDATE leadership SET epoch = 2, holder = 'other'");
  const append = first.append(leader.row(submitted('t-1', 1)));
  append.catch(() => {});
  await untilWaiting(url, 1);
  // What the new leader writes first would stand before the row of the old one.
  await other.query(insert({ seq: 1, epoch: 2, events: [submitted('t-2', 1)] }));
  await end(other);
  await expect(append).rejects.toMatchObject({ code: 'DEPOSED' });
  expect(await first.rows(0, 10)).toMatchObject([{ seq: 1, epoch: 2 }]);
});

test('one who takes leadership waits for an append under way, and then has its row', async () => {
  await using two = await openTwo();
  const { url, first, second } = two;
  const leader = await leadAs(first, 'first');
  const row = leader.row(submitted('t-1', 1));
  const appending = await begin(url);
  await appending.query('SELECT epoch FROM leadership FOR SHARE');
  await appending.query(insert(row));
  const leading = second.lead('second', LONG_MS);
  await untilWaiting(url, 1);
  await end(appending);
  // It waits for a second at most, and says then that another has it.
  const recovered = (await leading) ?? (await second.lead('second', LONG_MS));
  expect(recovered).toMatchObject({ epoch: 2, seq: 1, tail: [row] });
});

test('who would lead does not wait long for another who is about to', async () => {
  await using two = await openTwo();
  const { url, first, second } = two;
  await take(first, 'first');
  const other = await begin(url);
  await other.query("UPDATE leadership SET epoch = 2, holder = 'other', lease_ms = 3600000");
  expect(await second.lead('second', LONG_MS)).toBeUndefined();
  await end(other);
  expect(await second.leadership()).toMatchObject({ epoch: 2, holder: 'other' });
});

test('rows that another process left behind are the tail of who leads next, and the tables catch up', async () => {
  await fc.assert(
    fc.asyncProperty(rowHistory(60), fc.nat(30), async (rows, materialised) => {
      await using two = await openTwo();
      const { url, first, second } = two;
      const held = rows.slice(0, materialised);
      const tail = rows.slice(materialised);
      await take(first, 'a');
      await appendAll(first, held);
      await first.agents();
      const dead = await begin(url);
      for (const row of tail) await dead.query(insert(row));
      await end(dead);
      const images = new Replay(held).images();
      expect(await take(second, 'b')).toEqual({ epoch: 2, seq: rows.length, ...images, tail });
      expect(second.materialisedSeq).toBe(rows.length);
      await expectAnswers(second, new Replay(rows));
    }),
    { numRuns: 8 },
  );
});

test('each row is applied once, although both move the tables at the same moment', async () => {
  await using two = await openTwo();
  const { url, first, second } = two;
  const leader = await leadAs(first, 'first');
  const other = await begin(url);
  await other.query('SELECT seq FROM materialised FOR UPDATE');
  await first.append(leader.row(registered('ann'), submitted('t', 1), assigned('t', 'ann'), completed('t', 'ann')));
  const reads = [first, second].map((store) => store.performance({ limit: 10 }));
  await untilWaiting(url, 2);
  await end(other);
  const once = [expect.objectContaining({ agentId: 'ann', successCount: 1 })];
  expect(await Promise.all(reads)).toEqual([once, once]);
  expect(await second.performance({ limit: 10 })).toEqual(once);
});

test('two that read and move the tables all the time answer as a plain replay does', async () => {
  await fc.assert(
    fc.asyncProperty(rowHistory(60), async (rows) => {
      await using two = await openTwo();
      const { first, second } = two;
      await take(first, 'a');
      const appended = rows.map(async (row) => {
        await first.append(row);
        await Promise.all([first.agents(), second.agents()]);
      });
      await Promise.all(appended);
      const replay = new Replay(rows);
      await expectAnswers(second, replay);
      await expectAnswers(first, replay);
    }),
    { numRuns: 6 },
  );
});

test.each([
  ['reads what the tables lack', Buffer.from('xxxxxxxxxx').toString('hex'), 10],
  ['writes it into the tables', 'UPDATE materialised', 10],
  ['appends what is large', 'INSERT INTO journal', 2_000_000],
])('a leader that stops while it %s is followed by another', async (_what, statement, chars) => {
  const url = await postgres.createDatabase();
  await using proxy = await startTcpProxy(postgres.port);
  const first = await openPostgres({ url: url.replace(`:${postgres.port}/`, `:${proxy.port}/`) });
  const second = await openPostgres({ url });
  const leader = await leadAs(first, 'first');
  const frozen = proxy.freezeAnswerTo(statement);
  const row = leader.row(submitted('t-1', 1, { payload: 'x'.repeat(chars) }));
  first.append(row).catch(() => {});
  await frozen;
  expect(await second.lead('second', LONG_MS)).toMatchObject({ epoch: 2, seq: 1, tail: [row] });
  expect(await second.tasks({ limit: 10 })).toHaveLength(1);
  proxy.mend();
  await Promise.all([first.close(), second.close()]);
});

test('one that stops while it finds out what there is to do does not lead behind another', async () => {
  const url = await postgres.createDatabase();
  await using proxy = await startTcpProxy(postgres.port);
  const first = await openPostgres({ url: url.replace(`:${postgres.port}/`, `:${proxy.port}/`) });
  const second = await openPostgres({ url });
  const frozen = proxy.freezeAnswerTo('from "agents"');
  const leading = first.lead('first', 0);
  await frozen;
  expect(await second.lead('second', LONG_MS)).toMatchObject({ epoch: 2, seq: 0 });
  proxy.mend();
  expect(await leading).toBeUndefined();
  await Promise.all([first.close(), second.close()]);
});

test('the lease is kept while a leader reads what there is to do, however long that takes', async () => {
  await using two = await openTwo();
  const { url, first, second } = two;
  await first.lead('first', 0);
  const other = await begin(url);
  await other.query('LOCK TABLE agents IN ACCESS EXCLUSIVE MODE');
  const leading = second.lead('second', 1_000);
  await untilWaiting(url, 1);
  const renewals = new Set<unknown>();
  const looks = async () => {
    const [row] = await execute<{ at: string }>(url, 'SELECT renewed_at_ms AS at FROM leadership');
    return renewals.add(row?.at).size;
  };
  await expect.poll(looks, { interval: 50, timeout: 30_000 }).toBeGreaterThan(4);
  expect(await first.lead('first', LONG_MS)).toBeUndefined();
  await end(other);
  expect(await leading).toMatchObject({ epoch: 2 });
});

test('the journal is trimmed while the tables wait for another who moves them', async () => {
  await using two = await openTwo();
  const { url, first } = two;
  const leader = await leadAs(first, 'first');
  await appendAll(
    first,
    [1, 2].map((n) => leader.row(submitted(`t-${n}`, n))),
  );
  expect(await first.tasks({ limit: 10 })).toHaveLength(2);
  const other = await begin(url);
  await other.query('SELECT seq FROM materialised FOR UPDATE');
  await first.append(leader.row(submitted('t-3', 3)));
  const tasks = first.tasks({ limit: 10 });
  await untilWaiting(url, 1);
  expect(await first.trim(-LONG_MS)).toBe(2);
  await end(other);
  expect(await tasks).toHaveLength(3);
});
