import Database from 'libsql';
import { expect, test } from 'vitest';
import { createMemoryStore } from '#rota/index.js';
import { heardLog } from '../support/heard-log.js';
import { World } from '../support/world.js';

const RIVAL = 'another coordinator leads this namespace on another store';

test('two that lead one namespace on two stores both say so', async () => {
  await using world = await World.open('memory');
  const [first, second] = [heardLog(), heardLog()];
  await world.coordinator({ store: createMemoryStore(), log: first.log });
  await world.coordinator({ store: createMemoryStore(), log: second.log });
  await Promise.all([first.hears(RIVAL), second.hears(RIVAL)]);
});

test('one whose store was set back begins anew from what the store has', async () => {
  await using world = await World.open('nats');
  const { log, hears } = heardLog();
  const coordinator = await world.coordinator({ log });
  await world.agent('ann', () => 'done');
  const client = await world.client();
  expect(await client.result(await client.submit({ pool: 'work' }))).toMatchObject({ result: 'done' });
  const store = await world.store();
  expect(await store.tasks({ limit: 10 })).toHaveLength(1);
  const file = new Database(`${await world.folder()}/rota.db`);
  file.exec('DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)');
  file.exec('UPDATE materialised SET seq = (SELECT max(seq) FROM journal)');
  file.close();
  // It waits for whoever leads then.
  const next = client.submit({ pool: 'work', id: 'next' });
  await hears('no longer leading');
  expect(await client.result(await next)).toMatchObject({ status: 'completed' });
  expect(coordinator).toMatchObject({ state: 'leading', epoch: 2 });
});
