import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { AttemptEnded, JournalEvent, Recovered } from '#rota/protocol/journal.js';
import { PolicySchema } from '#rota/protocol/policy.js';
import type { Store } from '#rota/store/store.js';
import {
  AT_MS,
  assigned,
  completed,
  decision,
  deregistered,
  failed,
  PROFILE,
  registered,
  released,
  submitted,
} from '../support/events.js';
import { leadAs, type Open, take } from '../support/stores.js';

/** What every store keeps of agents, choices and how they went. */
export function selectionContract(open: Open): void {
  registry(open);
  decisions(open);
  performance(open);
  rotation(open);
}

/** What the tables hold once they have everything, for which any read waits. */
async function leadCaughtUp(store: Store, holder: string): Promise<Recovered> {
  await store.agents();
  return take(store, holder);
}

function registry(open: Open): void {
  test('what an agent says of itself and what operators say of it outlive the leader', async () => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    const profile = {
      ...PROFILE,
      kind: 'human' as const,
      enabled: false,
      availability: 'source' as const,
      roles: ['lead'],
      specializations: ['deploy'],
      workingHours: { timeZone: 'Asia/Tokyo', spans: [{ days: ['sat' as const], from: '22:00', to: '24:00' }] },
      embedding: [0.125, -3],
    };
    await store.append(leader.row(registered('ann', 3, { profile, presence: 'suspect', isOffDuty: true })));
    await store.append(
      leader.row({ type: 'agentFlagged', atMs: AT_MS, agentId: 'ann', flag: 'cordoned', isSet: true }),
    );
    await store.append(
      leader.row({ type: 'agentFlagged', atMs: AT_MS, agentId: 'ann', flag: 'offDuty', isSet: false }),
    );
    expect(await store.agents()).toMatchObject([
      { enabled: false, availability: 'source', roles: ['lead'], cordoned: true, offDuty: false, presence: 'suspect' },
    ]);
    const [pool] = (await leadCaughtUp(store, 'b')).pools;
    const flags = { isCordoned: true, isOffDuty: false };
    expect(pool?.agents).toEqual([{ id: 'ann', session: 's-1', profile, index: 3, presence: 'suspect', ...flags }]);
  });

  test('an agent that is deregistered is gone with its performance; its decisions stay', async () => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    const life = [submitted('t', 1), assigned('t', 'ann'), completed('t', 'ann')];
    await store.append(leader.row(registered('ann'), ...life));
    await store.append(leader.row(deregistered('ann')));
    expect(await store.agents()).toEqual([]);
    expect(await store.performance({ limit: 10 })).toEqual([]);
    expect(await store.decisions({ agentId: 'ann', limit: 10 })).toMatchObject([{ taskId: 't', agentId: 'ann' }]);
    await store.append(leader.row(registered('ann')));
    expect(await store.agents()).toMatchObject([{ id: 'ann', completed: 0 }]);
    expect((await leadCaughtUp(store, 'b')).pools).toMatchObject([
      { history: [{ agentId: '', taskId: 't' }], performance: [] },
    ]);
  });

  test('ids are ordered by their code, whatever the language of the database', async () => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    await store.append(leader.row(...['b', 'Z', '_', 'a-b', 'ab', '9'].map((id) => registered(id))));
    const inOrder = ['9', 'Z', '_', 'a-b', 'ab', 'b'];
    expect((await store.agents()).map(({ id }) => id)).toEqual(inOrder);
    const [pool] = (await leadCaughtUp(store, 'b')).pools;
    expect(pool?.agents.map(({ id }) => id)).toEqual(inOrder);
  });

  test.each(['one row', 'a row each'])('facts about an agent that is not registered harm none of %s', async (how) => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    const events: JournalEvent[] = [
      registered('ann'),
      submitted('t', 1),
      submitted('u', 2),
      deregistered('ann'),
      assigned('t', 'ann'),
      completed('t', 'ann'),
      { type: 'agentPresence', atMs: AT_MS, agentId: 'ann', presence: 'online' },
      registered('bob'),
      assigned('u', 'bob'),
    ];
    for (const row of how === 'one row' ? [events] : events.map((event) => [event])) {
      await store.append(leader.row(...row));
    }
    expect(await store.agents()).toMatchObject([{ id: 'bob', load: 1 }]);
    expect(await store.performance({ limit: 10 })).toEqual([]);
    expect(await store.decisions({ agentId: 'ann', limit: 10 })).toHaveLength(1);
    expect((await leadCaughtUp(store, 'b')).pools).toMatchObject([
      {
        history: [
          { agentId: '', taskId: 't' },
          { agentId: 'bob', taskId: 'u' },
        ],
      },
    ]);
  });
}

