import { describe, expect, it } from 'vitest';
import { gate } from '../../support/signals.js';
import { World } from '../../support/world.js';

/** Plan 03-03, agent router: what the registry knows of agents. */

const PROFILE = {
  pool: 'work',
  kind: 'human' as const,
  capabilities: ['deploy'],
  specializations: ['deploy_service'],
};

describe('the registry', () => {
  it('registers an agent with its capabilities', async () => {
    await using world = await World.open('memory');
    await world.coordinator();
    const client = await world.client();
    await client.registerAgent({ id: 'ann', ...PROFILE });
    expect(await client.agents('work')).toMatchObject([{ id: 'ann', ...PROFILE, presence: 'offline', load: 0 }]);
  });

  it('considers agents that are online and ignores those that are offline', async () => {
    await using world = await World.open('memory');
    await world.coordinator();
    const client = await world.client();
    await client.registerAgent({ id: 'ann', ...PROFILE });
    await world.agent('ben', () => null, { capabilities: ['deploy'] });
    const taskId = await client.submit({ pool: 'work', capabilities: ['deploy'] });
    expect(await client.result(taskId)).toMatchObject({ agentId: 'ben' });
    expect(await client.decisions({ taskId })).toMatchObject([{ candidates: 1, excluded: { offline: 1 } }]);
  });

  it('stores capabilities, roles and specializations as lists that can be queried', async () => {
    await using world = await World.open('memory');
    await world.coordinator({ store: await world.sqlite() });
    const client = await world.client();
    await client.registerAgent({ id: 'ann', ...PROFILE, roles: ['senior', 'dba'] });
    const [row] = await client.agents('work');
    expect(row).toMatchObject({
      capabilities: ['deploy'],
      roles: ['senior', 'dba'],
      specializations: ['deploy_service'],
    });
  });

  it('takes an agent without specializations', async () => {
    await using world = await World.open('memory');
    await world.coordinator();
    const client = await world.client();
    await client.registerAgent({ id: 'ann', pool: 'work', capabilities: ['deploy'] });
    expect(await client.agents()).toMatchObject([{ id: 'ann', specializations: [] }]);
  });

  it('updates an agent that it knows', async () => {
    await using world = await World.open('memory');
    await world.coordinator();
    const client = await world.client();
    await client.registerAgent({ id: 'ann', pool: 'work' });
    await client.registerAgent({ id: 'ann', ...PROFILE });
    expect(await client.agents()).toMatchObject([{ id: 'ann', ...PROFILE }]);
  });

  it('refuses a profile that is not one, and names the field', async () => {
    await using world = await World.open('memory');
    await world.coordinator();
    const client = await world.client();
    const register = client.registerAgent({ id: 'ann', pool: 'work', maxConcurrency: -1 });
    await expect(register).rejects.toMatchObject({ code: 'INVALID_VALUE', field: 'maxConcurrency' });
    expect(await client.agents()).toEqual([]);
  });

  it('forgets an agent with its performance, and keeps its decisions', async () => {
    await using world = await World.open('memory');
    await world.coordinator({ store: await world.sqlite() });
    const client = await world.client();
    const agent = await world.agent('ann', () => null);
    const taskId = await client.submit({ pool: 'work' });
    await client.result(taskId);
    await agent.stop();
    await client.deregisterAgent('ann');
    expect(await client.agents()).toEqual([]);
    expect(await client.performance()).toEqual([]);
    expect(await client.decisions({ taskId })).toMatchObject([{ agentId: 'ann' }]);
  });

  it('gives what a forgotten agent held to others', async () => {
    await using world = await World.open('memory');
    await world.coordinator();
    const client = await world.client();
    const begun = gate();
    const never = new Promise<null>(() => {});
    await world.agent('ann', () => {
      begun.open();
      return never;
    });
    await world.agent('ben', () => 'done');
    const taskId = await client.submit({ pool: 'work' });
    await begun.passed;
    await client.deregisterAgent('ann');
    expect(await client.result(taskId)).toMatchObject({ status: 'completed', agentId: 'ben', attempt: 2 });
  });
});
