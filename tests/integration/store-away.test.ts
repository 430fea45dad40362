import { pino } from 'pino';
import { expect, test } from 'vitest';
import { sleep, systemClock } from '#rota/clock.js';
import type { Store } from '#rota/index.js';
import { RotaError } from '#rota/protocol/errors.js';
import { LIMITS } from '#rota/protocol/limits.js';
import { createMemoryStore } from '#rota/store/memory.js';
import { openSqlite } from '#rota/store/sqlite.js';
import { Connection } from '#rota/store/sqlite-connection.js';
import { heardLog } from '../support/heard-log.js';
import { gate, Log, rejection } from '../support/signals.js';
import { temporaryFolder } from '../support/stores.js';
import { World } from '../support/world.js';

/** Parts of a store that fail while the rest of it answers. Real processes and whole outages: tests/faults. */

/** A store whose `part` fails until the test mends it. */
function failing(part: 'append' | 'known') {
  const store = createMemoryStore();
  const whole = store[part].bind(store) as (...args: unknown[]) => Promise<never>;
  let isBroken = false;
  const call = async (...args: unknown[]) => {
    if (isBroken) throw new RotaError('STORE_FAILED', 'Planted.');
    return whole(...args);
  };
  const faulty: Store = Object.assign(store, { [part]: call });
  return {
    store: faulty,
    fail(is: boolean) {
      isBroken = is;
    },
  };
}

test('while rows can not be written nothing new is decided, and no time passes for what is under way', async () => {
  await using world = await World.open('memory');
  const { store, fail } = failing('append');
  const { log, hears } = heardLog();
  await world.coordinator({ store, log });
  const agent = await world.agent('ann', () => 'done', { maxConcurrency: 10 });
  const client = await world.client({ patienceMs: 0 });
  const offer = await client.assign({ id: 'offered', pool: 'work' }, { acceptTimeoutMs: 500 });
  fail(true);
  const lost = client.submit({ pool: 'work', id: 'lost' }).catch(() => 'unanswered');
  await hears('the store does not answer');
  const refusal = await rejection(client.submit({ pool: 'work', id: 'refused' }));
  expect(refusal).toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: expect.any(Number) });
  // Longer than the offer stands.
  await sleep(systemClock, 750);
  fail(false);
  await hears('the store answers again');
  await offer.confirm();
  await offer.complete();
  expect(await lost).toBe('lost');
  expect(await client.result('lost')).toMatchObject({ status: 'completed', attempt: 1 });
  expect(await rejection(client.task('refused'))).toMatchObject({ code: 'UNKNOWN_TASK' });
  expect(agent.load).toBe(0);
});

test('a question that the store can not answer is refused for now, and leaves the rest as it is', async () => {
  await using world = await World.open('memory');
  const { store, fail } = failing('known');
  const { log, hears } = heardLog();
  const coordinator = await world.coordinator({ store, log });
  const hold = gate();
  await world.agent('ann', () => hold.passed.then(() => 'done'));
  const client = await world.client({ patienceMs: 0 });
  await client.submit({ pool: 'work', id: 'running' });
  fail(true);
  // An id that is older than what there is may be one that memory has forgotten.
  const refusal = await rejection(client.submit({ pool: 'work', id: 'older' }));
  expect(refusal).toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: expect.any(Number) });
  await hears('request refused');
  hold.open();
  expect(await client.result('running')).toMatchObject({ status: 'completed' });
  expect(coordinator.state).toBe('leading');
  fail(false);
  await client.submit({ pool: 'work', id: 'older' });
  expect(await client.result('older')).toMatchObject({ status: 'completed' });
});

test('while the tables lack more than a new leader may have to read nothing new is taken', async () => {
  await using world = await World.open('memory');
  const store = createMemoryStore();
  let standing: number = Number.MAX_SAFE_INTEGER;
  Object.defineProperty(store, 'materialisedSeq', { get: () => standing });
  await world.coordinator({ store });
  const hold = gate();
  await world.agent('ann', () => hold.passed.then(() => 'done'));
  const client = await world.client({ patienceMs: 0 });
  await client.submit({ pool: 'work', id: 'first' });
  standing = -LIMITS.unmaterialisedRows;
  expect(await rejection(client.submit({ pool: 'work', id: 'second' }))).toMatchObject({
    code: 'UNAVAILABLE',
    retryAfterMs: expect.any(Number),
  });
  hold.open();
  expect(await client.result('first')).toMatchObject({ status: 'completed' });
  standing = Number.MAX_SAFE_INTEGER;
  await client.submit({ pool: 'work', id: 'second' });
  expect(await client.result('second')).toMatchObject({ status: 'completed' });
});

test('tables that can not follow are told of once, and once when they do again', async () => {
  await using world = await World.open('memory');
  await using folder = await temporaryFolder();
  const path = folder.file('rota.db');
  const store = await openSqlite({ path });
  const lines = new Log<string>();
  const log = pino({ level: 'debug' }, { write: (line) => lines.push(JSON.parse(line).msg) });
  const coordinator = await world.coordinator({ store, log });
  const client = await world.client();
  const connection = new Connection(path);
  connection.raw.exec('ALTER TABLE tasks RENAME TO hidden');
  await client.submit({ pool: 'work' });
  const failing = 'the tables can not follow the journal; trying again';
  await lines.first((msg) => msg === failing);
  for (let n = 0; n < 2; n++) await rejection(store.tasks({ limit: 1 }));
  connection.raw.exec('ALTER TABLE hidden RENAME TO tasks');
  connection.close();
  await lines.first((msg) => msg === 'the tables follow the journal again');
  expect(lines.items.filter((msg) => msg === failing)).toHaveLength(1);
  await coordinator.stop();
  await store.close();
});
