import { expect, test } from 'vitest';
import type { Agent, Client } from '#rota/index.js';
import type { PolicyInput } from '#rota/protocol/policy.js';
import { World } from '../../support/world.js';

/** Submits one task after the other, and says who did each. */
async function serve(client: Client, tasks: number): Promise<string[]> {
  const served: string[] = [];
  for (let i = 0; i < tasks; i++) {
    const { agentId = '' } = await client.result(await client.submit({ pool: 'work' }));
    served.push(agentId);
  }
  return served;
}

/** Three agents serve some tasks, the coordinator is replaced by another on the same store, they serve more. */
async function acrossRestart(policy: PolicyInput, before: number, after: number) {
  await using world = await World.open('nats');
  const policies = { defaults: policy };
  const first = await world.coordinator({ policies, leaseMs: 2_000, heartbeatMs: 100 });
  const agents: Agent[] = [];
  for (const id of ['ann', 'bob', 'cem']) agents.push(await world.agent(id, async () => id));
  const client = await world.client();
  const served = await serve(client, before);
  await first.stop();
  await world.coordinator({ policies, leaseMs: 2_000, heartbeatMs: 100 });
  // Each agent is heard of before the next task comes.
  await expect
    .poll(async () => (await client.agents('work')).map((agent) => agent.presence))
    .toEqual(['online', 'online', 'online']);
  const later = await serve(client, after);
  const decisions = await client.decisions({ pool: 'work' });
  // While there is somebody to take their leave.
  for (const agent of agents) await agent.stop();
  return { served, later, decisions };
}

test('the rotation goes on where it was', async () => {
  const { served, later } = await acrossRestart({ rotationWindowMinutes: 0 }, 4, 5);
  expect([...served, ...later]).toEqual(['ann', 'bob', 'cem', 'ann', 'bob', 'cem', 'ann', 'bob', 'cem']);
});

test('the window remembers whom the coordinator before served', async () => {
  const { later, decisions } = await acrossRestart({ strategy: 'least-loaded' }, 2, 2);
  expect(later).toEqual(['cem', 'ann']);
  expect(decisions.map((one) => one.fallback?.kind)).toEqual(['window', undefined, undefined, undefined]);
});

test('a policy may have the rotation begin anew', async () => {
  const { later, decisions } = await acrossRestart({ onRestart: 'reset' }, 2, 1);
  expect(later).toEqual(['ann']);
  expect(decisions[0]?.fallback).toBeUndefined();
});

test('how agents have done outlives the coordinator', async () => {
  const scoring = { minimumSample: 0 };
  const { later, decisions } = await acrossRestart({ strategy: 'weighted', rotationWindowMinutes: 0, scoring }, 1, 1);
  // Who did it before did it well and a short while ago.
  expect(later).toEqual(['ann']);
  expect(decisions[0]).toMatchObject({
    recentContextMatch: true,
    successRatePercent: 100,
    scoreParts: { context: 30, success: 40 },
  });
});
