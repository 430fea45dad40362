import { describe, expect, it } from 'vitest';
import type { Client, Handoff, HandoffListener } from '#rota/index.js';
import { decode, encode } from '#rota/protocol/codec.js';
import { ErrorReply } from '#rota/protocol/frames.js';
import { LIMITS } from '#rota/protocol/limits.js';
import type { PolicyInput } from '#rota/protocol/policy.js';
import { createSubjects } from '#rota/protocol/subjects.js';
import { carries, Lossy } from '../../support/lossy.js';
import { gate, Log, rejection } from '../../support/signals.js';
import { TRANSPORTS, World } from '../../support/world.js';

const DESK = { pool: 'desk', kind: 'human', availability: 'source' } as const;

/** A coordinator whose pool `desk` has people who send no heartbeats, some of them there. */
async function openDesk(world: World, available: readonly string[], more: PolicyInput = {}): Promise<Client> {
  const source = { kind: 'static' as const, available: [...available] };
  const desk = { availability: source, fallbackRetryAttempts: 0, ...more };
  await world.coordinator({ policies: { pools: { desk } } });
  const client = await world.client();
  for (const id of available) await client.registerAgent({ ...DESK, id });
  await arePresent(client, available.length);
  return client;
}

/** Waits until so many people of the desk are known to be there. */
async function arePresent(client: Client, count: number): Promise<void> {
  const isThere = async () => (await client.agents('desk')).filter(({ presence }) => presence === 'online').length;
  while ((await isThere()) < count) await new Promise(setImmediate);
}

/** What a handoff is told of. */
function changesOf(handoff: Handoff): Log<Parameters<HandoffListener>> {
  const changes = new Log<Parameters<HandoffListener>>();
  handoff.onChange((...change) => changes.push(change));
  return changes;
}

