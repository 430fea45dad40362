import { describe, expect, it } from 'vitest';
import type { Handler } from '#rota/index.js';
import { createAgent } from '#rota/index.js';
import { Lossy, says } from '../../support/lossy.js';
import { type Gate, gate, Log, rejection } from '../../support/signals.js';
import { TRANSPORTS, World } from '../../support/world.js';

/** A handler that each task waits in until the test lets it go on, and that notes who was aborted. */
class Station {
  readonly started = new Log<string>();
  readonly aborted = new Log<{ taskId: string; reason: unknown }>();
  readonly #gates = new Map<string, Gate>();

  readonly handler: Handler = async ({ taskId }, { signal }) => {
    const hold = gate();
    this.#gates.set(taskId, hold);
    signal.addEventListener('abort', () => {
      this.aborted.push({ taskId, reason: signal.reason });
      hold.open();
    });
    this.started.push(taskId);
    await hold.passed;
    return 'done';
  };

  release(taskId: string): void {
    this.#gates.get(taskId)?.open();
  }
}

const tasks = (...ids: string[]) => ids.map((id) => ({ pool: 'work', id, backoffMs: 0 }));

describe.each(TRANSPORTS)('agents that leave over %s', (kind) => {
  it('drain: finishes what it has and takes nothing more', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    const station = new Station();
    const agent = await world.agent('ann', station.handler, { maxConcurrency: 1, prefetch: 1 });
    const client = await world.client();
    await client.submitMany(tasks('runs', 'held', 'waits'));
    await station.started.reaches(1);
    const drained = agent.drain();
    station.release('runs');
    await station.started.reaches(2);
    station.release('held');
    await drained;
    expect(await agent.stopped).toBe(undefined);
    expect(agent.load).toBe(0);
    expect(station.started.items).toEqual(['runs', 'held']);
    expect((await client.tasks({ status: 'pending' })).map(({ id }) => id)).toEqual(['waits']);
    expect(await client.agents()).toMatchObject([{ id: 'ann', presence: 'offline', load: 0 }]);
  });

  it('drain: takes nothing more after it had to register again', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    const station = new Station();
    const lossy = new Lossy(await world.connect());
    const agent = await world.agent('ann', station.handler, { transport: lossy });
    const client = await world.client();
    await client.submitMany(tasks('runs'));
    await station.started.reaches(1);
    const left = lossy.passes(says('leave', 'reply'));
    const drained = agent.drain();
    await left;
    const leftAgain = lossy.passes(says('leave', 'reply'));
    lossy.comesBack();
    await leftAgain;
    expect(await client.agents()).toMatchObject([{ presence: 'draining', load: 1 }]);
    await client.submitMany(tasks('new'));
    station.release('runs');
    await drained;
    expect(station.started.items).toEqual(['runs']);
  });

  it('stop: gives its tasks to others at once, and starts none that it held ready', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    const leaving = new Station();
    const agent = await world.agent('ann', leaving.handler, { maxConcurrency: 1, prefetch: 2 });
    const client = await world.client();
    await client.submitMany(tasks('a', 'b', 'c'));
    await leaving.started.reaches(1);
    const staying = new Log<string>();
    await world.agent('ben', ({ taskId }) => staying.push(taskId));
    await agent.stop();
    await agent.stop();
    const outcomes = await Promise.all(['a', 'b', 'c'].map((id) => client.result(id)));
    expect(outcomes.map(({ status, agentId, attempt }) => [status, agentId, attempt])).toEqual(
      new Array(3).fill(['completed', 'ben', 2]),
    );
    expect(leaving.started.items).toEqual(['a']);
    expect(leaving.aborted.items).toMatchObject([{ taskId: 'a', reason: { code: 'CLOSED' } }]);
    expect(staying.items.toSorted()).toEqual(['a', 'b', 'c']);
  });

  it('is replaced by a later process of the same name', async () => {
    await using world = await World.open(kind);
    await world.coordinator({ leaseMs: 1_000 });
    const old = new Station();
    const first = await world.agent('ann', old.handler);
    const client = await world.client();
    await client.submitMany(tasks('a'));
    await old.started.reaches(1);
    const successor = new Station();
    await world.agent('ann', successor.handler);
    await successor.started.reaches(1);
    expect(await first.stopped).toMatchObject({ code: 'SESSION_REPLACED' });
    expect(old.aborted.items[0]).toMatchObject({ taskId: 'a', reason: { code: 'STALE_LEASE' } });
    // Both heard the same frames until now: what the first was refused is not the second's affair.
    successor.release('a');
    expect(await client.result('a')).toMatchObject({ status: 'completed', attempt: 2 });
    expect(successor.aborted.items).toEqual([]);
    expect(successor.started.items).toEqual(['a']);
  });

  it('goes to others when it falls silent, and takes up again what is offered when it is back', async () => {
    await using world = await World.open(kind);
    await world.coordinator({ leaseMs: 400 });
    const station = new Station();
    const lossy = new Lossy(await world.connect());
    await world.agent('ann', station.handler, { transport: lossy });
    const client = await world.client();
    await client.submitMany(tasks('a'));
    await station.started.reaches(1);
    let isSilent = true;
    void lossy.lose((passing) => isSilent && passing.way === 'out', Number.POSITIVE_INFINITY);
    await world.agent('ben', () => 'by ben');
    expect(await client.result('a')).toMatchObject({ result: 'by ben', attempt: 2 });
    isSilent = false;
    await station.aborted.reaches(1);
    expect(station.aborted.items).toMatchObject([{ taskId: 'a', reason: { code: 'STALE_LEASE' } }]);
    await untilPresence(client, 'online', 'ann');
  });

  it('keeps its tasks when a heartbeat is lost', async () => {
    await using world = await World.open(kind);
    await world.coordinator({ leaseMs: 2_000, heartbeatMs: 200 });
    const station = new Station();
    const lossy = new Lossy(await world.connect());
    await world.agent('ann', station.handler, { transport: lossy });
    const client = await world.client();
    await client.submitMany(tasks('a'));
    await station.started.reaches(1);
    await lossy.lose(says('heartbeat'));
    // Had the lost one been waited for as long as other requests are, the lease would be over by now.
    await lossy.passes(says('heartbeat', 'reply'), 2);
    station.release('a');
    expect(await client.result('a')).toMatchObject({ status: 'completed', attempt: 1 });
  });

  it('stops when its name belongs to another pool', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    await world.agent('ann', () => 'done');
    const other = createAgent({ transport: await world.connect(), id: 'ann', pool: 'other', handler: () => 'stolen' });
    expect((await rejection(other.ready)).code).toBe('POOL_MISMATCH');
    expect(await other.stopped).toMatchObject({ code: 'POOL_MISMATCH' });
    const client = await world.client();
    const id = await client.submit({ pool: 'work' });
    expect((await client.result(id)).result).toBe('done');
  });

  it('stops when its connection is closed', async () => {
    await using world = await World.open(kind);
    await world.coordinator({ leaseMs: 400 });
    const station = new Station();
    const transport = await world.connect();
    const agent = await world.agent('ann', station.handler, { transport });
    const client = await world.client();
    await client.submitMany(tasks('a'));
    await station.started.reaches(1);
    await transport.close();
    expect(await agent.stopped).toMatchObject({ code: 'CLOSED' });
    expect(station.aborted.items).toHaveLength(1);
    await world.agent('ben', () => 'by ben');
    expect(await client.result('a')).toMatchObject({ result: 'by ben' });
  });

  it('leaves with its scope', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    const client = await world.client();
    {
      await using agent = await world.agent('ann', () => 'done');
      expect(await client.agents()).toMatchObject([{ id: agent.id, presence: 'online' }]);
    }
    expect(await client.agents()).toMatchObject([{ id: 'ann', presence: 'offline' }]);
  });
});

/** Asks until the agent has that presence; each question waits for the answer to the one before. */
async function untilPresence(client: Awaited<ReturnType<World['client']>>, presence: string, id = 'ann') {
  for (;;) {
    const agents = await client.agents();
    if (agents.some((agent) => agent.id === id && agent.presence === presence)) return;
  }
}
