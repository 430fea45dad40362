import { describe, expect, it } from 'vitest';
import type { Handoff, SettlementInput } from '#rota/index.js';
import type { TaskEvent } from '#rota/protocol/task.js';
import { FollowedTask } from '#rota/sdk/followed-task.js';

const grant = (token: number, agentId = `a-${token}`) => ({ taskId: 't', agentId, token, attempt: 1, reason: 'next' });
const event = (status: TaskEvent['status'], token?: number): TaskEvent => ({
  ...{ taskId: 't', status, attempt: 1, atMs: 0 },
  ...(token === undefined ? {} : { token, agentId: `a-${token}`, reason: 'next' }),
});

function follow(options = {}) {
  const clock = { nowMs: 0, monoMs: () => clock.nowMs };
  const settled: SettlementInput[] = [];
  const task = new FollowedTask(options, clock, async (settlement) => void settled.push(settlement));
  const told: [TaskEvent['status'], number | undefined][] = [];
  const listen = (offer: Handoff) => offer.onChange(({ status }, next) => told.push([status, next?.token]));
  return { task, clock, settled, told, listen };
}

describe('a task that is followed', () => {
  it('tells each change once, and who has it then', () => {
    const { task, told, listen } = follow();
    const offer = task.assigned(grant(1));
    listen(offer);
    const changes: [TaskEvent, boolean][] = [
      [event('assigned', 1), false],
      [event('running', 1), false],
      [event('running', 1), false],
      [event('pending'), false],
      [event('assigned', 2), false],
      [event('assigned', 2), false],
      [event('completed'), true],
      [event('completed'), true],
    ];
    for (const [change, isOver] of changes) expect(task.take(change)).toBe(isOver);
    expect(told).toEqual([
      ['running', 1],
      ['pending', undefined],
      ['assigned', 2],
      ['completed', undefined],
    ]);
  });

  it('is the same offer whether it is told or answered first', () => {
    const { task, told, listen } = follow();
    task.take(event('assigned', 1));
    const offer = task.assigned(grant(1));
    listen(offer);
    task.take(event('running', 1));
    expect(offer).toMatchObject(grant(1));
    expect(told).toEqual([['running', 1]]);
  });

  it('tells a late listener what has become of its offer, and nothing where nothing has', async () => {
    const { task, told, listen } = follow();
    task.take(event('assigned', 1));
    task.take(event('assigned', 2));
    listen(task.assigned(grant(2)));
    await Promise.resolve();
    expect(told).toEqual([]);
    // The answer to the assignment was overtaken.
    listen(task.assigned(grant(1)));
    expect(told).toEqual([]);
    await Promise.resolve();
    expect(told).toEqual([['assigned', 2]]);
  });

  it('does not tell who stopped listening', async () => {
    const { task, told, listen } = follow();
    const offer = task.assigned(grant(1));
    task.take(event('running', 1));
    listen(offer)();
    await Promise.resolve();
    task.take(event('completed'));
    expect(told).toEqual([]);
  });

  it('settles its own offer and no other, with the time since it was confirmed', async () => {
    const { task, clock, settled } = follow();
    const first = task.assigned(grant(1));
    clock.nowMs = 100;
    task.take(event('running', 1));
    clock.nowMs = 250;
    await first.complete({ ok: true }, { difficulty: 'tricky' });
    await first.fail('no');
    task.take(event('assigned', 2));
    await first.confirm();
    await first.release('late');
    await first.release();
    expect(settled).toEqual([
      { action: 'complete', taskId: 't', token: 1, result: { ok: true }, durationMs: 150, difficulty: 'tricky' },
      { action: 'fail', taskId: 't', token: 1, reason: 'no', durationMs: 150 },
      { action: 'confirm', taskId: 't', token: 1 },
      { action: 'release', taskId: 't', token: 1, reason: 'late' },
      { action: 'release', taskId: 't', token: 1 },
    ]);
  });

  it('is handed on to none that had it', () => {
    const first = follow().task.assigned(grant(1, 'ann'));
    expect(first.next()).toEqual({ excludeAgents: [], fromAgent: 'ann', hops: 1 });
    const second = follow(first.next()).task.assigned(grant(1, 'ben'));
    expect(second.next()).toEqual({ excludeAgents: ['ann'], fromAgent: 'ben', hops: 2 });
    const third = follow(second.next()).task.assigned(grant(1, 'cem'));
    expect(third.next()).toEqual({ excludeAgents: ['ann', 'ben'], fromAgent: 'cem', hops: 3 });
  });
});