describe.each(TRANSPORTS)('handoffs over %s', (kind) => {
  it('picks an agent, and records that it took the task and completed it', async () => {
    await using world = await World.open(kind);
    const client = await openDesk(world, ['ann']);
    const handoff = await client.assign({ pool: 'desk', id: 'ticket', workType: 'refund' });
    expect(handoff).toMatchObject({ taskId: 'ticket', agentId: 'ann', token: 1, attempt: 1 });
    expect(handoff.reason).toMatch(/ann|only/);
    expect((await client.task('ticket')).task.status).toBe('assigned');
    await handoff.confirm();
    expect((await client.task('ticket')).task.status).toBe('running');
    await handoff.complete({ answer: 42 }, { difficulty: 'tricky', durationMs: 90_000 });
    const outcome = { taskId: 'ticket', status: 'completed', agentId: 'ann', attempt: 1, result: { answer: 42 } };
    expect(await client.result('ticket')).toEqual(outcome);
    expect(await client.performance({ agentId: 'ann' })).toMatchObject([
      { workType: 'refund', successCount: 1, totalDurationMs: 90_000, difficultyAssessment: 'tricky' },
    ]);
  });

  it('answers the same assignment with the same offer, to a client that comes back too', async () => {
    await using world = await World.open(kind);
    const client = await openDesk(world, ['ann', 'ben']);
    const task = { pool: 'desk', id: 'ticket' };
    const first = await client.assign(task);
    expect(await client.assign(task)).toMatchObject({ agentId: first.agentId, token: first.token });
    const { id } = client;
    client.close();
    const again = await (await world.client({ id })).assign(task);
    expect(again).toMatchObject({ agentId: first.agentId, token: first.token });
    await again.confirm();
    const stranger = await world.client();
    expect((await rejection(stranger.assign(task))).code).toBe('INVALID_VALUE');
    const [settled] = await stranger.settle([{ action: 'confirm', taskId: 'ticket', token: first.token }]);
    expect(settled).toEqual({ taskId: 'ticket', token: first.token, accepted: false, code: 'NOT_YOURS' });
  });

  it('gives what is released to the next agent, and tells who assigned it', async () => {
    await using world = await World.open(kind);
    const client = await openDesk(world, ['ann', 'ben']);
    const first = await client.assign({ pool: 'desk', id: 'ticket' });
    const changes = changesOf(first);
    await first.release('on holiday');
    const [event, next] = await changes.first(([, offer]) => offer !== undefined && offer.token > first.token);
    expect(event).toMatchObject({ status: 'assigned', agentId: next?.agentId });
    expect([first.agentId, next?.agentId].sort()).toEqual(['ann', 'ben']);
    // The first offer is over: whoever still has it settles nothing for the other.
    expect((await rejection(first.confirm())).code).toBe('STALE_LEASE');
    await next?.complete('done');
    const [ended] = await changes.first(([{ status }]) => status === 'completed');
    expect(ended).toMatchObject({ agentId: next?.agentId, result: 'done' });
    const [refused] = (await client.task('ticket')).attempts;
    expect(refused).toMatchObject({ agentId: first.agentId, outcome: 'rejected' });
    expect(refused?.error?.message).toContain('on holiday');
    // A late listener hears of it too.
    expect((await changesOf(first).first(() => true))[0].status).toBe('completed');
  });

  it('gives what is not confirmed in time to the next agent', async () => {
    await using world = await World.open(kind);
    const client = await openDesk(world, ['ann', 'ben']);
    const first = await client.assign({ pool: 'desk', id: 'ticket' }, { acceptTimeoutMs: 100 });
    const changes = changesOf(first);
    const [, next] = await changes.first(([, offer]) => offer !== undefined && offer.agentId !== first.agentId);
    await next?.confirm();
    await changes.first(([{ status }]) => status === 'running');
    await next?.fail('it can not be done');
    expect(await client.result('ticket')).toMatchObject({ status: 'failed', error: { code: 'HANDLER_FAILED' } });
    expect((await client.task('ticket')).attempts[0]).toMatchObject({
      outcome: 'rejected',
      error: { code: 'NOT_ACCEPTED' },
    });
  });

  it('learns by asking what it was not told', async () => {
    await using world = await World.open(kind);
    const desk = await openDesk(world, ['ann', 'ben']);
    const transport = new Lossy(await world.connect());
    const client = await world.client({ transport });
    const first = await client.assign({ pool: 'desk', id: 'ticket' });
    const changes = changesOf(first);
    const isTold = transport.lose(carries('events'));
    await first.release();
    await isTold;
    // What a connection that was lost and restored has it ask.
    transport.comesBack();
    const [, next] = await changes.first(([, offer]) => offer !== undefined);
    expect(next?.agentId).not.toBe(first.agentId);
    await next?.complete();
    expect((await desk.result('ticket')).agentId).toBe(next?.agentId);
  });

  it('is never given back to whom it came from, and ends its round after as many hops as the pool allows', async () => {
    await using world = await World.open(kind);
    const client = await openDesk(world, ['ann', 'ben', 'cem', 'dan'], { maxHops: 2 });
    const seen: string[] = [];
    let handoff = await client.assign({ pool: 'desk' });
    for (let hops = 1; hops <= 2; hops++) {
      seen.push(handoff.agentId);
      await handoff.complete();
      const how = handoff.next();
      expect(how).toEqual({ excludeAgents: seen.slice(0, -1), fromAgent: handoff.agentId, hops });
      handoff = await client.assign({ pool: 'desk' }, how);
    }
    expect(new Set([...seen, handoff.agentId]).size).toBe(3);
    const circling = await rejection(client.assign({ pool: 'desk' }, handoff.next()));
    expect(circling).toMatchObject({ code: 'TOO_MANY_HOPS', field: 'hops' });
  });

  it('says whether nobody could ever take it, or nobody can now', async () => {
    await using world = await World.open(kind);
    const client = await openDesk(world, ['ann']);
    const lead = client.assign({ pool: 'desk', roles: ['lead'] });
    expect((await rejection(lead)).code).toBe('NO_AGENT');
    const onlyAnn = client.assign({ pool: 'desk' }, { excludeAgents: ['ann'] });
    expect((await rejection(onlyAnn)).code).toBe('NO_AGENT');
    await client.assign({ pool: 'desk' });
    const busy = await rejection(client.assign({ pool: 'desk', id: 'second' }));
    expect(busy.code).toBe('NONE_AVAILABLE');
    expect((await client.result('second')).status).toBe('cancelled');
  });

  it('settles many in one request, each for itself', async () => {
    await using world = await World.open(kind);
    const client = await openDesk(world, ['ann', 'ben']);
    const [one, two] = [
      await client.assign({ pool: 'desk', id: 'one' }),
      await client.assign({ pool: 'desk', id: 'two' }),
    ];
    const settled = await client.settle([
      { action: 'complete', taskId: 'one', token: one.token, result: 1 },
      { action: 'confirm', taskId: 'two', token: two.token + 1 },
      { action: 'confirm', taskId: 'three', token: 1 },
      { action: 'confirm', taskId: 'two', token: two.token },
    ]);
    expect(settled.map(({ code }) => code)).toEqual([undefined, 'STALE_LEASE', 'UNKNOWN_TASK', undefined]);
    expect((await client.result('one')).result).toBe(1);
  });

  it('takes no id of a task that an orchestration has still to submit', async () => {
    await using world = await World.open(kind);
    const client = await openDesk(world, ['ann']);
    const worked = gate<null>();
    await world.agent('worker', () => worked.passed);
    const { id, taskIds } = await client.orchestrate({
      name: 'two steps',
      tasks: [
        { key: 'first', pool: 'work' },
        { key: 'second', pool: 'work', dependsOn: ['first'] },
      ],
    });
    const stolen = client.assign({ pool: 'desk', id: taskIds.second ?? expect.fail() });
    expect(await rejection(stolen)).toMatchObject({ code: 'INVALID_VALUE', field: 'task.id' });
    worked.open(null);
    expect((await client.orchestrationResult(id)).status).toBe('completed');
  });

  it('is refused where its pool has as many work types as it may have, and so is what is submitted', async () => {
    await using world = await World.open(kind);
    const client = await openDesk(world, ['ann']);
    const all = Array.from({ length: LIMITS.workTypesPerPool }, (_, n) => ({ pool: 'desk', workType: `w${n}` }));
    await client.submitMany(all);
    const more = { pool: 'desk', workType: 'another', id: 'more' };
    expect(await rejection(client.assign(more))).toMatchObject({ code: 'WORK_TYPES_FULL', field: 'workType' });
    expect((await rejection(client.submit(more))).code).toBe('WORK_TYPES_FULL');
    expect((await rejection(client.task('more'))).code).toBe('UNKNOWN_TASK');
  });

  it('leaves nothing of a pool that it was refused in', async () => {
    await using world = await World.open(kind);
    const client = await openDesk(world, ['ann']);
    expect((await rejection(client.assign({ pool: 'nowhere' }))).code).toBe('NO_AGENT');
    expect((await client.status()).pools.map(({ pool }) => pool)).toEqual(['desk']);
  });

  it('refuses again what it refused, when that is delivered twice', async () => {
    await using world = await World.open(kind);
    const client = await openDesk(world, ['ann']);
    const transport = await world.connect();
    const task = { id: 'twice', workType: 'refund', roles: ['lawyer'] };
    const subject = createSubjects('rota').fromTo('hasty', 'assign', 'desk');
    const deliver = async () => {
      const { data } = await transport.request(subject, encode({ task }), { timeoutMs: 10_000 });
      return decode(ErrorReply, data).error.code;
    };
    expect(await deliver()).toBe('NO_AGENT');
    await client.registerAgent({ ...DESK, id: 'ann', roles: ['lawyer'] });
    expect(await deliver()).toBe('NO_AGENT');
    expect(await client.assign({ ...task, pool: 'desk', id: 'once' })).toMatchObject({ agentId: 'ann' });
  });

  it('takes back what nobody can take from the pool that it is in, whichever the repeated request names', async () => {
    await using world = await World.open(kind);
    const client = await openDesk(world, ['ann', 'ben']);
    const first = await client.assign({ pool: 'desk', id: 'ticket' });
    const second = await client.assign({ pool: 'desk', id: 'other' });
    await client.cordon(second.agentId);
    await client.settle([{ action: 'complete', taskId: 'other', token: second.token }]);
    await client.cordon(first.agentId);
    await first.release();
    expect((await rejection(client.assign({ pool: 'elsewhere', id: 'ticket' }))).code).toBe('NONE_AVAILABLE');
    expect((await client.task('ticket')).task.status).toBe('cancelled');
  });
});
