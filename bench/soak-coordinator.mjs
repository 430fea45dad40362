import { appendFile } from 'node:fs/promises';
import { connectNats, createCoordinator } from '../dist/index.js';
import { openStore } from '../dist/store/open.js';
import { failWhenStopped, serve } from './child.mjs';
import { nowMs } from './clock.mjs';

/** A coordinator that notes what it holds after each full collection. Run with --expose-gc. */
await serve(async ({ url, store: place, samples, everyMs }) => {
  const transport = await connectNats({ servers: url });
  const store = await openStore(place);
  const coordinator = await createCoordinator({ transport, store });
  void failWhenStopped(coordinator.stopped);
  const timer = setInterval(() => {
    globalThis.gc();
    const { heapUsed, rss, external, arrayBuffers } = process.memoryUsage();
    void appendFile(samples, `${JSON.stringify({ atMs: nowMs(), heapUsed, rss, external, arrayBuffers })}\n`);
  }, everyMs);
  return async () => {
    clearInterval(timer);
    await coordinator.stop();
    await store.close();
    await transport.close();
  };
});
