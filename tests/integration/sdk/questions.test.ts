import { describe, expect, it } from 'vitest';
import { type Client, createClient, type Handler } from '#rota/index.js';
import { encode } from '#rota/protocol/codec.js';
import { createSubjects } from '#rota/protocol/subjects.js';
import { gate, rejection } from '../../support/signals.js';
import { TRANSPORTS, World } from '../../support/world.js';

const echo: Handler = ({ payload }) => payload;

async function finish(client: Client, ...ids: string[]): Promise<void> {
  for (const id of ids) await client.result(await client.submit({ pool: 'work', id, workType: `type-${id}` }));
}

describe.each(TRANSPORTS)('questions over %s', (kind) => {
  it('tells decisions by task, agent, work type, pool and time', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    for (const id of ['ann', 'ben']) await world.agent(id, echo);
    const client = await world.client();
    await finish(client, 'a', 'b', 'c');
    const all = await client.decisions();
    expect(all.map(({ taskId }) => taskId)).toEqual(['c', 'b', 'a']);
    expect(all[0]).toMatchObject({ strategy: 'round-robin', workType: 'type-c', attempt: 1, retried: false });
    expect(all[0]?.reason).not.toBe('');
    const tasks = async (query: object) => (await client.decisions(query)).map(({ taskId }) => taskId);
    expect(await tasks({ taskId: 'b' })).toEqual(['b']);
    expect(await tasks({ workType: 'type-a' })).toEqual(['a']);
    expect(await tasks({ pool: 'elsewhere' })).toEqual([]);
    expect(await tasks({ limit: 1 })).toEqual(['c']);
    const [{ atMs = 0, agentId = '' } = {}] = await client.decisions({ taskId: 'b' });
    expect(await tasks({ agentId })).toContain('b');
    expect(await tasks({ fromMs: atMs, toMs: atMs })).toContain('b');
    expect(await tasks({ fromMs: atMs + 3_600_000 })).toEqual([]);
  });

  it('decides again what it decided, byte for byte', async () => {
    await using world = await World.open(kind);
    // Of the two stores this one keeps its journal.
    await world.coordinator({ store: await world.sqlite(), policies: { defaults: { strategy: 'random' } } });
    for (const id of ['ann', 'ben', 'cem']) await world.agent(id, echo);
    const client = await world.client();
    await finish(client, 'a', 'b', 'c', 'd');
    for (const { taskId, token } of await client.decisions()) {
      const { same, recorded, replayed } = await client.replay(taskId, token);
      expect(same).toBe(true);
      expect(replayed).toEqual(recorded);
    }
    expect((await rejection(client.replay('a', 7))).code).toBe('NOT_REPLAYABLE');
    expect((await rejection(client.replay('nobody'))).code).toBe('UNKNOWN_TASK');
  });

  it('explains a task that waits, and one that was given to an agent', async () => {
    await using world = await World.open(kind);
    await world.coordinator({ store: await world.sqlite(), policies: { defaults: { unschedulable: 'wait' } } });
    const hold = gate();
    for (const id of ['ann', 'ben']) await world.agent(id, () => hold.passed, { capabilities: ['csv'] });
    const client = await world.client();
    await client.submitMany(['one', 'two', 'three'].map((id) => ({ pool: 'work', id })));
    await client.submit({ pool: 'work', id: 'sql', capabilities: ['sql'] });
    const waits = await client.explain('three');
    expect(waits).toMatchObject({ status: 'pending', asOf: 'now', groups: [{ reason: 'busy', count: 2 }] });
    expect(waits.advice.length).toBeGreaterThan(0);
    const never = await client.explain('sql');
    expect(never.groups).toMatchObject([{ reason: 'capability', count: 2 }]);
    expect(never.groups[0]?.change).toContain('sql');
    const given = await client.explain('one');
    expect(given).toMatchObject({ asOf: 'decision', decision: { taskId: 'one' } });
    expect(given.others.map(({ agentId }) => agentId)).not.toContain(given.decision?.agentId);
    hold.open();
    expect((await rejection(client.explain('nobody'))).code).toBe('UNKNOWN_TASK');
  });

  it('counts', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    for (const id of ['ann', 'ben']) await world.agent(id, echo);
    const client = await world.client();
    await finish(client, 'a', 'b', 'c', 'd');
    const { assignments, agents, distribution, latency } = await client.metrics();
    expect(assignments).toEqual([{ pool: 'work', strategy: 'round-robin', count: 4 }]);
    expect(agents.map(({ count }) => count)).toEqual([2, 2]);
    expect(distribution).toEqual([{ pool: 'work', max: 2, min: 2, spread: 0 }]);
    expect(latency.at(-1)).toEqual({ leMs: null, count: 4 });
  });

  it('cordons an agent, and lets it go on', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    await world.agent('ann', () => 'ann');
    const client = await world.client();
    await client.cordon('ann');
    expect(await client.agents()).toMatchObject([{ id: 'ann', cordoned: true, presence: 'online' }]);
    const id = await client.submit({ pool: 'work' });
    expect((await client.explain(id)).groups).toMatchObject([{ reason: 'cordoned', count: 1 }]);
    await client.uncordon('ann');
    expect((await client.result(id)).result).toBe('ann');
    expect((await rejection(client.cordon('nobody'))).code).toBe('UNKNOWN_AGENT');
    await client.deregisterAgent('ann');
    expect(await client.agents()).toEqual([]);
  });

  it('fails a task at once that nobody could ever take, where the pool says so', async () => {
    await using world = await World.open(kind);
    await world.coordinator({ policies: {} });
    const client = await world.client();
    const id = await client.submit({ pool: 'work' });
    expect(await client.result(id)).toMatchObject({ status: 'failed', attempt: 0, error: { code: 'NO_AGENT' } });
  });

  it('waits as long as a rate limit says, and no longer than its patience', async () => {
    await using world = await World.open(kind);
    await world.coordinator({ rateLimit: { perSecond: 20, burst: 2 } });
    await world.agent('ann', echo);
    const client = await world.client();
    for (let i = 0; i < 6; i++) await client.submit({ pool: 'work' });
    expect(await client.tasks()).toHaveLength(6);
    using hasty = createClient({ transport: await world.connect(), patienceMs: 0 });
    await hasty.submitMany(Array.from({ length: 4 }, () => ({ pool: 'work' })));
    const limited = await rejection(hasty.submit({ pool: 'work' }));
    expect(limited).toMatchObject({ code: 'RATE_LIMITED', retryable: true });
  });
});

it('questions without end keep nobody from work', async () => {
  await using world = await World.open('memory');
  await world.coordinator();
  await world.agent('ann', echo);
  const client = await world.client({ patienceMs: 0 });
  const id = await client.submit({ pool: 'work' });
  await client.result(id);
  const curious = await world.connect();
  const question = encode({ query: 'replay', taskId: id });
  const subject = createSubjects('rota').from('curious', 'query');
  for (let i = 0; i < 25_000; i++) curious.publish(subject, question, `_INBOX.curious.${i}`);
  const next = await client.submit({ pool: 'work' });
  expect(await client.result(next)).toMatchObject({ status: 'completed' });
});
