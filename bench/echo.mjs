import { connect } from '@nats-io/transport-node';
import { serve } from './child.mjs';

await serve(async ({ url, subject }) => {
  const nats = await connect({ servers: url });
  nats.subscribe(subject, { callback: (_error, message) => message.respond(message.data) });
  await nats.flush();
  return () => nats.close();
});
