import { expect, test } from 'vitest';
import type { JournalEvent, OrchestrationCreated } from '#rota/protocol/journal.js';
import { PolicySchema } from '#rota/protocol/policy.js';
import { createMemoryStore } from '#rota/store/memory.js';
import { AT_MS, assigned, completed, registered, submitted } from '../support/events.js';
import { leadAs, take } from '../support/stores.js';

test('of ended tasks only the newest are kept, with all that belongs to them', async () => {
  const store = createMemoryStore({ keepEnded: 3 });
  const leader = await leadAs(store, 'a');
  await store.append(leader.row(registered('agent')));
  for (let n = 1; n <= 10; n++) await store.append(leader.row(...finished(`t-${n}`, n)));
  await store.append(leader.row(submitted('waits', 11)));
  const ids = (await store.tasks({ limit: 100 })).map((task) => task.id);
  expect(ids).toEqual(['waits', 't-10', 't-9', 't-8']);
  expect(await store.task('t-7')).toBeUndefined();
  expect(await store.agents()).toMatchObject([{ completed: 10, load: 0 }]);
  expect((await store.decisions({ limit: 100 })).map((row) => row.taskId)).toEqual(['t-10', 't-9', 't-8']);
});

test('the history of a pool outlasts the tasks that it is of', async () => {
  const store = createMemoryStore({ keepEnded: 3 });
  const leader = await leadAs(store, 'a');
  const policy = PolicySchema.parse({ historySize: 6 });
  await store.append(
    leader.row(registered('agent'), { type: 'policySet', atMs: AT_MS, pool: 'alpha', version: 'v', policy }),
  );
  for (let n = 1; n <= 10; n++) await store.append(leader.row(...finished(`t-${n}`, n)));
  const [pool] = (await take(store, 'b')).pools;
  expect(pool?.history.map((entry) => entry.taskId)).toEqual(['t-5', 't-6', 't-7', 't-8', 't-9', 't-10']);
});

test('it keeps no journal that a decision could be replayed from, and says so', async () => {
  const store = createMemoryStore();
  await take(store, 'a');
  await expect(store.rows(0, 10)).rejects.toMatchObject({
    code: 'NOT_REPLAYABLE',
    message: expect.stringContaining('Use a store that keeps its journal.'),
  });
});

test('ended tasks of a running orchestration are kept until it ends', async () => {
  const store = createMemoryStore({ keepEnded: 2 });
  const leader = await leadAs(store, 'a');
  const keys = ['a', 'b', 'c', 'd'];
  await store.append(leader.row(registered('agent'), graph('o', keys)));
  for (const [n, key] of keys.entries()) {
    await store.append(leader.row(...finished(`o-${key}`, n + 1, { orchestrationId: 'o', key })));
  }
  expect((await store.orchestration('o'))?.nodes).toHaveLength(4);
  const end = { type: 'orchestrationEnded', atMs: AT_MS, orchestrationId: 'o', status: 'completed' } as const;
  await store.append(leader.row({ ...end, skipped: [] }));
  expect((await store.tasks({ limit: 100 })).map((task) => task.id)).toEqual(['o-d', 'o-c']);
});

test('of ended orchestrations the newest are kept', async () => {
  const store = createMemoryStore({ keepEnded: 5 });
  const leader = await leadAs(store, 'a');
  for (const id of ['o-1', 'o-2', 'o-3']) {
    const end = { type: 'orchestrationEnded', atMs: AT_MS, orchestrationId: id, status: 'cancelled' } as const;
    await store.append(leader.row(graph(id, ['a', 'b']), { ...end, skipped: ['a', 'b'] }));
  }
  expect(await store.orchestration('o-1')).toBeUndefined();
  expect(await store.orchestration('o-2')).toBeDefined();
  expect(await store.orchestration('o-3')).toBeDefined();
});

function finished(id: string, order: number, more = {}): JournalEvent[] {
  return [submitted(id, order, more), assigned(id, 'agent'), completed(id, 'agent')];
}

function graph(id: string, keys: readonly string[]): OrchestrationCreated {
  const {
    id: _id,
    submittedBy: _by,
    watch: _watch,
    order: _order,
    createdAtMs: _at,
    ...asked
  } = submitted('any', 1).task;
  const task = { ...asked, dependsOn: [] };
  return {
    type: 'orchestrationCreated',
    atMs: AT_MS,
    spec: { id, name: id, tasks: keys.map((key) => ({ key, ...task })) },
    submittedBy: 'client',
    watch: 'end',
    taskIds: Object.fromEntries(keys.map((key) => [key, `${id}-${key}`])),
  };
}
