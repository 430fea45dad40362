import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '#rota/index.js';
import { decode, encode } from '#rota/protocol/codec.js';
import { HeartbeatReply } from '#rota/protocol/frames.js';
import { COMBINED_BOUNDS } from '#rota/protocol/limits.js';
import { gate } from '../support/signals.js';
import { Stranger } from '../support/stranger.js';
import { World } from '../support/world.js';

let world: World;
let client: Client;
let stranger: Stranger;

beforeAll(async () => {
  world = await World.open('nats');
  await world.coordinator();
  client = await world.client();
  stranger = await Stranger.connect(world.nats.url);
});

afterAll(async () => {
  await stranger[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

describe('an agent that is not who it should be', () => {
  const session = 'eve-1';
  const profile = { pool: 'owned' };
  const say = (principal: string, verb: string, frame: object) =>
    stranger.ask(`rota.from.${principal}.${verb}`, encode(frame)).then(({ code }) => code);

  it('changes nothing that is not its own', async () => {
    const started = gate<number>();
    const hold = gate();
    await world.agent(
      'owner',
      async ({ token, attempt }) => {
        if (attempt === 1) throw new Error('once');
        started.open(token);
        await hold.passed;
        return 'by the owner';
      },
      { pool: 'owned' },
    );
    const taskId = await client.submit({ pool: 'owned', backoffMs: 1 });
    const token = await started.passed;
    const completed = (which: number) => ({
      outcome: 'completed',
      taskId,
      token: which,
      result: 'stolen',
      durationMs: 1,
    });

    // Nobody knows it.
    expect(await say('eve', 'report', { session, reports: [completed(token)] })).toBe('UNKNOWN_AGENT');
    expect(await say('eve', 'heartbeat', { session, held: [] })).toBe('UNKNOWN_AGENT');
    expect(await say('eve', 'leave', { session, presence: 'offline' })).toBe('UNKNOWN_AGENT');
    // In the same pool, with all that the owner knows.
    expect(await say('eve', 'register', { session, profile: { ...profile, capabilities: ['x'] }, held: [] })).toBe(
      undefined,
    );
    await refusal('eve', session, completed(token), 'STALE_LEASE');
    expect(await say('eve', 'progress', { session, progress: [{ taskId, token, percent: 99 }] })).toBe(undefined);
    expect(await revokedBy('eve', session, taskId, token)).toEqual([{ taskId, token }]);
    // In another pool.
    expect(await say('mal', 'register', { session, profile: { pool: 'far' }, held: [] })).toBe(undefined);
    await refusal('mal', session, completed(token), 'STALE_LEASE');
    // As the owner, but as another process of it.
    for (const [verb, frame] of [
      ['heartbeat', { held: [{ taskId, token }] }],
      ['leave', { presence: 'offline' }],
      ['progress', { progress: [{ taskId, token, percent: 99 }] }],
    ] as const) {
      expect(await say('owner', verb, { session, ...frame })).toBe('SESSION_REPLACED');
    }
    await refusal('owner', session, completed(token), 'SESSION_REPLACED');
    // As the owner, in another pool.
    expect(await say('owner', 'register', { session, profile: { pool: 'far' }, held: [] })).toBe('POOL_MISMATCH');

    const { task, progress, refusals } = await client.task(taskId);
    expect(task).toMatchObject({ status: 'running', agentId: 'owner', attempt: 2 });
    expect(progress).toBe(undefined);
    expect(refusals.map(({ agentId, code }) => [agentId, code])).toEqual([
      ['eve', 'STALE_LEASE'],
      ['mal', 'STALE_LEASE'],
      ['owner', 'SESSION_REPLACED'],
    ]);
    hold.open();
    expect(await client.result(taskId)).toMatchObject({ result: 'by the owner', attempt: 2 });
    // What has ended stays as it is.
    await refusal('eve', session, completed(token), 'TASK_ENDED');
    expect((await client.task(taskId)).result).toBe('by the owner');
  });

  it('is refused with a token of before', async () => {
    expect(await say('late', 'register', { session, profile: { pool: 'late' }, held: [] })).toBe(undefined);
    const id = await client.submit({ pool: 'late', backoffMs: 0 });
    const error = { code: 'HANDLER_FAILED', message: 'again', retryable: true };
    const failed = { outcome: 'failed', taskId: id, token: 1, error, durationMs: 1 };
    expect(await say('late', 'report', { session, reports: [failed] })).toBe(undefined);
    const old = { outcome: 'completed', taskId: id, token: 1, result: 'old', durationMs: 1 };
    await refusal('late', session, old, 'STALE_LEASE');
    expect((await client.task(id)).task).toMatchObject({ status: 'assigned', attempt: 2 });
    expect(await say('late', 'report', { session, reports: [{ ...old, token: 2, result: 'new' }] })).toBe(undefined);
    expect(await client.result(id)).toMatchObject({ result: 'new', attempt: 2 });
    await refusal('late', session, old, 'TASK_ENDED');
  });

  /** Reports, and checks that the acknowledgement refuses it. */
  async function refusal(agentId: string, session: string, report: object, code: string): Promise<void> {
    const acked = gate<unknown>();
    const end = stranger.overhearFrames(agentId, ({ acks = [] }) => {
      const refused = acks.find(({ accepted }) => !accepted);
      if (refused !== undefined) acked.open(refused);
    });
    expect(await say(agentId, 'report', { session, reports: [report] })).toBe(undefined);
    expect(await acked.passed).toMatchObject({ accepted: false, code });
    end();
  }

  async function revokedBy(agentId: string, session: string, taskId: string, token: number): Promise<unknown> {
    const { data } = await stranger.ask(
      `rota.from.${agentId}.heartbeat`,
      encode({ session, held: [{ taskId, token }] }),
    );
    return decode(HeartbeatReply, data, COMBINED_BOUNDS).revoked;
  }
});
