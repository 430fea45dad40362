import { describe, expect, it } from 'vitest';
import type { Client, Handler, Store, Transport } from '#rota/index.js';
import { heardLog } from '../../support/heard-log.js';
import { Lossy, says } from '../../support/lossy.js';
import { pausable } from '../../support/pausable.js';
import { gate, Log, rejection } from '../../support/signals.js';
import { TRANSPORTS, World } from '../../support/world.js';

const TASKS = 300;
const batch = () => Array.from({ length: TASKS }, (_, i) => ({ pool: 'work', payload: i }));

/** Runs a turn of the event loop for each task, and counts. */
function counted(runs: Log<string>): Handler {
  return async ({ taskId, payload }) => {
    runs.push(taskId);
    await new Promise(setImmediate);
    return payload;
  };
}

/** Each of these tasks has ended once, in its first attempt, and its handler ran once. */
async function expectOnce(client: Client, ids: readonly string[], runs: Log<string>): Promise<void> {
  const rows = await client.tasks({ limit: 1_000 });
  expect(rows.map(({ id, status, attempt }) => [id, status, attempt]).toSorted()).toEqual(
    ids.map((id) => [id, 'completed', 1]).toSorted(),
  );
  expect(runs.items.toSorted()).toEqual(ids.toSorted());
}

/** How many rows of the journal were written under this epoch. */
async function rowsOf(store: Store, epoch: number): Promise<number> {
  const rows = await store.rows(0, 100_000);
  return rows.filter((row) => row.epoch === epoch).length;
}

function reached(transport: Transport, wanted: Transport['status']): Promise<void> {
  const is = gate();
  if (transport.status === wanted) is.open();
  const end = transport.onStatus((status) => {
    if (status === wanted) is.open();
  });
  return is.passed.finally(end);
}

