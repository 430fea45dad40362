import { describe, expect, it } from 'vitest';
import type { Handler, Update } from '#rota/index.js';
import { createClient } from '#rota/index.js';
import { LIMITS } from '#rota/protocol/limits.js';
import { type Gate, gate, Log, rejection } from '../../support/signals.js';
import { TRANSPORTS, World } from '../../support/world.js';

const echo: Handler = ({ payload }) => payload;

/** Waits until its signal aborts, and says so. */
function untilAborted(started: Log<string>, aborted: Log<string>): Handler {
  return ({ taskId }, { signal }) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        aborted.push(taskId);
        reject(signal.reason);
      });
      started.push(taskId);
    });
}

describe.each(TRANSPORTS)('tasks over %s', (kind) => {
  it('carries a task to an agent and its result back', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    await world.agent('ann', ({ payload, workType, attempt, pool }) => ({ payload, workType, attempt, pool }));
    const client = await world.client();
    const id = await client.submit({ pool: 'work', workType: 'greet', payload: { name: 'Ünal' } });
    const result = { payload: { name: 'Ünal' }, workType: 'greet', attempt: 1, pool: 'work' };
    expect(await client.result(id)).toEqual({ taskId: id, status: 'completed', attempt: 1, agentId: 'ann', result });
    expect(await client.result(id)).toMatchObject({ status: 'completed' });
  });

  it('takes a repeated submit once', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    const runs = new Log<string>();
    await world.agent('ann', ({ taskId }) => runs.push(taskId));
    const client = await world.client();
    const task = { pool: 'work', id: 'once' };
    await client.submit(task);
    await client.result('once');
    expect(await client.submitMany([task, task])).toEqual(['once', 'once']);
    expect((await client.result('once')).status).toBe('completed');
    expect(runs.items).toEqual(['once']);
  });

  it('gives outcomes in the order in which tasks end', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    const gates = new Map<string, Gate>(['a', 'b', 'c'].map((id) => [id, gate()]));
    await world.agent('ann', ({ taskId }) => gates.get(taskId)?.passed.then(() => taskId), { maxConcurrency: 3 });
    const client = await world.client();
    const ids = await client.submitMany([...gates.keys()].map((id) => ({ pool: 'work', id })));
    const results = client.results(ids)[Symbol.asyncIterator]();
    for (const id of ['c', 'a', 'b']) {
      gates.get(id)?.open();
      expect((await results.next()).value).toMatchObject({ taskId: id, result: id });
    }
    expect((await results.next()).done).toBe(true);
  });

  it('cancels what waits and aborts what runs', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    const started = new Log<string>();
    const aborted = new Log<string>();
    await world.agent('ann', untilAborted(started, aborted));
    const client = await world.client();
    await client.submitMany(['runs', 'waits'].map((id) => ({ pool: 'work', id })));
    await started.reaches(1);
    expect(await client.cancel(['waits', 'runs', 'nobody'])).toEqual({
      waits: 'cancelled',
      runs: 'cancelled',
      nobody: undefined,
    });
    await aborted.reaches(1);
    expect(await client.result('waits')).toEqual({ taskId: 'waits', status: 'cancelled', attempt: 0 });
    expect(await client.result('runs')).toMatchObject({ status: 'cancelled', attempt: 1 });
    expect(started.items).toEqual(['runs']);
    // The agent's slot is free again.
    await client.submit({ pool: 'work', id: 'next' });
    await started.reaches(2);
  });

  it('cancels more tasks than a frame holds', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    const client = await world.client();
    const count = LIMITS.tasksPerFrame + 1;
    const ids = await client.submitMany(Array.from({ length: count }, () => ({ pool: 'work' })));
    const statuses = Object.values(await client.cancel(ids));
    expect(statuses).toEqual(new Array(count).fill('cancelled'));
  });

  it('rejects the result of a task that nobody submitted, and no other', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    await world.agent('ann', echo);
    const client = await world.client();
    const known = client.submit({ pool: 'work', payload: 1 }).then((id) => client.result(id));
    const [unknown, misnamed] = [client.result('nobody'), client.result('no name')].map(rejection);
    expect((await unknown)?.code).toBe('UNKNOWN_TASK');
    expect((await misnamed)?.code).toBe('INVALID_NAME');
    expect((await known).result).toBe(1);
    const all = client.results(['nobody'])[Symbol.asyncIterator]();
    expect((await rejection(all.next())).code).toBe('UNKNOWN_TASK');
  });

  it('tells other clients, and those that came later', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    const hold = gate();
    await world.agent('ann', async ({ payload }) => hold.passed.then(() => payload));
    const submitter = await world.client();
    const id = await submitter.submit({ pool: 'work', payload: 'for all' });
    const other = (await world.client()).result(id);
    hold.open();
    expect((await other).result).toBe('for all');
    await submitter.result(id);
    submitter.close();
    expect((await (await world.client()).result(id)).result).toBe('for all');
    // The same name again, as a restarted process would have: the events went to its predecessor.
    const again = await world.client({ id: submitter.id });
    expect((await again.result(id)).result).toBe('for all');
  });

  it('tells a result as often as somebody asks, also when it was told before anybody did', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    await world.agent('ann', echo);
    const client = await world.client();
    const updates = new Log<Update>();
    client.onUpdate(updates.push);
    const id = await client.submit({ pool: 'work', payload: 'hello' });
    await updates.reaches(1);
    for (let nth = 0; nth < 3; nth++) expect((await client.result(id)).result).toBe('hello');
  });

  it('tells of each change and of progress to who watches all', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    const hold = gate();
    await world.agent('ann', async (_, { progress }) => {
      progress(25, 'a quarter');
      await hold.passed;
    });
    const client = await world.client();
    const updates = new Log<Update>();
    client.onUpdate(updates.push);
    const id = await client.submit({ pool: 'work' }, { watch: 'all' });
    const { event } = await updates.first(({ kind }) => kind === 'progress');
    expect(event).toEqual({ agentId: 'ann', taskId: id, token: 1, percent: 25, message: 'a quarter' });
    expect((await client.task(id)).progress).toMatchObject({ percent: 25 });
    hold.open();
    await client.result(id);
    const statuses = updates.items.flatMap((update) => (update.kind === 'task' ? [update.event.status] : []));
    expect(statuses).toEqual(['assigned', 'running', 'completed']);
  });

  it('completes 5,000 tasks, each once', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    const runs = new Map<string, number>();
    const count: Handler = ({ taskId, payload }) => {
      runs.set(taskId, (runs.get(taskId) ?? 0) + 1);
      return payload;
    };
    for (const id of ['ann', 'ben', 'cem']) await world.agent(id, count, { maxConcurrency: 10, prefetch: 100 });
    const client = await world.client();
    const ids = await client.submitMany(Array.from({ length: 5_000 }, (_, i) => ({ pool: 'work', payload: i })));
    const seen = new Map<string, unknown>();
    for await (const { taskId, result } of client.results(ids)) seen.set(taskId, result);
    expect(ids.map((id) => seen.get(id))).toEqual(Array.from({ length: 5_000 }, (_, i) => i));
    expect([...runs.values()].every((times) => times === 1)).toBe(true);
  });

  it('splits large results over frames, told as they end and asked for later', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    await world.agent('ann', ({ payload }) => String(payload).repeat(60 * 1024), { maxConcurrency: 50 });
    const client = await world.client();
    const letters = Array.from({ length: 50 }, (_, i) => String.fromCharCode(65 + i));
    const ids = await client.submitMany(letters.map((payload) => ({ pool: 'work', payload })));
    const asked = [client, await world.client()];
    for (const one of asked) {
      const outcomes = await Promise.all(ids.map((id) => one.result(id)));
      expect(outcomes.map(({ result }) => String(result)[0])).toEqual(letters);
      expect(outcomes.every(({ result }) => String(result).length === 60 * 1024)).toBe(true);
    }
  });

  it('takes all pools of a submit, or says what is wrong before it sends anything', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    const client = await world.client();
    const tooLarge = 'x'.repeat(LIMITS.stringBytes + 1);
    const tasks = [
      { pool: 'work', id: 'good' },
      { pool: 'other', id: 'bad', payload: tooLarge },
    ];
    expect((await rejection(client.submitMany(tasks))).code).toBe('FRAME_TOO_LARGE');
    const misnamed = client.submitMany([{ pool: 'work', id: 'good' }, { pool: 'no pool' }]);
    expect((await rejection(misnamed)).code).toBe('INVALID_NAME');
    // Behind this one, whatever had been sent would be there.
    await client.submit({ pool: 'work', id: 'later' });
    expect((await client.tasks()).map(({ id }) => id)).toEqual(['later']);
  });

  it('rejects what waits when the client is closed, and what is asked after', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    const client = await world.client();
    const id = await client.submit({ pool: 'nobody-there' });
    const waiting = [
      rejection(client.result(id)),
      rejection(client.results([id])[Symbol.asyncIterator]().next()),
      rejection(client.orchestrationResult('some')),
    ];
    client.close();
    client.close();
    for (const error of await Promise.all(waiting)) expect(error.code).toBe('CLOSED');
    expect((await rejection(client.result(id))).code).toBe('CLOSED');
    expect((await rejection(client.submit({ pool: 'work' }))).code).toBe('CLOSED');
  });

  it('rejects with CLOSED what is repeated for want of a coordinator', async () => {
    await using world = await World.open(kind);
    const client = createClient({ transport: await world.connect() });
    const submitted = rejection(client.submit({ pool: 'work' }));
    client.close();
    expect((await submitted).code).toBe('CLOSED');
  });

  it('says that there is no coordinator once its patience is over', async () => {
    await using world = await World.open(kind);
    const client = await world.client({ patienceMs: 100 });
    expect((await rejection(client.submit({ pool: 'work' }))).code).toBe('NO_COORDINATOR');
  });

  it('ends a wait when its signal aborts, and goes on with others', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    const hold = gate();
    await world.agent('ann', () => hold.passed.then(() => 'done'));
    const client = await world.client();
    const id = await client.submit({ pool: 'work' });
    const abort = new AbortController();
    const given = rejection(client.result(id, abort.signal));
    const kept = client.result(id);
    abort.abort(new Error('enough'));
    expect((await given).message).toBe('enough');
    expect((await rejection(client.result(id, abort.signal))).message).toBe('enough');
    hold.open();
    expect((await kept).result).toBe('done');
  });

  it('warns of no leak when many calls wait on one signal', async () => {
    await using world = await World.open(kind);
    const warnings = new Log<Error>();
    process.on('warning', warnings.push);
    const client = await world.client();
    const submits = Promise.all(Array.from({ length: 20 }, () => client.submit({ pool: 'work' })));
    await world.coordinator();
    await world.agent('ann', echo);
    const outcomes = client.results(await submits, new AbortController().signal);
    for await (const { status } of outcomes) expect(status).toBe('completed');
    await new Promise(setImmediate);
    process.off('warning', warnings.push);
    expect(warnings.items).toEqual([]);
  });
});
