import { describe, expect, it } from 'vitest';
import type { Accept, Handler } from '#rota/index.js';
import { Lossy, says } from '../../support/lossy.js';
import { gate, Log } from '../../support/signals.js';
import { TRANSPORTS, World } from '../../support/world.js';

const echo: Handler = ({ payload }) => payload;

describe.each(TRANSPORTS)('refusals over %s', (kind) => {
  it.each<[string, Handler, Accept | undefined, string | RegExp]>([
    ['a handler that rejects', (_, { reject }) => reject('not mine'), undefined, 'not mine'],
    [
      'a handler that catches what reject throws',
      (_, { reject }) => {
        try {
          reject('not mine');
        } catch {
          return 'done after all';
        }
      },
      undefined,
      'not mine',
    ],
    ['accept that answers false', echo, () => false, /refused the offer/],
    ['accept that answers a reason', echo, async () => 'too large for me', 'too large for me'],
  ])('%s: the task goes to the next agent, and the refusal is recorded', async (_, handler, accept, said) => {
    await using world = await World.open(kind);
    await world.coordinator();
    const client = await world.client();
    await world.agent('ann', handler, accept === undefined ? {} : { accept });
    const hold = gate();
    await client.submit({ pool: 'work', id: 'task', maxAttempts: 1, payload: 'x' });
    await world.agent('ben', () => hold.passed.then(() => 'by ben'));
    hold.open();
    // One attempt is all that it has: a refusal is none.
    expect(await client.result('task')).toMatchObject({ status: 'completed', result: 'by ben', attempt: 1 });
    const { attempts } = await client.task('task');
    expect(attempts.at(-1)).toMatchObject({ agentId: 'ben', outcome: 'completed' });
    const refused = attempts.filter(({ outcome }) => outcome === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const { agentId, error } of refused) {
      expect(agentId).toBe('ann');
      expect(error?.code).toBe('REJECTED');
      expect(error?.message).toMatch(said);
    }
    expect((await client.metrics()).refusals).toEqual([{ agentId: 'ann', count: refused.length }]);
  });

  it('a refusal that is lost is said again', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    const transport = new Lossy(await world.connect());
    const lost = transport.lose(says('report'));
    const asked = new Log<string>();
    const accept = ({ taskId }: { taskId: string }) => {
      asked.push(taskId);
      return false;
    };
    await world.agent('ann', echo, { transport, accept });
    const client = await world.client();
    const id = await client.submit({ pool: 'work' });
    await lost;
    expect(asked.items).toEqual([id]);
    await world.agent('ben', () => 'by ben');
    expect(await client.result(id)).toMatchObject({ status: 'completed', result: 'by ben' });
  });

  it('what accept throws fails the attempt', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    const accept = () => {
      throw new Error('broken');
    };
    await world.agent('ann', echo, { accept });
    const client = await world.client();
    const id = await client.submit({ pool: 'work', maxAttempts: 1 });
    expect(await client.result(id)).toMatchObject({ status: 'failed', error: { code: 'HANDLER_FAILED' } });
  });

  it('an offer that is not accepted in time goes on, and is dropped quietly', async () => {
    await using world = await World.open(kind);
    await world.coordinator({ policies: { defaults: { acceptTimeoutMs: 200 } } });
    const asked = new Log<string>();
    const hold = gate();
    const runs = new Log<string>();
    const slow = await world.agent('ann', () => runs.push('ann'), {
      accept: async ({ taskId }) => {
        asked.push(taskId);
        await hold.passed;
        return true;
      },
    });
    const client = await world.client();
    const id = await client.submit({ pool: 'work' });
    await asked.reaches(1);
    await world.agent('ben', () => runs.push('ben'));
    expect(await client.result(id)).toMatchObject({ status: 'completed', agentId: 'ben' });
    hold.open();
    await slow.drain();
    expect(runs.items).toEqual(['ben']);
    expect((await client.task(id)).refusals).toEqual([]);
  });

  it('a report carries how hard it was', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    await world.agent('ann', (_, { difficulty }) => difficulty('tricky'));
    const client = await world.client();
    const id = await client.submit({ pool: 'work', workType: 'puzzle' });
    await client.result(id);
    expect(await client.performance({ workType: 'puzzle' })).toMatchObject([
      { agentId: 'ann', successCount: 1, failureCount: 0, difficultyAssessment: 'tricky' },
    ]);
  });

  it('a difficulty that is none fails the attempt, and keeps no other report from arriving', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    await world.agent('ann', (_, { difficulty }) => difficulty('hard' as 'tricky'));
    const client = await world.client();
    const id = await client.submit({ pool: 'work' });
    expect(await client.result(id)).toMatchObject({ status: 'failed', error: { code: 'INVALID_VALUE' } });
  });
});
