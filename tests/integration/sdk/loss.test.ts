import { describe, expect, it } from 'vitest';
import type { Handler } from '#rota/index.js';
import { carries, Lossy, type Passing, says } from '../../support/lossy.js';
import { seededRandom } from '../../support/random.js';
import { gate, Log } from '../../support/signals.js';
import { TRANSPORTS, World } from '../../support/world.js';

const TIMING = { leaseMs: 4_000, heartbeatMs: 100 };

/** Notes each run; what a task's id was run with is its result. */
function counted(runs: Log<string>): Handler {
  return ({ taskId, payload }) => {
    runs.push(taskId);
    return payload;
  };
}

describe.each(TRANSPORTS)('messages lost over %s', (kind) => {
  async function lossyAgent(world: World, handler: Handler, maxConcurrency = 1): Promise<Lossy> {
    const transport = new Lossy(await world.connect());
    await world.agent('ann', handler, { transport, maxConcurrency });
    return transport;
  }

  it('an assignment: is delivered again', async () => {
    await using world = await World.open(kind);
    await world.coordinator(TIMING);
    const runs = new Log<string>();
    const lossy = await lossyAgent(world, counted(runs));
    const client = await world.client();
    const lost = lossy.lose(carries('assignments'), 2);
    const id = await client.submit({ pool: 'work', payload: 1 });
    await lost;
    expect(await client.result(id)).toMatchObject({ status: 'completed', attempt: 1, result: 1 });
    expect(runs.items).toEqual([id]);
  });

  it('a report: is repeated until it is acknowledged', async () => {
    await using world = await World.open(kind);
    await world.coordinator(TIMING);
    const runs = new Log<string>();
    const lossy = await lossyAgent(world, counted(runs));
    const client = await world.client();
    const lost = lossy.lose(says('report'));
    const id = await client.submit({ pool: 'work', payload: 1 });
    await lost;
    expect(await client.result(id)).toMatchObject({ status: 'completed', attempt: 1, result: 1 });
    expect(runs.items).toEqual([id]);
  });

  it('an acknowledgement: the report is repeated, and there is one result', async () => {
    await using world = await World.open(kind);
    // Heartbeats come too late to tell it.
    await world.coordinator({ leaseMs: 60_000 });
    const runs = new Log<string>();
    const lossy = await lossyAgent(world, counted(runs));
    const client = await world.client();
    const lost = lossy.lose(carries('acks'));
    const acknowledged = lossy.passes(carries('acks'));
    const id = await client.submit({ pool: 'work', payload: 1 });
    await lost;
    expect(await client.result(id)).toMatchObject({ status: 'completed', attempt: 1 });
    await acknowledged;
    expect(runs.items).toEqual([id]);
    expect(await client.task(id)).toMatchObject({ attempts: [{ outcome: 'completed' }], refusals: [] });
  });

  it('every acknowledgement: the agent learns with its heartbeat that the task has ended', async () => {
    await using world = await World.open(kind);
    await world.coordinator(TIMING);
    const runs = new Log<string>();
    const lossy = new Lossy(await world.connect());
    const agent = await world.agent('ann', counted(runs), { transport: lossy });
    const client = await world.client();
    void lossy.lose(carries('acks'), Number.POSITIVE_INFINITY);
    const id = await client.submit({ pool: 'work', payload: 1 });
    expect(await client.result(id)).toMatchObject({ status: 'completed', attempt: 1 });
    await agent.drain();
    expect(runs.items).toEqual([id]);
  });

  it('the outcome: the client learns it by asking', async () => {
    await using world = await World.open(kind);
    await world.coordinator(TIMING);
    await world.agent('ann', ({ payload }) => payload);
    const lossy = new Lossy(await world.connect());
    const client = await world.client({ transport: lossy });
    const lost = lossy.lose(carries('events'));
    const id = await client.submit({ pool: 'work', payload: 1 });
    const outcome = client.result(id);
    await lost;
    expect((await outcome).result).toBe(1);
  });

  it('the end of an orchestration: the client learns it by asking', async () => {
    await using world = await World.open(kind);
    await world.coordinator(TIMING);
    await world.agent('ann', ({ payload }) => payload);
    const lossy = new Lossy(await world.connect());
    const client = await world.client({ transport: lossy });
    void lossy.lose(({ way }) => way === 'in', Number.POSITIVE_INFINITY);
    const { id } = await client.orchestrate({ name: 'one', tasks: [{ key: 'a', pool: 'work' }] });
    expect((await client.orchestrationResult(id)).status).toBe('completed');
  });

  it('the answer to a submit: it is repeated, and the task runs once', async () => {
    await using world = await World.open(kind);
    await world.coordinator(TIMING);
    const runs = new Log<string>();
    await world.agent('ann', counted(runs));
    const lossy = new Lossy(await world.connect());
    const client = await world.client({ transport: lossy });
    const lost = lossy.lose(says('submit', 'reply'));
    const id = await client.submit({ pool: 'work', payload: 1 });
    await lost;
    expect((await client.result(id)).result).toBe(1);
    expect(runs.items).toEqual([id]);
  });

  it('the notice of a cancel: the agent learns it with its heartbeat', async () => {
    await using world = await World.open(kind);
    await world.coordinator(TIMING);
    const started = gate();
    const aborted = gate<unknown>();
    const lossy = await lossyAgent(world, (_, { signal }) => {
      signal.addEventListener('abort', () => aborted.open(signal.reason));
      started.open();
      return aborted.passed.then(() => null);
    });
    const client = await world.client();
    const id = await client.submit({ pool: 'work' });
    await started.passed;
    const lost = lossy.lose(carries('cancels'));
    await client.cancel(id);
    await lost;
    expect(await aborted.passed).toMatchObject({ code: 'STALE_LEASE' });
    expect((await client.result(id)).status).toBe('cancelled');
  });

  it('one message in five, of all kinds: every task ends with its one result', async () => {
    await using world = await World.open(kind);
    await world.coordinator(TIMING);
    const { seed, random } = seededRandom();
    // Requests wait for seconds when they are lost; their loss has tests of its own.
    const isLost = ({ way }: Passing) => (way === 'in' || way === 'out') && random() < 0.2;
    const isRequest = ({ subject }: Passing) => !/\.(to|report|progress)(\.|$)/.test(subject);
    const runs = new Log<string>();
    const lossies = await Promise.all(
      ['ann', 'ben'].map(async (id) => {
        const transport = new Lossy(await world.connect());
        await world.agent(id, counted(runs), { transport, maxConcurrency: 5, prefetch: 5 });
        return transport;
      }),
    );
    const toClient = new Lossy(await world.connect());
    const client = await world.client({ transport: toClient });
    for (const lossy of [...lossies, toClient]) {
      void lossy.lose((passing) => !isRequest(passing) && isLost(passing), Number.POSITIVE_INFINITY);
    }
    const ids = await client.submitMany(Array.from({ length: 200 }, (_, i) => ({ pool: 'work', payload: i })));
    const outcomes = await Promise.all(ids.map((id) => client.result(id)));
    expect(
      outcomes.map(({ result }) => result),
      `seed ${seed}`,
    ).toEqual(ids.map((_, i) => i));
    const details = await Promise.all(ids.map((id) => client.task(id)));
    for (const { attempts } of details) {
      expect(
        attempts.filter(({ outcome }) => outcome === 'completed'),
        `seed ${seed}`,
      ).toHaveLength(1);
    }
    expect(runs.items.length, `seed ${seed}`).toBe(details.reduce((sum, { attempts }) => sum + attempts.length, 0));
  });
});