function decisions(open: Open): void {
  test('a decision is given back as it was recorded', async () => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    const plain = decision('ann');
    const full = decision('ann', {
      strategy: 'weighted',
      excluded: { capability: 3, busy: 1 },
      probability: 1 / 3,
      seed: 0xffffffff,
      score: 87.5,
      scoreParts: { context: 30, success: 36.5, specialization: 20, load: 1 },
      scorer: 'builtin',
      fallback: { kind: 'scorer', reason: 'It threw:\0 "no".' },
      runnersUp: [{ agentId: 'bob', score: 0.1 + 0.2 }],
      given: [{ agentId: 'ann', score: -1e-9 }],
      latencyMs: 0.1,
    });
    const choices = [assigned('t', 'ann', 1, { decision: plain }), assigned('t', 'ann', 2, { decision: full })];
    await store.append(leader.row(registered('ann'), submitted('t', 1), ...choices));
    const choice = { taskId: 't', workType: 'default', pool: 'alpha', agentId: 'ann', atMs: AT_MS + 100 };
    expect(await store.decisions({ taskId: 't', limit: 10 })).toEqual([
      { ...choice, token: 2, attempt: 2, ...full },
      { ...choice, token: 1, attempt: 1, ...plain },
    ]);
  });

  test('an attempt that was rejected gives its number back, and is kept with the task that waits', async () => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    const lost = released('t', 'ann', 'failed');
    const rejected = { ...released('t', 'ann', 'rejected'), token: 2, attempt: 2 };
    await store.append(leader.row(registered('ann'), submitted('t', 1), assigned('t', 'ann'), lost));
    await store.append(leader.row(assigned('t', 'ann', 2)));
    await store.append(leader.row(rejected));
    expect(await store.task('t')).toMatchObject({
      task: { status: 'pending', attempt: 1 },
      attempts: [{ outcome: 'failed' }, { outcome: 'rejected' }],
    });
    const [task] = (await leadCaughtUp(store, 'b')).pools[0]?.tasks ?? [];
    expect(task).toMatchObject({ attempt: 1, token: 2 });
    expect(task?.ended).toEqual([
      { attempt: 1, agentId: 'ann', outcome: 'failed', error: lost.error },
      { attempt: 2, agentId: 'ann', outcome: 'rejected', error: rejected.error },
    ]);
  });

  test('a task that is handed over names its token while somebody has it', async () => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    const handoff = { hops: 1, fromAgent: 'bob', acceptTimeoutMs: 0 };
    await store.append(leader.row(registered('ann'), submitted('t', 1, { handoff }), submitted('u', 2)));
    await store.append(leader.row(assigned('t', 'ann', 1, { monoMs: 42.5 }), assigned('u', 'ann')));
    await store.agents();
    const known = await store.known(['t', 'u']);
    expect(known.get('t')?.event).toMatchObject({ status: 'assigned', token: 1 });
    expect(known.get('u')?.event).not.toHaveProperty('token');
    const recovered = await leadCaughtUp(store, 'b');
    expect(recovered.pools[0]?.tasks[0]).toMatchObject({ task: { handoff }, assignedMonoMs: 42.5 });
    expect(recovered.monoMs).toBe(100);
    const again = await leadAs(store, 'c');
    await store.append(again.row(completed('t', 'ann')));
    await store.agents();
    expect((await store.known(['t'])).get('t')?.event).not.toHaveProperty('token');
  });
}

function performance(open: Open): void {
  test('results count for the agent and failures against it, by work type; what was lost or refused does not', async () => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    const other = { workType: 'deploy' };
    const tries: [string, JournalEvent][] = [
      ['t-1', completed('t-1', 'ann', 1, { durationMs: 10, monoMs: 1 })],
      ['t-2', completed('t-2', 'ann', 1, { durationMs: 5, difficulty: 'tricky', monoMs: 2 })],
      ['t-3', failed('t-3', 'ann', { monoMs: 3, durationMs: 2, ...other })],
      ['t-4', failed('t-4', 'ann', { monoMs: 4, outcome: 'released' })],
      ['t-5', failed('t-5', 'ann', { monoMs: 5, outcome: 'rejected' })],
      ['t-6', released('t-6', 'ann', 'rejected')],
      ['t-7', released('t-7', 'ann', 'released')],
      ['t-8', { type: 'taskCancelled', atMs: AT_MS, taskId: 't-8', token: 1, agentId: 'ann' }],
    ];
    await store.append(leader.row(registered('ann')));
    for (const [id, end] of tries) {
      await store.append(leader.row(submitted(id, 1), assigned(id, 'ann'), end));
      // Each is in the tables by itself.
      await store.agents();
    }
    const both = [
      {
        agentId: 'ann',
        workType: 'default',
        successCount: 2,
        failureCount: 0,
        totalDurationMs: 15,
        lastExecutionAtMs: AT_MS + 300,
        difficultyAssessment: 'tricky',
      },
      {
        agentId: 'ann',
        workType: 'deploy',
        successCount: 0,
        failureCount: 1,
        totalDurationMs: 2,
        lastExecutionAtMs: AT_MS + 400,
        difficultyAssessment: 'failed',
      },
    ];
    expect(await store.performance({ limit: 10 })).toEqual(both);
    expect(await store.performance({ limit: 1 })).toEqual(both.slice(0, 1));
    expect(await store.performance({ agentId: 'ann', ...other, limit: 10 })).toEqual(both.slice(1));
    expect(await store.performance({ agentId: 'bob', limit: 10 })).toEqual([]);
    expect(await store.agents()).toMatchObject([{ completed: 2, failed: 1 }]);
    expect((await leadCaughtUp(store, 'b')).pools[0]?.performance).toEqual([
      { agentId: 'ann', workType: 'default', successes: 2, failures: 0, lastMonoMs: 2 },
      { agentId: 'ann', workType: 'deploy', successes: 0, failures: 1, lastMonoMs: 3 },
    ]);
  });

  test('of the ends of one attempt the first counts, and it alone', async () => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    const more: Partial<AttemptEnded> = { durationMs: 7 };
    await store.append(leader.row(registered('ann'), submitted('t', 1), assigned('t', 'ann')));
    await store.append(leader.row(failed('t', 'ann', more), failed('t', 'ann', more), completed('t', 'ann')));
    await store.append(leader.row(failed('t', 'ann', more)));
    expect(await store.performance({ limit: 10 })).toMatchObject([
      { successCount: 0, failureCount: 1, totalDurationMs: 7, difficultyAssessment: 'failed' },
    ]);
  });
}

