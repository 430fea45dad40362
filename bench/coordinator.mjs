import { connectNats, createCoordinator, openSqlite } from '../dist/index.js';
import { failWhenStopped, serve } from './child.mjs';

await serve(async ({ url, file }) => {
  const transport = await connectNats({ servers: url });
  const store = await openSqlite({ path: file });
  const coordinator = await createCoordinator({ transport, store });
  void failWhenStopped(coordinator.stopped);
  return async () => {
    await coordinator.stop();
    await store.close();
    await transport.close();
  };
});
