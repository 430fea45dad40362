import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Store } from '#rota/store/store.js';
import { AT_MS, assigned, completed, failed, registered, released, submitted } from '../support/events.js';
import { rowHistory } from '../support/histories.js';
import { Replay } from '../support/replay.js';
import { appendAll, leadAs, type Open, take } from '../support/stores.js';
import { leadershipContract } from './store-leadership.contract.js';
import { selectionContract } from './store-selection.contract.js';

/** What every store must do. `open` gives an empty one; `runs` is how many random histories it is tried with. */
export function storeContract(name: string, runs: number, open: Open): void {
  describe(`${name} store`, () => {
    journal(open);
    leadershipContract(open);
    reads(open);
    selectionContract(open);
    histories(open, runs);
  });
}

function journal(open: Open): void {
  test('an empty store gives its first leader epoch 1 and nothing else', async () => {
    await using made = await open();
    const recovered = await take(made.store, 'a');
    expect(recovered).toEqual({ epoch: 1, seq: 0, monoMs: 0, pools: [], orchestrations: [], newestId: '', tail: [] });
  });

  test('before anybody leads, nothing is appended', async () => {
    await using made = await open();
    const append = made.store.append({ seq: 1, epoch: 0, events: [submitted('t', 1)] });
    await expect(append).rejects.toMatchObject({ code: 'DEPOSED' });
  });

  test('the next leader gets the next epoch, and the older one can append no more', async () => {
    await using made = await open();
    const { store } = made;
    const first = await leadAs(store, 'a');
    await store.append(first.row(submitted('t-1', 1)));
    const second = await leadAs(store, 'b');
    expect(second.recovered).toMatchObject({ epoch: 2, seq: 1 });
    await expect(store.append(first.row(submitted('t-2', 2)))).rejects.toMatchObject({ code: 'DEPOSED' });
    await store.append(second.row(submitted('t-3', 2)));
    expect((await store.tasks({ limit: 10 })).map((task) => task.id)).toEqual(['t-3', 't-1']);
  });

  test('a gap in the journal is refused, and nothing of the row is written', async () => {
    await using made = await open();
    const { store } = made;
    await take(store, 'a');
    const events = [submitted('t-1', 1)];
    const refusal = { code: 'DEPOSED', message: expect.stringContaining('rows are missing') };
    await expect(store.append({ seq: 2, epoch: 1, events })).rejects.toMatchObject(refusal);
    expect(await store.tasks({ limit: 10 })).toEqual([]);
    await store.append({ seq: 1, epoch: 1, events });
    expect(await store.tasks({ limit: 10 })).toHaveLength(1);
  });

  test('the row that is there already is acknowledged again and counted once', async () => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    const row = leader.row(registered('agent'), submitted('t', 1), assigned('t', 'agent'), completed('t', 'agent'));
    await store.append(row);
    await store.append(row);
    expect(await store.agents()).toMatchObject([{ id: 'agent', completed: 1 }]);
    await store.append(leader.row(submitted('t-2', 2)));
  });

  test('another row in the same place is refused', async () => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    await store.append(leader.row(submitted('t', 1)));
    const other = { seq: 1, epoch: 1, events: [submitted('other', 1)] };
    const refusal = { code: 'DEPOSED', message: expect.stringContaining('another row') };
    await expect(store.append(other)).rejects.toMatchObject(refusal);
    expect((await store.tasks({ limit: 10 })).map((task) => task.id)).toEqual(['t']);
  });

  test('after close every call rejects, and closing again does not', async () => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    const append = store.append(leader.row(submitted('t', 1)));
    await store.close();
    await append;
    await store.close();
    const closed = { code: 'CLOSED' };
    await expect(take(store, 'b')).rejects.toMatchObject(closed);
    await expect(store.append(leader.row())).rejects.toMatchObject(closed);
    await expect(store.known(['t'])).rejects.toMatchObject(closed);
    await expect(store.task('t')).rejects.toMatchObject(closed);
    await expect(store.tasks({ limit: 1 })).rejects.toMatchObject(closed);
    await expect(store.agents()).rejects.toMatchObject(closed);
    await expect(store.orchestration('o')).rejects.toMatchObject(closed);
    await expect(store.decisions({ limit: 1 })).rejects.toMatchObject(closed);
    await expect(store.performance({ limit: 1 })).rejects.toMatchObject(closed);
    await expect(store.rows(0, 1)).rejects.toMatchObject(closed);
    await expect(store.renew(1, 0)).rejects.toMatchObject(closed);
    await expect(store.resign(1)).rejects.toMatchObject(closed);
    await expect(store.leadership()).rejects.toMatchObject(closed);
    await expect(store.trim(0)).rejects.toMatchObject(closed);
  });
}

