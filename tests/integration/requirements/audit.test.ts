import { describe, expect, it } from 'vitest';
import type { Client } from '#rota/index.js';
import { World } from '../../support/world.js';

/** Plan 03-03, agent router: what is recorded of each choice, and how it is asked for. */

const DEPLOY = { pool: 'work', workType: 'deploy_service', backoffMs: 0 };

/** Ann and ben of pool `work`, who do what they get. */
async function office(): Promise<{ world: World; client: Client }> {
  const world = await World.open('memory');
  await world.coordinator({ policies: { defaults: { rotationWindowMinutes: 0 } } });
  for (const id of ['ann', 'ben']) {
    await world.agent(id, ({ attempt, payload }) => {
      if (payload === 'once' && attempt === 1) throw new Error('not yet');
      return id;
    });
  }
  return { world, client: await world.client() };
}

describe('a routing decision', () => {
  it('is recorded for each choice', async () => {
    const { world, client } = await office();
    await using _ = world;
    const ids = await client.submitMany([DEPLOY, DEPLOY, DEPLOY]);
    for (const id of ids) await client.result(id);
    const decisions = await client.decisions();
    expect(decisions.map(({ taskId }) => taskId).sort()).toEqual([...ids].sort());
  });

  it('holds everything that the choice rests on', async () => {
    const { world, client } = await office();
    await using _ = world;
    const taskId = await client.submit({ ...DEPLOY, strategy: 'weighted' });
    const { agentId } = await client.result(taskId);
    const [decision] = await client.decisions({ taskId });
    expect(decision).toEqual({
      ...{ taskId, agentId, token: 1, attempt: 1, workType: 'deploy_service', pool: 'work', strategy: 'weighted' },
      ...{ candidates: 2, excluded: {}, probability: 1, retried: false },
      ...{ score: 30, scoreParts: { context: 0, success: 20, specialization: 0, load: 10 }, scorer: 'builtin' },
      ...{ successRatePercent: 50, specializationMatch: false, recentContextMatch: false },
      runnersUp: [{ agentId: agentId === 'ann' ? 'ben' : 'ann', score: 30 }],
      policyVersion: expect.stringMatching(/^[0-9a-f]{12}$/),
      reason: expect.any(String),
      latencyMs: expect.any(Number),
      atMs: expect.any(Number),
    });
  });

  it('says in words why this agent', async () => {
    const { world, client } = await office();
    await using _ = world;
    const taskId = await client.submit({ ...DEPLOY, strategy: 'weighted' });
    await client.result(taskId);
    const [decision] = await client.decisions({ taskId });
    expect(decision?.reason).toBe('score 30, the highest of 2 free agents: new to it, 0 open; next: ben 30');
  });

  it('marks a retry and numbers the attempt', async () => {
    const { world, client } = await office();
    await using _ = world;
    const taskId = await client.submit({ ...DEPLOY, payload: 'once' });
    await client.result(taskId);
    const decisions = await client.decisions({ taskId });
    expect(decisions.map(({ attempt, retried }) => ({ attempt, retried }))).toEqual([
      { attempt: 2, retried: true },
      { attempt: 1, retried: false },
    ]);
  });

  it('is found by task, agent, work type, pool and time', async () => {
    const { world, client } = await office();
    await using _ = world;
    const deploy = await client.submit({ ...DEPLOY, assignee: 'ann' });
    const paint = await client.submit({ ...DEPLOY, workType: 'paint', assignee: 'ben' });
    for (const id of [deploy, paint]) await client.result(id);
    const found = async (query: Parameters<Client['decisions']>[0]) =>
      (await client.decisions(query)).map(({ taskId }) => taskId).sort();
    const [one] = await client.decisions({ taskId: deploy });
    expect(await found({ taskId: deploy })).toEqual([deploy]);
    expect(await found({ agentId: 'ben' })).toEqual([paint]);
    expect(await found({ workType: 'deploy_service' })).toEqual([deploy]);
    expect(await found({ pool: 'work' })).toEqual([deploy, paint].sort());
    expect(await found({ pool: 'other' })).toEqual([]);
    expect(await found({ fromMs: one?.atMs ?? 0 })).toEqual([deploy, paint].sort());
    expect(await found({ toMs: (one?.atMs ?? 0) - 1 })).toEqual([]);
  });

  it('is replayed to the same choice, byte for byte', async () => {
    await using world = await World.open('memory');
    await world.coordinator({ store: await world.sqlite(), policies: { defaults: { strategy: 'power-of-two' } } });
    for (const id of ['ann', 'ben', 'eva']) await world.agent(id, () => id, { maxConcurrency: 3 });
    const client = await world.client();
    const ids = await client.submitMany(new Array(12).fill(DEPLOY));
    for (const id of ids) await client.result(id);
    for (const id of ids) expect(await client.replay(id)).toMatchObject({ same: true });
  });
});
