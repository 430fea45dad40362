import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { Client, EmbedOptions } from '#rota/index.js';
import type { PolicyInput } from '#rota/protocol/policy.js';
import { World } from '../../support/world.js';

/** Story 3.9, round robin, for those who hand over themselves; and what outlives a restart. */

const HANDOFF = { pool: 'support', workType: 'refund' };

/** A help desk: ann, ben and eva, of whom `available` are there. */
async function desk(
  world: World,
  policy: Omit<PolicyInput, 'availability'> = {},
  available: string[] = ['ann', 'ben', 'eva'],
  options: Partial<EmbedOptions> = {},
): Promise<Client> {
  const support = { availability: { kind: 'static' as const, available }, ...policy };
  await world.coordinator({ ...options, policies: { pools: { support } } });
  const client = await world.client({ id: 'desk', patienceMs: 0 });
  for (const id of ['ann', 'ben', 'eva']) {
    await client.registerAgent({ id, pool: 'support', kind: 'human', availability: 'source', maxConcurrency: 50 });
  }
  return client;
}

describe('a handoff', () => {
  it('goes to the available agents in turn, and each is recorded', async () => {
    await using world = await World.open('memory');
    const client = await desk(world, { rotationWindowMinutes: 0 });
    const handoffs = [];
    for (let n = 0; n < 4; n++) handoffs.push(await client.assign(HANDOFF));
    expect(handoffs.map(({ agentId }) => agentId)).toEqual(['ann', 'ben', 'eva', 'ann']);
    expect((await client.decisions()).map(({ agentId }) => agentId)).toEqual(['ann', 'eva', 'ben', 'ann']);
  });

  it('skips whom the availability source does not name', async () => {
    await using world = await World.open('memory');
    const client = await desk(world, { rotationWindowMinutes: 0 }, ['ben']);
    expect([(await client.assign(HANDOFF)).agentId, (await client.assign(HANDOFF)).agentId]).toEqual(['ben', 'ben']);
  });

  it('falls back to any available agent within the window, and counts that', async () => {
    await using world = await World.open('memory');
    const client = await desk(world, { rotationWindowMinutes: 60 }, ['ann']);
    await client.assign(HANDOFF);
    expect((await client.assign(HANDOFF)).agentId).toBe('ann');
    expect((await client.metrics()).fallbacks).toEqual([{ pool: 'support', kind: 'window', count: 1 }]);
  });

  it('logs why it fell back, with pool, task, agent and kind, and no payload', async () => {
    await using world = await World.open('memory');
    const lines: Record<string, unknown>[] = [];
    const log = pino({ level: 'debug' }, { write: (line) => void lines.push(JSON.parse(line)) });
    const client = await desk(world, { rotationWindowMinutes: 60 }, ['ann'], { log });
    await client.assign({ ...HANDOFF, payload: { phone: '555-7' } });
    const { taskId } = await client.assign({ ...HANDOFF, payload: { phone: '555-8' } });
    expect(lines.filter(({ fallback }) => fallback !== undefined)).toMatchObject([
      { pool: 'support', taskId, agentId: 'ann', fallback: 'window', msg: expect.stringContaining('60 min') },
    ]);
    expect(JSON.stringify(lines)).not.toContain('555');
  });

  it('beyond the rate limit of its client is refused, with the time to wait', async () => {
    await using world = await World.open('memory');
    const client = await desk(world, {}, ['ann'], { rateLimit: { perSecond: 0.001, burst: 2 } });
    await client.assign(HANDOFF);
    await client.assign(HANDOFF);
    await expect(client.assign(HANDOFF)).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      retryable: true,
      retryAfterMs: expect.any(Number),
    });
    const other = await world.client({ id: 'other' });
    expect((await other.assign(HANDOFF)).agentId).toBe('ann');
  });

  it('counts once against the rate limit, however often its request is repeated', async () => {
    await using world = await World.open('memory');
    const client = await desk(world, {}, ['ann'], { rateLimit: { perSecond: 0.001, burst: 3 } });
    const graph = { id: 'graph', name: 'graph', tasks: [{ key: 'a', pool: HANDOFF.pool }] };
    for (let sent = 0; sent < 3; sent++) {
      expect((await client.assign({ ...HANDOFF, id: 'handed-over' })).agentId).toBe('ann');
      expect(await client.submit({ ...HANDOFF, id: 'submitted' })).toBe('submitted');
      expect((await client.orchestrate(graph)).id).toBe('graph');
    }
    await expect(client.submit(HANDOFF)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });

  it('of many at once leaves nobody more than one ahead, and the metrics say so', async () => {
    await using world = await World.open('memory');
    const client = await desk(world, { rotationWindowMinutes: 0 });
    await Promise.all(Array.from({ length: 50 }, () => client.assign(HANDOFF)));
    expect((await client.metrics()).distribution).toEqual([{ pool: 'support', max: 17, min: 16, spread: 1 }]);
  });

  it('fails with a clear error when the whole pool is offline, and is not tried for ever', async () => {
    await using world = await World.open('memory');
    const client = await desk(world, { fallbackRetryAttempts: 1 }, []);
    await expect(client.assign(HANDOFF)).rejects.toMatchObject({
      code: 'NONE_AVAILABLE',
      message: expect.stringMatching(/pool support.*offline/),
    });
  });

  it('fails at once where no agent could ever take it', async () => {
    await using world = await World.open('memory');
    const client = await desk(world);
    await expect(client.assign({ ...HANDOFF, roles: ['lawyer'] })).rejects.toMatchObject({ code: 'NO_AGENT' });
    await expect(client.assign({ pool: 'nobody' })).rejects.toMatchObject({ code: 'NO_AGENT' });
  });

  it('is never given back to who had it, and goes round no more often than maxHops says', async () => {
    await using world = await World.open('memory');
    const client = await desk(world, { rotationWindowMinutes: 0, maxHops: 2 });
    const first = await client.assign(HANDOFF);
    const second = await client.assign(HANDOFF, first.next());
    const third = await client.assign(HANDOFF, second.next());
    expect([first.agentId, second.agentId, third.agentId]).toEqual(['ann', 'ben', 'eva']);
    await expect(client.assign(HANDOFF, third.next())).rejects.toMatchObject({ code: 'TOO_MANY_HOPS', field: 'hops' });
  });
});

describe('rotation and history', () => {
  /** Who gets the task after a restart, when ann and ben were served within the window before it. */
  async function nextAfterRestart(policy: PolicyInput): Promise<string | undefined> {
    await using world = await World.open('memory');
    const store = await world.sqlite();
    const first = await world.coordinator({ store, policies: { defaults: policy } });
    const work = async () => (await client.result(await client.submit({ pool: 'work' }))).agentId;
    const join = async () => {
      const agents = [];
      for (const id of ['ann', 'ben', 'eva']) agents.push(await world.agent(id, () => null));
      return agents;
    };
    const agents = await join();
    const client = await world.client();
    await work();
    await work();
    for (const agent of agents) await agent.stop();
    await first.stop();
    await world.coordinator({ store, policies: { defaults: policy } });
    await join();
    return await work();
  }

  it('outlive a restart of the coordinator', async () => {
    expect(await nextAfterRestart({ rotationWindowMinutes: 0 })).toBe('eva');
    expect(await nextAfterRestart({ rotationWindowMinutes: 60, strategy: 'least-loaded' })).toBe('eva');
  });

  it('begin anew where the policy says so', async () => {
    expect(await nextAfterRestart({ rotationWindowMinutes: 60, onRestart: 'reset' })).toBe('ann');
  });
});