function reads(open: Open): void {
  test('what is not there is not found', async () => {
    await using made = await open();
    const { store } = made;
    await take(store, 'a');
    expect(await store.task('t')).toBeUndefined();
    expect(await store.orchestration('o')).toBeUndefined();
    expect(await store.known(['t'])).toEqual(new Map());
    expect(await store.agents('alpha')).toEqual([]);
  });

  test('a read sees every append before it, however many are behind', async () => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    const appends = Array.from({ length: 300 }, (_, i) => store.append(leader.row(submitted(`t-${i}`, i + 1))));
    const seen = store.tasks({ limit: 1_000 });
    await Promise.all(appends);
    expect(await seen).toHaveLength(300);
    expect(store.materialisedSeq).toBe(300);
  });

  test('tasks are filtered by each field and by all, newest first, up to the limit', async () => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    const orchestrationId = 'o';
    await store.append(
      leader.row(
        registered('agent'),
        submitted('t-1', 1, { orchestrationId, key: 'k' }),
        submitted('t-2', 2),
        submitted('t-3', 3, { pool: 'beta', orchestrationId, key: 'l' }),
        submitted('t-4', 4),
        submitted('t-5', 5, { createdAtMs: AT_MS }),
        assigned('t-2', 'agent'),
      ),
    );
    const ids = async (filter: object) => (await store.tasks({ limit: 10, ...filter })).map((task) => task.id);
    expect(await ids({})).toEqual(['t-4', 't-3', 't-2', 't-1', 't-5']);
    expect(await ids({ limit: 2 })).toEqual(['t-4', 't-3']);
    expect(await ids({ status: 'assigned' })).toEqual(['t-2']);
    expect(await ids({ pool: 'beta' })).toEqual(['t-3']);
    expect(await ids({ orchestrationId })).toEqual(['t-3', 't-1']);
    expect(await ids({ orchestrationId, pool: 'alpha', status: 'pending' })).toEqual(['t-1']);
    expect(await ids({ status: 'failed' })).toEqual([]);
  });

  test('an attempt ends once and is counted once', async () => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    await store.append(leader.row(registered('a-1'), registered('a-2', 1), submitted('t', 1), assigned('t', 'a-1')));
    await store.append(leader.row(released('t', 'a-1', 'failed')));
    await store.append(leader.row(failed('t', 'a-1')));
    expect(await store.agents()).toMatchObject([
      { id: 'a-1', failed: 1, completed: 0, load: 0 },
      { id: 'a-2', failed: 0, completed: 0, load: 0 },
    ]);
    const detail = await store.task('t');
    expect(detail?.attempts).toMatchObject([{ outcome: 'failed', endedAtMs: AT_MS + 200 }]);
  });

  test('an agent that was lost did not fail; one that registers again keeps its counts', async () => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    await store.append(leader.row(registered('agent'), submitted('t', 1), assigned('t', 'agent')));
    expect(await store.agents()).toMatchObject([{ load: 1 }]);
    await store.append(leader.row(released('t', 'agent', 'released')));
    await store.append(leader.row(assigned('t', 'agent', 2), completed('t', 'agent', 2), registered('agent')));
    expect(await store.agents()).toMatchObject([{ failed: 0, completed: 1, load: 0, presence: 'online' }]);
  });

  test('a result of null is a result', async () => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    await store.append(leader.row(registered('agent'), submitted('t', 1), assigned('t', 'agent')));
    expect(await store.task('t')).not.toHaveProperty('result');
    await store.append(leader.row(completed('t', 'agent')));
    expect(await store.task('t')).toHaveProperty('result', null);
  });

  test('text that a database would cut at its NUL is kept whole', async () => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    const lost = released('t', 'agent', 'failed', 'before\0after');
    await store.append(leader.row(registered('agent'), submitted('t', 1), assigned('t', 'agent'), lost));
    const detail = await store.task('t');
    expect(detail?.task.reason).toContain('before\uFFFDafter');
    expect(detail?.attempts[0]?.error).toEqual(lost.error);
  });

  test('of many refused reports a task shows the newest', async () => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    const refusal = (n: number) => ({
      type: 'reportRefused' as const,
      atMs: AT_MS + n,
      taskId: 't',
      agentId: 'agent',
      token: 1,
      code: 'STALE_LEASE',
    });
    await store.append(leader.row(submitted('t', 1), ...Array.from({ length: 150 }, (_, n) => refusal(n))));
    const times = (await store.task('t'))?.refusals.map((row) => row.atMs - AT_MS);
    expect(times).toEqual(Array.from({ length: 100 }, (_, n) => n + 50));
  });
}

