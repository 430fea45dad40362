import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { World } from '../../support/world.js';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

/** A help desk's own service, which says who is there. */
async function helpDesk() {
  const state = { available: ['ann'], isBroken: false };
  const server = createServer((_request, response) => {
    if (state.isBroken) response.writeHead(500).end();
    else response.end(JSON.stringify({ agents: state.available.map((id) => ({ id, available: true })) }));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { state, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

test('people who do not speak rota get tasks while their help desk says that they are there', async () => {
  const { state, url } = await helpDesk();
  await using world = await World.open('memory');
  const policies = {
    pools: { desk: { rotationWindowMinutes: 0, availability: { kind: 'http' as const, url, ttlMs: 100 } } },
  };
  await world.coordinator({ policies });
  const client = await world.client();
  const presence = async () => Object.fromEntries((await client.agents('desk')).map((one) => [one.id, one.presence]));
  for (const id of ['ann', 'bob']) {
    await client.registerAgent({ id, pool: 'desk', kind: 'human', availability: 'source', maxConcurrency: 9 });
  }
  await expect.poll(presence, { timeout: 5_000 }).toEqual({ ann: 'online', bob: 'draining' });
  const one = await client.assign({ pool: 'desk', payload: { ticket: 1 } });
  expect(one.agentId).toBe('ann');

  // Another shift. Ann keeps what she has.
  state.available = ['bob'];
  await expect.poll(presence, { timeout: 5_000 }).toEqual({ ann: 'draining', bob: 'online' });
  expect((await client.assign({ pool: 'desk' })).agentId).toBe('bob');
  await one.confirm();
  await one.complete({ solved: true });
  expect((await client.task(one.taskId)).task).toMatchObject({ status: 'completed', agentId: 'ann' });

  // What the desk said last holds on while it says nothing.
  state.isBroken = true;
  expect((await client.assign({ pool: 'desk' })).agentId).toBe('bob');
  // And nothing is ever dispatched to people.
  const sent = await client.result(await client.submit({ pool: 'desk' }));
  expect(sent).toMatchObject({ status: 'failed', error: { code: 'NO_AGENT' } });
});
