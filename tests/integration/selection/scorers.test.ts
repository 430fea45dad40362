import { expect, test } from 'vitest';
import type { PoliciesInput } from '#rota/protocol/policy.js';
import { scorerModules } from '../../support/score-jobs.js';
import { World } from '../../support/world.js';

function weighted(scorer: string, deadlineMs = 50): PoliciesInput {
  return { defaults: { strategy: 'weighted', rotationWindowMinutes: 0, scoring: { scorer, deadlineMs } } };
}

/** A world whose pool `work` has two idle agents and this scorer. */
async function open(policies: PoliciesInput) {
  const world = await World.open('memory');
  await world.coordinator({ policies });
  await world.agent('ann', async () => 'ann');
  await world.agent('bob', async () => 'bob');
  return { world, client: await world.client() };
}

const BAD = {
  'loops for ever': ['export function score() { for (;;); }', /^it took longer than 50 ms$/],
  throws: ["export function score() { throw new Error('no weights'); }", /no weights/],
  'answers NaN': ['export const score = (task, agents) => agents.map(() => Number.NaN);', /NaN/],
} as const;

test.each(Object.entries(BAD))(
  'a scorer that %s leaves the choice to the built-in one',
  async (_how, [code, reason]) => {
    await using modules = await scorerModules();
    const { world, client } = await open(weighted(await modules.scorer(code)));
    await using _ = world;
    const id = await client.submit({ pool: 'work', workType: 'build' });
    expect(await client.result(id)).toMatchObject({ status: 'completed' });
    const [decision] = await client.decisions({ taskId: id });
    expect(decision).toMatchObject({
      strategy: 'weighted',
      scoreParts: { context: 0, success: 20, specialization: 0, load: 10 },
      fallback: { kind: 'scorer', reason: expect.stringMatching(reason) },
    });
    expect((await client.metrics()).fallbacks).toEqual([{ pool: 'work', kind: 'scorer', count: 1 }]);
    // A thread that was killed takes none with it: the next task has its agent as well.
    const next = await client.submit({ pool: 'work', strategy: 'round-robin' });
    expect(await client.result(next)).toMatchObject({ status: 'completed' });
  },
);

test('a task beside one whose scorer hangs is assigned before it', async () => {
  await using modules = await scorerModules();
  const { world, client } = await open(weighted(await modules.scorer(BAD['loops for ever'][0]), 5_000));
  await using _ = world;
  await client.submit({ pool: 'work', id: 'slow' });
  await client.submit({ pool: 'work', id: 'quick', strategy: 'round-robin' });
  expect(await client.result('quick')).toMatchObject({ status: 'completed' });
  expect((await client.task('slow')).task).toMatchObject({
    status: 'pending',
    reason: 'a scorer is choosing its agent',
  });
  await client.cancel('slow');
});

test('a module of the user chooses, and its decision can be replayed', async () => {
  await using modules = await scorerModules();
  const code = "export const score = (task, agents) => agents.map(({ id }) => (id === 'bob' ? 9 : 1));";
  const world = await World.open('nats');
  await using _ = world;
  await world.coordinator({ policies: weighted(await modules.scorer(code), 10_000) });
  await world.agent('ann', async () => 'ann');
  await world.agent('bob', async () => 'bob');
  const client = await world.client();
  const id = await client.submit({ pool: 'work' });
  expect(await client.result(id)).toMatchObject({ agentId: 'bob' });
  const { same, recorded, replayed } = await client.replay(id);
  expect(recorded).toMatchObject({ agentId: 'bob', score: 9, runnersUp: [{ agentId: 'ann', score: 1 }] });
  expect(replayed).toEqual(recorded);
  expect(same).toBe(true);
});

test('the semantic scorer gives a task to the agent that is about the same', async () => {
  const { world, client } = await open(weighted('semantic', 10_000));
  await using _ = world;
  await client.registerAgent({ id: 'ann', pool: 'work', embedding: [1, 0] });
  await client.registerAgent({ id: 'bob', pool: 'work', embedding: [0, 1] });
  const id = await client.submit({ pool: 'work', embedding: [0.1, 0.9] });
  expect(await client.result(id)).toMatchObject({ agentId: 'bob' });
  const [decision] = await client.decisions({ taskId: id });
  expect(decision).toMatchObject({ scorer: 'semantic', agentId: 'bob' });
  expect(decision?.score).toBeGreaterThan(99);
});