function histories(open: Open, numRuns: number): void {
  test('answers and images after any history are those of a plain replay', async () => {
    await fc.assert(
      fc.asyncProperty(rowHistory(), async (rows) => {
        await using made = await open();
        const { store } = made;
        await take(store, 'a');
        await appendAll(store, rows);
        const replay = new Replay(rows);
        await expectAnswers(store, replay);
        expect(await take(store, 'b')).toEqual({ epoch: 2, seq: rows.length, ...replay.images(), tail: [] });
      }),
      { numRuns },
    );
  });
}

/** Every answer of the store is what a replay of the same history says. */
export async function expectAnswers(store: Store, replay: Replay): Promise<void> {
  const taskIds = replay.taskIds();
  expect(await store.tasks({ limit: 1_000 })).toEqual(replay.tasks());
  expect(await store.agents()).toEqual(replay.agents());
  await expectDecisions(store, replay);
  expect(await store.performance({ limit: 1_000 })).toEqual(replay.performance());
  for (const id of taskIds) expect(await store.task(id)).toEqual(replay.detail(id));
  for (const id of replay.orchestrationIds()) expect(await store.orchestration(id)).toEqual(replay.orchestration(id));
  expect(await store.known(taskIds)).toEqual(new Map(taskIds.map((id) => [id, replay.known(id)])));
}

/** All of them, and by each filter and two; `limit` cuts after the order. */
async function expectDecisions(store: Store, replay: Replay): Promise<void> {
  const all = replay.decisions();
  expect(await store.decisions({ limit: 1_000 })).toEqual(all);
  const some = all[Math.floor(all.length / 2)];
  if (some === undefined) return;
  const { taskId, agentId, workType, pool, atMs } = some;
  const filters = [
    { taskId },
    { agentId },
    { workType },
    { pool },
    { agentId, workType },
    { pool, fromMs: atMs },
    { toMs: atMs },
    { fromMs: atMs, toMs: atMs },
  ];
  for (const { fromMs = 0, toMs = Number.MAX_SAFE_INTEGER, ...fields } of filters) {
    const matching = all.filter(
      (row) =>
        row.atMs >= fromMs &&
        row.atMs <= toMs &&
        Object.entries(fields).every(([key, value]) => row[key as 'taskId'] === value),
    );
    expect(await store.decisions({ ...fields, fromMs, toMs, limit: 3 })).toEqual(matching.slice(0, 3));
  }
}
