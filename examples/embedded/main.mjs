import { createAgent, createClient, createCoordinator, createMemoryBroker, systemClock } from 'rota';

const broker = createMemoryBroker({ clock: systemClock });
const transport = broker.connect();
const coordinator = await createCoordinator({ transport, store: 'none' });
const agent = createAgent({
  transport,
  id: 'ann',
  pool: 'greeters',
  handler: ({ payload }) => `Hello ${payload.name}!`,
});
await agent.ready;
const client = createClient({ transport });

const id = await client.submit({ pool: 'greeters', payload: { name: 'world' } });
const { status, result, agentId } = await client.result(id);
console.log(`${status} by ${agentId}: ${result}`);

await agent.drain();
client.close();
await coordinator.stop();