function rotation(open: Open): void {
  test('a pool keeps its policy and as much history as that says, since its last reset', async () => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    const policy = PolicySchema.parse({ strategy: 'weighted', historySize: 2 });
    const choice = (n: number, rotation = '') => {
      return [submitted(`t-${n}`, n), assigned(`t-${n}`, 'ann', 1, { monoMs: n, rotation, cursor: n })];
    };
    await store.append(leader.row({ type: 'policySet', atMs: AT_MS, pool: 'alpha', version: 'v-1', policy }));
    await store.append(leader.row(registered('ann'), ...choice(1), ...choice(2, 'sql|'), ...choice(3)));
    const entry = (n: number) => ({ agentId: 'ann', taskId: `t-${n}`, monoMs: n });
    const rotations = { '': 3, 'sql|': 2 };
    const image = { rotations, policy: { version: 'v-1', policy }, history: [entry(2), entry(3)] };
    expect((await leadCaughtUp(store, 'b')).pools).toMatchObject([image]);

    const next = await leadAs(store, 'c');
    const reset = { type: 'rotationReset', atMs: AT_MS, pool: 'alpha' } as const;
    await store.append(next.row(...choice(4, '|lead'), reset));
    expect((await leadCaughtUp(store, 'd')).pools).toEqual([
      expect.objectContaining({ ...image, rotations: {}, history: [] }),
    ]);
    const last = await leadAs(store, 'e');
    await store.append(last.row(...choice(5, 'sql|'), ...choice(6, 'sql|')));
    expect((await leadCaughtUp(store, 'f')).pools).toEqual([
      expect.objectContaining({ ...image, rotations: { 'sql|': 6 }, history: [entry(5), entry(6)] }),
    ]);
  });

  test('a rotation may have a key of kilobytes', async () => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    // As of a task that names as many labels as it may: nothing in it repeats.
    const labels = Array.from({ length: 64 }, (_, n) => createHash('sha256').update(String(n)).digest('hex'));
    const [one, other] = [`${labels.join()}|a`, `${labels.join()}|b`];
    const served = (n: number, rotation: string) => [
      submitted(`t-${n}`, n),
      assigned(`t-${n}`, 'ann', 1, { monoMs: n, rotation, cursor: n }),
    ];
    await store.append(leader.row(registered('ann'), ...served(1, one), ...served(2, other)));
    await store.agents();
    await store.append(leader.row(...served(3, one)));
    expect((await leadCaughtUp(store, 'b')).pools).toMatchObject([{ rotations: { [one]: 3, [other]: 2 } }]);
  });

  test('the rotations of each pool are its own', async () => {
    await using made = await open();
    const { store } = made;
    const leader = await leadAs(store, 'a');
    const served = (pool: string, n: number) => [
      submitted(`t-${n}`, n, { pool }),
      assigned(`t-${n}`, 'ann', 1, { monoMs: n, pool, rotation: 'sql|', cursor: n }),
    ];
    await store.append(leader.row(...served('alpha', 1), ...served('beta', 2)));
    const reset = { type: 'rotationReset', atMs: AT_MS, pool: 'alpha' } as const;
    await store.append(leader.row(reset));
    const { pools } = await leadCaughtUp(store, 'b');
    expect(pools.map(({ pool, rotations }) => [pool, rotations])).toEqual([
      ['alpha', {}],
      ['beta', { 'sql|': 2 }],
    ]);
  });
}