describe.each(TRANSPORTS)('coordinators that follow each other over %s', (kind) => {
  it('go on where the one before stopped, while agents and clients stay', async () => {
    await using world = await World.open(kind);
    const first = await world.coordinator({ store: await world.sqlite() });
    const runs = new Log<string>();
    for (const id of ['ann', 'ben']) await world.agent(id, counted(runs), { maxConcurrency: 3 });
    const client = await world.client();
    const ids = await client.submitMany(batch());
    const results = ids.map((id) => client.result(id));
    await runs.reaches(TASKS / 3);
    await first.stop();
    expect(await first.stopped).toBe(undefined);
    expect(first.state).toBe('stopped');
    const second = await world.coordinator({ store: await world.sqlite() });
    expect(second.epoch).toBe(first.epoch + 1);
    const outcomes = await Promise.all(results);
    expect(outcomes.map(({ result }) => result)).toEqual(ids.map((_, i) => i));
    await expectOnce(client, ids, runs);
  });

  it('find tasks that wait, that run and that ended meanwhile, and half an orchestration', async () => {
    await using world = await World.open(kind);
    const first = await world.coordinator({ store: await world.sqlite() });
    const started = new Log<string>();
    const hold = gate();
    const handler: Handler = async ({ taskId, key, inputs }) => {
      started.push(taskId);
      if (key !== 'begin') await hold.passed;
      return inputs ?? 'done';
    };
    const agent = await world.agent('ann', handler, { maxConcurrency: 2 });
    const client = await world.client();
    const { id, taskIds } = await client.orchestrate({
      name: 'line',
      tasks: [
        { key: 'begin', pool: 'work' },
        { key: 'middle', pool: 'work', dependsOn: ['begin'] },
        { key: 'end', pool: 'work', dependsOn: ['middle'] },
      ],
    });
    await client.submitMany([
      { pool: 'work', id: 'runs' },
      { pool: 'work', id: 'waits', timeoutMs: 60_000 },
      { pool: 'nobody-there', id: 'cancelled' },
    ]);
    await started.reaches(3);
    await first.stop();
    // The handlers end while nobody listens.
    hold.open();
    await world.coordinator({ store: await world.sqlite() });
    expect(await client.cancel('cancelled')).toEqual({ cancelled: 'cancelled' });
    expect((await client.orchestrationResult(id)).status).toBe('completed');
    expect((await client.result(taskIds.end ?? '')).result).toEqual({ middle: { begin: 'done' } });
    for (const task of ['runs', 'waits']) {
      expect(await client.result(task)).toMatchObject({ status: 'completed', attempt: 1 });
    }
    expect(started.items).toHaveLength(5);
    await agent.drain();
  });

  it('end the reign of one that is paused, which writes nothing more and stands by', async () => {
    await using world = await World.open(kind);
    const paused = pausable(await world.sqlite());
    const { log, hears } = heardLog();
    const first = await world.coordinator({ store: paused.store, failoverMs: 300, log });
    const runs = new Log<string>();
    const hold = gate();
    const handler: Handler = async ({ taskId, payload }) => {
      runs.push(taskId);
      if (runs.items.length > TASKS / 3) await hold.passed;
      return payload;
    };
    await world.agent('ann', handler, { maxConcurrency: 3 });
    const client = await world.client();
    const before = await client.submitMany(batch());
    await runs.reaches(TASKS / 3 + 3);
    paused.pause();
    const store = await world.sqlite();
    const second = await world.coordinator({ store, failoverMs: 300 });
    await second.leading;
    const { epoch } = first;
    const written = await rowsOf(store, epoch);
    // Work is under way while the reign changes, and the first has rows to write.
    hold.open();
    await client.submitMany([{ pool: 'work', id: 'later' }]);
    paused.resume();
    await hears('no longer leading');
    expect(first).toMatchObject({ state: 'standby', epoch: second.epoch - 1 });
    const outcomes = await Promise.all(before.map((id) => client.result(id)));
    expect(outcomes.map(({ result }) => result)).toEqual(before.map((_, i) => i));
    const details = await Promise.all(before.map((id) => client.task(id)));
    for (const { attempts } of details) {
      expect(attempts.filter(({ outcome }) => outcome === 'completed')).toHaveLength(1);
    }
    // On a machine that is busy, the first may lead again by now.
    expect(await rowsOf(store, epoch)).toBe(written);
    await second.stop();
    await first.leading;
    expect(first.epoch).toBe(second.epoch + 1);
  });

  it('without a store know nothing of before, and say so', async () => {
    await using world = await World.open(kind);
    const first = await world.coordinator({ store: 'none', leaseMs: 400 });
    const started = gate();
    const aborted = gate<unknown>();
    await world.agent('ann', ({ payload }, { signal }) => {
      if (payload !== 'old') return payload;
      signal.addEventListener('abort', () => aborted.open(signal.reason));
      started.open();
      return aborted.passed.then(() => null);
    });
    const client = await world.client();
    const old = await client.submit({ pool: 'work', payload: 'old' });
    const outcome = rejection(client.result(old));
    await started.passed;
    await first.stop();
    await world.coordinator({ store: 'none', leaseMs: 400 });
    expect(await aborted.passed).toMatchObject({ code: 'STALE_LEASE' });
    const id = await client.submit({ pool: 'work', payload: 'new' });
    expect((await client.result(id)).result).toBe('new');
    expect((await outcome).code).toBe('UNKNOWN_TASK');
  });

  it('answer what came before they stop, and leave the rest to their successor', async () => {
    await using world = await World.open(kind);
    const first = await world.coordinator({ store: await world.sqlite() });
    const lossy = new Lossy(await world.connect());
    const client = await world.client({ transport: lossy });
    const asked = lossy.passes(says('submit'), 1);
    const submits = Promise.all(Array.from({ length: 20 }, () => client.submit({ pool: 'work' })));
    await asked;
    const stopped = first.stop();
    const late = client.submit({ pool: 'work' });
    await stopped;
    await world.coordinator({ store: await world.sqlite() });
    const ids = [...(await submits), await late];
    const rows = await client.tasks();
    expect(rows.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  });
});

describe('a NATS server that is killed', () => {
  it('loses nothing: what was said meanwhile is said again', async () => {
    await using world = await World.open('nats');
    await world.coordinator();
    const started = new Log<string>();
    const hold = gate();
    const transport = await world.connect();
    const handler: Handler = async ({ taskId, payload }) => {
      started.push(taskId);
      await hold.passed;
      return payload;
    };
    await world.agent('ann', handler, { transport, maxConcurrency: 10 });
    const client = await world.client();
    const ids = await client.submitMany(Array.from({ length: 30 }, (_, i) => ({ pool: 'work', payload: i })));
    const results = ids.map((id) => client.result(id));
    await started.reaches(10);
    const lost = reached(transport, 'reconnecting');
    await world.nats.kill();
    await lost;
    hold.open();
    const late = client.submit({ pool: 'work', payload: 'late' });
    await new Promise(setImmediate);
    await world.nats.restart();
    const outcomes = await Promise.all(results);
    expect(outcomes.map(({ result }) => result)).toEqual(ids.map((_, i) => i));
    const lateId = await late;
    expect((await client.result(lateId)).result).toBe('late');
    await expectOnce(client, [...ids, lateId], started);
  });

  it('again and again while tasks flow', async () => {
    await using world = await World.open('nats');
    await world.coordinator();
    const runs = new Log<string>();
    const transport = await world.connect();
    await world.agent('ann', counted(runs), { transport, maxConcurrency: 2 });
    await world.agent('ben', counted(runs), { maxConcurrency: 2 });
    const client = await world.client();
    const ids = await client.submitMany(batch());
    const results = ids.map((id) => client.result(id));
    for (const part of [0.1, 0.4, 0.7]) {
      await runs.reaches(TASKS * part);
      const back = reached(transport, 'reconnecting').then(() => reached(transport, 'connected'));
      await world.nats.restart();
      await back;
    }
    const outcomes = await Promise.all(results);
    expect(outcomes.map(({ result }) => result)).toEqual(ids.map((_, i) => i));
    await expectOnce(client, ids, runs);
  });
});
