import { describe, expect, it } from 'vitest';
import { type Client, type Handler, PermanentError } from '#rota/index.js';
import { World } from '../../support/world.js';

/** Plan 03-03, agent router: what is kept of how agents do. */

const DEPLOY = { pool: 'work', workType: 'deploy_service', backoffMs: 0 };

/** One agent that fails what says so. */
async function withAnn(handler: Handler = ({ payload }) => refuse(payload)): Promise<{ world: World; client: Client }> {
  const world = await World.open('memory');
  await world.coordinator();
  await world.agent('ann', handler);
  return { world, client: await world.client() };
}

function refuse(payload: unknown): null {
  if (payload === 'fail') throw new PermanentError('it broke');
  return null;
}

async function run(client: Client, ...payloads: readonly string[]): Promise<void> {
  const ids = await client.submitMany(payloads.map((payload) => ({ ...DEPLOY, payload })));
  for (const id of ids) await client.result(id);
}

describe('the performance of an agent', () => {
  it('counts a success', async () => {
    const { world, client } = await withAnn();
    await using _ = world;
    await run(client, 'ok', 'ok');
    expect(await client.performance()).toMatchObject([{ agentId: 'ann', successCount: 2, failureCount: 0 }]);
  });

  it('counts a failure', async () => {
    const { world, client } = await withAnn();
    await using _ = world;
    await run(client, 'ok', 'fail');
    expect(await client.performance()).toMatchObject([{ agentId: 'ann', successCount: 1, failureCount: 1 }]);
  });

  it('is the success rate of its next decision', async () => {
    const { world, client } = await withAnn();
    await using _ = world;
    await run(client, 'ok', 'ok', 'ok', 'fail');
    await run(client, 'ok');
    const [last] = await client.decisions({ limit: 1 });
    expect(last?.successRatePercent).toBe(75);
  });

  it('records when it executed last, and for how long in all', async () => {
    const { world, client } = await withAnn();
    await using _ = world;
    await run(client, 'ok');
    const [row] = await client.performance();
    const { task } = await client.task((await client.tasks())[0]?.id ?? '');
    expect(row?.lastExecutionAtMs).toBe(task.endedAtMs);
    expect(row?.totalDurationMs).toBeGreaterThanOrEqual(0);
  });

  it('stores how difficult the last execution was: as derived, or as the agent says', async () => {
    const { world, client } = await withAnn(({ payload, attempt }, context) => {
      if (payload === 'said') context.difficulty('tricky');
      if (payload === 'again' && attempt === 1) throw new Error('once more');
      return refuse(payload);
    });
    await using _ = world;
    const after = async (payload: string) => {
      await run(client, payload);
      return (await client.performance())[0]?.difficultyAssessment;
    };
    expect(await after('ok')).toBe('straightforward');
    expect(await after('fail')).toBe('failed');
    expect(await after('again')).toBe('tricky');
    expect(await after('ok')).toBe('straightforward');
    expect(await after('said')).toBe('tricky');
  });

  it('is kept by work type', async () => {
    const { world, client } = await withAnn();
    await using _ = world;
    await run(client, 'ok');
    await client.result(await client.submit({ pool: 'work', workType: 'paint' }));
    const rows = await client.performance({ agentId: 'ann' });
    expect(rows.map(({ workType, successCount }) => [workType, successCount]).sort()).toEqual([
      ['deploy_service', 1],
      ['paint', 1],
    ]);
    expect(await client.performance({ workType: 'paint' })).toHaveLength(1);
  });
});
