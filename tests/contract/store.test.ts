import { createMemoryStore } from '#rota/store/memory.js';
import { openSqlite } from '#rota/store/sqlite.js';
import { temporaryFolder } from '../support/stores.js';
import { storeContract } from './store.contract.js';

storeContract('memory', 200, async () => {
  const store = createMemoryStore();
  return { store, [Symbol.asyncDispose]: () => store.close() };
});

storeContract('sqlite', 15, async () => {
  const folder = await temporaryFolder();
  const store = await openSqlite({ path: folder.file('rota.db') });
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store.close();
      await folder[Symbol.asyncDispose]();
    },
  };
});
