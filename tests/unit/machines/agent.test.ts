import { describe, expect, test } from 'vitest';
import { createActor } from 'xstate';
import { type AgentEvent, agentMachine, nextLookMs } from '#rota/machines/agent.js';
import type { SelectorEvent } from '#rota/machines/selector-events.js';
import type { Presence } from '#rota/protocol/agent.js';

const LEASE_MS = 1_000;

function agentAt(presence: Presence) {
  const told: SelectorEvent[] = [];
  const input = {
    agentId: 'ann',
    presence,
    leaseMs: LEASE_MS,
    monoMs: 0,
    toSelector: (event: SelectorEvent) => told.push(event),
  };
  const actor = createActor(agentMachine, { input });
  actor.start();
  const send = (...events: AgentEvent[]) => {
    for (const event of events) actor.send(event);
    return actor.getSnapshot().value;
  };
  const look = () => nextLookMs(actor.getSnapshot().value, actor.getSnapshot().context);
  return { send, told, look };
}

describe('an agent', () => {
  test('starts in the presence that it is known with, and tells nobody', () => {
    for (const presence of ['online', 'suspect', 'draining', 'offline'] as const) {
      const agent = agentAt(presence);
      expect(agent.send()).toBe(presence);
      expect(agent.told).toEqual([]);
    }
  });

  test('that is forgotten is over, from any state, and tells nobody', () => {
    for (const presence of ['online', 'suspect', 'draining', 'offline'] as const) {
      const agent = agentAt(presence);
      expect(agent.send({ type: 'FORGET' })).toBe('forgotten');
      expect(agent.look()).toBeUndefined();
      expect(agent.told).toEqual([]);
    }
  });

  test('is suspect after half a lease of silence and offline after a whole one', () => {
    const agent = agentAt('online');
    expect(agent.send({ type: 'TICK', monoMs: 499 })).toBe('online');
    expect(agent.look()).toBe(500);
    expect(agent.send({ type: 'TICK', monoMs: 500 })).toBe('suspect');
    expect(agent.look()).toBe(1_000);
    expect(agent.send({ type: 'TICK', monoMs: 999 })).toBe('suspect');
    expect(agent.send({ type: 'TICK', monoMs: 1_000 })).toBe('offline');
    expect(agent.look()).toBeUndefined();
    expect(agent.told).toEqual([
      { type: 'PRESENCE', agentId: 'ann', presence: 'suspect', why: 'said so' },
      { type: 'PRESENCE', agentId: 'ann', presence: 'offline', why: 'went silent' },
    ]);
  });

  test('each heartbeat counts from its own time, and brings a suspect back', () => {
    const agent = agentAt('online');
    agent.send({ type: 'HEARTBEAT', monoMs: 400 });
    expect(agent.send({ type: 'TICK', monoMs: 899 })).toBe('online');
    expect(agent.send({ type: 'TICK', monoMs: 900 })).toBe('suspect');
    expect(agent.send({ type: 'HEARTBEAT', monoMs: 950 })).toBe('online');
    expect(agent.told.at(-1)).toMatchObject({ presence: 'online' });
  });

  test('that drains stays so through heartbeats, until it leaves or falls silent', () => {
    const agent = agentAt('online');
    agent.send({ type: 'DRAIN' }, { type: 'HEARTBEAT', monoMs: 800 });
    expect(agent.send({ type: 'TICK', monoMs: 1_799 })).toBe('draining');
    expect(agent.send({ type: 'TICK', monoMs: 1_800 })).toBe('offline');
    const other = agentAt('online');
    expect(other.send({ type: 'DRAIN' }, { type: 'LEAVE' })).toBe('offline');
  });

  test('that went offline comes back by registering, not by a heartbeat', () => {
    const agent = agentAt('offline');
    expect(agent.send({ type: 'HEARTBEAT', monoMs: 10 }, { type: 'DRAIN' })).toBe('offline');
    expect(agent.told).toEqual([]);
  });

  test('that registers again is online, whatever it was', () => {
    for (const presence of ['suspect', 'draining', 'offline'] as const) {
      const agent = agentAt(presence);
      expect(agent.send({ type: 'REGISTERED', monoMs: 5_000 })).toBe('online');
      expect(agent.send({ type: 'TICK', monoMs: 5_499 })).toBe('online');
    }
  });
});
