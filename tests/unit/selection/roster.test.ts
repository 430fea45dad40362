import { describe, expect, test } from 'vitest';
import { LIMITS } from '#rota/protocol/limits.js';
import { requirementOf } from '#rota/selection/requirement.js';
import { Roster } from '#rota/selection/roster.js';
import { profileOf, TestPool } from './pool.js';

const NOTHING = { capabilities: [], roles: [], excludeAgents: [] };

describe('the roster', () => {
  test('gives a newcomer the lowest free place, and keeps that of one it knows', () => {
    const roster = new Roster();
    for (const id of ['ann', 'bob', 'cem', 'dan']) roster.put(id, roster.nextIndex, 's', profileOf());
    for (const id of ['cem', 'bob']) roster.remove(roster.get(id) ?? expect.fail());
    expect(roster.put('ann', roster.nextIndex, 's2', profileOf()).index).toBe(0);
    expect(roster.put('eve', roster.nextIndex, 's', profileOf()).index).toBe(1);
    expect(roster.nextIndex).toBe(2);
    expect(roster.get('bob')).toBeUndefined();
    expect(roster.at(2)).toBeUndefined();
    expect(roster.size).toBe(3);
  });

  test('keeps presence, flags and load of an agent that registers again', () => {
    const pool = new TestPool();
    const ann = pool.join('ann', { maxConcurrency: 2 });
    pool.roster.setFlag(ann, 'cordoned', true);
    pool.roster.take(ann);
    expect(pool.roster.put('ann', 5, 's2', profileOf())).toBe(ann);
    expect(ann).toMatchObject({ index: 0, session: 's2', presence: 'online', isCordoned: true, load: 1 });
    pool.roster.setFlag(ann, 'cordoned', false);
    expect(ann.state).toBe('busy');
  });

  test('gives an agent that is new nothing before it is online', () => {
    const roster = new Roster();
    const ann = roster.put('ann', 0, 's', profileOf());
    expect(roster.isAvailable(ann)).toBe(false);
    roster.setPresence(ann, 'online');
    expect(roster.isAvailable(ann)).toBe(true);
  });

  test('forgets all of an agent that is removed, so that the next in its place starts from nothing', () => {
    const pool = new TestPool();
    const ann = pool.join('ann', { capabilities: ['sql'], specializations: ['default'], embedding: [1, 2] });
    pool.roster.note(ann, 'default', 'success', 0);
    pool.roster.remove(ann);
    const bob = pool.join('bob');
    expect(bob.index).toBe(ann.index);
    expect(pool.roster.performanceOf(bob, 'default')).toEqual({ successes: 0, failures: 0, lastMs: -Infinity });
    expect(pool.roster.fits(bob, requirementOf({ ...NOTHING, capabilities: ['sql'] }))).toBe(false);
    expect(pool.roster.carriers('specializations', 'default')).toBeUndefined();
    expect(pool.roster.embeddings).toBeUndefined();
  });

  test('refuses to remove who holds a task, and to change who was removed', () => {
    const pool = new TestPool();
    const ann = pool.join('ann');
    pool.roster.take(ann);
    expect(() => pool.roster.remove(ann)).toThrow('Agent ann holds 1 tasks');
    pool.roster.release(ann);
    pool.roster.remove(ann);
    expect(() => pool.roster.setPresence(ann, 'online')).toThrow('Agent ann is not registered any more.');
  });

  test('notices at once that labels changed', () => {
    const pool = new TestPool();
    const sql = requirementOf({ ...NOTHING, capabilities: ['sql'] });
    expect(pool.roster.couldFit(sql)).toBe(false);
    pool.join('ann', { capabilities: ['sql'] });
    expect(pool.roster.couldFit(sql)).toBe(true);
    pool.join('ann', { capabilities: ['ts'] });
    expect(pool.roster.couldFit(sql)).toBe(false);
  });

  test('takes an agent to those that get handoffs alone, and back', () => {
    const pool = new TestPool();
    pool.join('ann', { availability: 'source' });
    expect(pool.decide()).toBeUndefined();
    expect(pool.decide({ handoff: {} })?.member.id).toBe('ann');
    pool.join('ann', { availability: 'heartbeat' });
    expect(pool.decide()?.member.id).toBe('ann');
  });

  test('has room for so many labels, of which those that nobody carries any more count no longer', () => {
    const pool = new TestPool();
    const some = (from: number, count: number) => Array.from({ length: count }, (_, n) => `label-${from + n}`);
    for (let at = 0; at < LIMITS.labelsPerPool; at += LIMITS.labels)
      pool.join(`a${at}`, { roles: some(at, LIMITS.labels) });
    const { roster } = pool;
    expect(roster.hasRoomFor('new', profileOf({ roles: some(0, 5) }))).toBe(true);
    expect(roster.hasRoomFor('new', profileOf({ capabilities: ['label-0'] }))).toBe(false);
    expect(roster.hasRoomFor('a0', profileOf({ roles: some(0, 31), capabilities: ['label-0'] }))).toBe(true);
    roster.remove(roster.get('a0') ?? expect.fail());
    expect(roster.hasRoomFor('new', profileOf({ capabilities: some(0, 32) }))).toBe(true);
  });

  test('has room for so many work types', () => {
    const { roster } = new TestPool();
    for (let n = 0; n < LIMITS.workTypesPerPool; n++) roster.noteWorkType(`w${n}`);
    expect(roster.hasRoomForWorkTypes(new Set(['w0', 'w1']))).toBe(true);
    expect(roster.hasRoomForWorkTypes(new Set(['w0', 'another']))).toBe(false);
  });

  test('takes embeddings of one length alone', () => {
    const pool = new TestPool();
    pool.join('ann', { embedding: [1, 2] });
    const longer = profileOf({ embedding: [1, 2, 3] });
    const fault = pool.roster.embeddingFault('bob', longer);
    expect(fault).toMatchObject({ code: 'INVALID_VALUE', field: 'profile.embedding' });
    expect(fault?.message).toContain("3 numbers, and those of the pool's other agents 2");
    expect(() => pool.join('bob', { embedding: [1, 2, 3] })).toThrow('profile.embedding');
    expect(pool.roster.get('bob')).toBeUndefined();
    // The only one that has any may have another.
    expect(pool.roster.embeddingFault('ann', longer)).toBeUndefined();
    pool.join('ann', { embedding: [1, 2, 3] });
    expect(pool.roster.embeddings?.dimensions).toBe(3);
  });

  test('keeps its columns while it grows', () => {
    const pool = new TestPool();
    for (let n = 0; n < 300; n++) {
      const member = pool.join(`agent-${n}`, { maxConcurrency: n + 1, embedding: [n] });
      pool.roster.take(member);
      pool.roster.note(member, 'default', 'success', n);
    }
    const { ids, loads, maxConcurrency } = pool.roster.columns;
    const at = 7 * 65;
    expect(String.fromCharCode(...ids.subarray(at + 1, at + 1 + (ids[at] ?? 0)))).toBe('agent-7');
    expect([loads[299], maxConcurrency[7], pool.roster.embeddings?.values[7]]).toEqual([1, 8, 7]);
    const last = pool.roster.get('agent-7') ?? expect.fail();
    expect(pool.roster.performanceOf(last, 'default')).toEqual({ successes: 1, failures: 0, lastMs: 7 });
    expect(loads.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  test('takes up the performance that a store kept, of those that are registered', () => {
    const pool = new TestPool();
    const ann = pool.join('ann');
    const image = { workType: 'deploy', successes: 3, failures: 1, lastMonoMs: 50 };
    pool.roster.restorePerformance({ agentId: 'ann', ...image });
    pool.roster.restorePerformance({ agentId: 'nobody', ...image });
    expect(pool.roster.performanceOf(ann, 'deploy')).toEqual({ successes: 3, failures: 1, lastMs: 50 });
  });
});
