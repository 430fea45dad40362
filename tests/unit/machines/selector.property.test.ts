import fc from 'fast-check';
import { expect, test } from 'vitest';
import { replay } from '#rota/actors/replay.js';
import { NO_ALARM, PoolState } from '#rota/machines/pool-state.js';
import type { Selector } from '#rota/machines/selector.js';
import { pack } from '#rota/protocol/codec.js';
import type { JournalEvent } from '#rota/protocol/journal.js';
import { isTerminal } from '#rota/protocol/task.js';
import { ModelTurn } from '../../support/model-turn.js';
import { PoolDriver, selectorWith } from '../../support/pool.js';
import { act, held, poolStep, somePolicy } from '../../support/pool-steps.js';

/** What can be seen of a selector, without its deadlines. */
function visible({ state }: Selector, monoMs: number) {
  state.history.advance(monoMs);
  state.openLoad.advance(monoMs);
  return {
    ...{ rotations: state.rotations.entries(), policy: state.policy, history: state.history.entries() },
    tasks: [...state.tasks()].map(({ record, status, attempt, token, agentId, reason, error, result, ended }) => ({
      record,
      ...{ status, attempt, token, agentId, reason, error, result, ended },
    })),
    agents: [...state.roster.members()].map((member) => ({
      ...member,
      recentLoad: state.roster.columns.recentLoads[member.index],
      performance: ['build', 'test'].map((workType) => ({ ...state.roster.performanceOf(member, workType) })),
    })),
  };
}

function checkState(pool: PoolDriver): void {
  const { selector, turn } = pool;
  for (const member of selector.roster.members()) {
    // I6: live leases of an agent are its load, and no more than its credit.
    expect(held(selector, member.id)).toHaveLength(member.load);
    expect(member.load).toBeLessThanOrEqual(member.profile.maxConcurrency + member.profile.prefetch);
    if (member.presence === 'offline') expect(member.load).toBe(0);
  }
  for (const task of selector.tasks()) {
    // I10
    expect(task.attempt).toBeLessThanOrEqual(task.record.maxAttempts);
    // I9: nobody who could take a waiting task is free.
    const isScoring = [...selector.tasks()].some((other) => other.scoringRun !== 0);
    if (task.status === 'pending' && task.notBeforeMs < turn.monoMs && !isScoring) {
      const free = [...selector.roster.members()].filter(
        (member) => selector.roster.isAvailable(member) && selector.roster.fits(member, task.requirement),
      );
      // A backoff that is over is noticed by the next tick.
      if (free.length > 0) pool.tick();
      const isPlaced = (task.status as string) !== 'pending' || task.scoringRun !== 0;
      expect(free.length === 0 || isPlaced).toBe(true);
    }
  }
}

function checkHistory(events: readonly JournalEvent[]): void {
  const tokens = new Map<string, number>();
  const ends = new Map<string, number>();
  const live = new Set<string>();
  for (const event of events) {
    if (!('taskId' in event) || event.type === 'reportRefused') continue;
    // I13: nothing happens to a task that ended.
    expect(ends.get(event.taskId) ?? 0).toBe(0);
    if (event.type === 'taskAssigned') {
      // I3: one live lease, and a token that grows by one with each grant.
      expect(live.has(event.taskId)).toBe(false);
      expect(event.token).toBe((tokens.get(event.taskId) ?? 0) + 1);
      tokens.set(event.taskId, event.token);
      live.add(event.taskId);
    } else if (event.type === 'taskAccepted' || event.type === 'taskCompleted' || event.type === 'taskReleased') {
      // I4: only the holder of the current token is heard.
      expect(live.has(event.taskId)).toBe(true);
      expect(event.token).toBe(tokens.get(event.taskId));
    }
    if (event.type !== 'taskAssigned' && event.type !== 'taskAccepted') {
      live.delete(event.taskId);
      // I2
      if (event.type !== 'taskReleased') ends.set(event.taskId, (ends.get(event.taskId) ?? 0) + 1);
    }
  }
}

/** I11: a decision is on record, once, before anybody hears of it. */
function checkSent({ events, sent }: ModelTurn): void {
  const grants = new Map<string, number>();
  for (const [at, event] of events.entries()) {
    if (event.type !== 'taskAssigned') continue;
    const grant = `${event.taskId} ${event.token}`;
    expect(grants.has(grant)).toBe(false);
    grants.set(grant, at);
  }
  for (const { parcel, after } of sent) {
    if (parcel.kind !== 'assignments') continue;
    expect(grants.get(`${parcel.item.taskId} ${parcel.item.token}`)).toBeLessThan(after);
  }
}

/** Every decision, made again from the facts before it, is the same byte for byte. */
function checkReplay(events: readonly JournalEvent[]): void {
  const now = { monoMs: 0 };
  const state = new PoolState({ pool: 'dev', leaseMs: 0, now, alarm: NO_ALARM });
  for (const event of events) {
    if ('monoMs' in event) now.monoMs = event.monoMs;
    if (event.type === 'taskAssigned') {
      const { decision, agentId, cursor } = replay({ state, fact: event }) ?? expect.fail();
      expect({ agentId, cursor }).toEqual({ agentId: event.agentId, cursor: event.cursor });
      expect(event.rotation).toBe(state.task(event.taskId)?.requirement.labelsKey);
      expect(Buffer.compare(pack(decision), pack(event.decision))).toBe(0);
    }
    state.apply(event);
  }
}

test('over random histories and policies the invariants hold, and replaying the facts gives the state', () => {
  fc.assert(
    fc.property(
      fc.array(poolStep, { maxLength: 60, size: 'max' }),
      somePolicy,
      fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
      (steps, policy, chances) => {
        const pool = new PoolDriver({ policy, random: () => chances.next().value });
        for (const [serial, one] of steps.entries()) {
          act(pool, one, serial);
          checkState(pool);
        }
        const { turn } = pool;
        checkHistory(turn.events);
        checkSent(turn);
        checkReplay(turn.events);

        // I17
        const replayed = selectorWith(new ModelTurn(), policy);
        for (const event of turn.events) replayed.apply(event);
        expect(visible(replayed, turn.monoMs)).toEqual(visible(pool.selector, turn.monoMs));
      },
    ),
    { numRuns: 1_000 },
  );
});

test('once faults stop, every task ends', () => {
  fc.assert(
    fc.property(fc.array(poolStep, { maxLength: 40, size: 'max' }), somePolicy, (steps, policy) => {
      const pool = new PoolDriver({ policy });
      for (const [serial, one] of steps.entries()) act(pool, one, serial);
      const everyone = ['zoe', 'ann', 'bob', 'cem', 'dan'];
      for (const id of everyone) {
        pool.handle({ type: 'CORDON', agentId: id, isCordoned: false });
        pool.join(id, { capabilities: ['sql', 'ts'], maxConcurrency: 2 }, `${id}-last`);
      }
      for (let round = 0; round < steps.length * 4; round++) {
        while (pool.turn.runs.some(({ taskId, run }) => pool.selector.task(taskId)?.scoringRun === run)) {
          pool.score(0, (i) => i);
        }
        for (const id of everyone) {
          for (const task of held(pool.selector, id)) pool.complete(id, task.record.id, task.token, `${id}-last`);
        }
        pool.tick(10_000);
      }
      expect([...pool.selector.tasks()].filter((task) => !isTerminal(task.status))).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
