import { connectNats, createAgent } from '../dist/index.js';
import { failWhenStopped, serve } from './child.mjs';
import { nowMs } from './clock.mjs';

await serve(async ({ url, ...profile }) => {
  const transport = await connectNats({ servers: url });
  // The result of a task is the instant at which its handler started.
  const agent = createAgent({ ...profile, transport, handler: nowMs });
  void failWhenStopped(agent.stopped);
  await agent.ready;
  return async () => {
    await agent.stop();
    await transport.close();
  };
});
