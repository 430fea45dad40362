import { afterAll, beforeAll, expect, test } from 'vitest';
import { createMemoryStore } from '#rota/store/memory.js';
import { openPostgres } from '#rota/store/postgres.js';
import { openSqlite } from '#rota/store/sqlite.js';
import { type PrivatePostgres, startPrivatePostgres } from '../../scripts/private-postgres.mjs';
import { type StoreUnderTest, temporaryFolder } from '../support/stores.js';
import { storeContract } from './store.contract.js';
import { trimmingContract } from './store-leadership.contract.js';

async function openMemory(): Promise<StoreUnderTest> {
  const store = createMemoryStore();
  return { store, [Symbol.asyncDispose]: () => store.close() };
}

async function openFile(): Promise<StoreUnderTest> {
  const folder = await temporaryFolder();
  const store = await openSqlite({ path: folder.file('rota.db') });
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

let postgres: PrivatePostgres;
beforeAll(async () => {
  postgres = await startPrivatePostgres({ fsync: false });
});
afterAll(() => postgres[Symbol.asyncDispose]());

async function openDatabase(): Promise<StoreUnderTest> {
  const store = await openPostgres({ url: await postgres.createDatabase() });
  return { store, [Symbol.asyncDispose]: () => store.close() };
}

storeContract('memory', 200, openMemory);
storeContract('sqlite', 15, openFile);
storeContract('postgres', 15, openDatabase);

trimmingContract('sqlite', openFile);
trimmingContract('postgres', openDatabase);

test('a store in memory has nothing to trim', async () => {
  await using made = await openMemory();
  expect(await made.store.trim(0)).toBe(0);
});
