// A client as a process of its own, which submits tasks one after another and says on stdout what it is told. Its one
// argument is JSON: { servers, namespace, id, pool, tasks }: how many, with ids that are the same each time it is run.
import { createClient } from '#rota/sdk/index.js';
import { connectNats } from '#rota/transport/nats.js';

const { servers, namespace, id, pool, tasks } = JSON.parse(process.argv[2]);

function say(word) {
  process.stdout.write(`${JSON.stringify(word)}\n`);
}

const transport = await connectNats({ servers, name: id });
const client = createClient({ transport, namespace, id });
for (let i = 1; i <= tasks; i++) {
  const taskId = await client.submit({ id: `${id}-${i}`, pool, maxAttempts: 20, backoffMs: 0, payload: {} });
  say({ told: 'acknowledged', taskId });
  say({ told: 'ended', ...(await client.result(taskId)) });
}
say({ told: 'everything' });
client.close();
await transport.close();
