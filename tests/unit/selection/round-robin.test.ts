import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Roster, requirementOf } from '#rota/selection/roster.js';
import { roundRobin } from '#rota/selection/round-robin.js';

interface ListedAgent {
  readonly id: string;
  readonly index: number;
  capabilities: string[];
  credit: number;
  presence: 'online' | 'suspect' | 'offline';
  load: number;
}

/** Round robin the obvious way: a list in order of joining, searched from the place after the last one served. */
class ListRoundRobin {
  readonly agents: ListedAgent[] = [];
  cursor = -1;

  pick(capabilities: readonly string[]): ListedAgent | undefined {
    const may = (agent: ListedAgent) =>
      agent.presence === 'online' &&
      agent.load < agent.credit &&
      capabilities.every((label) => agent.capabilities.includes(label));
    const candidates = this.agents.filter(may);
    return candidates.find((agent) => agent.index > this.cursor) ?? candidates[0];
  }
}

const label = fc.constantFrom('sql', 'ts', 'ops');
const labels = fc.uniqueArray(label, { maxLength: 3 });
const step = fc.oneof(
  fc.record({ do: fc.constant('join' as const), who: fc.nat(12), labels, credit: fc.integer({ min: 1, max: 3 }) }),
  fc.record({
    do: fc.constant('presence' as const),
    who: fc.nat(12),
    presence: fc.constantFrom('online' as const, 'suspect' as const, 'offline' as const),
  }),
  fc.record({ do: fc.constant('assign' as const), labels }),
  fc.record({ do: fc.constant('finish' as const), who: fc.nat(12) }),
);

describe('round robin', () => {
  test('picks whom a plain list picks, over random joins, leaves, loads and labels', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const roster = new Roster();
        const list = new ListRoundRobin();
        for (const one of steps) {
          if (one.do === 'assign') {
            const requirement = requirementOf(one.labels);
            const choice = roundRobin.pick(roster, requirement, list.cursor);
            const expected = list.pick(one.labels);
            expect(choice?.member.id).toBe(expected?.id);
            if (choice === undefined || expected === undefined) continue;
            roster.take(choice.member);
            expected.load++;
            list.cursor = expected.index;
            expect(choice.cursor).toBe(expected.index);
            continue;
          }
          const id = `agent-${one.who}`;
          const listed = list.agents.find((agent) => agent.id === id);
          const member = roster.get(id);
          if (one.do === 'join') {
            const profile = { pool: 'p', kind: 'bot' as const, capabilities: one.labels, prefetch: 0 };
            const joined = roster.put(id, roster.nextIndex, 's', { ...profile, maxConcurrency: one.credit });
            if (listed === undefined) {
              const { labels: capabilities, credit } = one;
              list.agents.push({ id, index: joined.index, capabilities, credit, presence: 'offline', load: 0 });
            } else {
              listed.capabilities = one.labels;
              listed.credit = one.credit;
            }
          } else if (member !== undefined && listed !== undefined) {
            if (one.do === 'presence') {
              roster.setPresence(member, one.presence);
              listed.presence = one.presence;
            } else if (listed.load > 0) {
              roster.release(member);
              listed.load--;
            }
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('serves agents that stay free equally: the most served is one ahead of the least at any time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 100 }), (agents, tasks) => {
        const roster = new Roster();
        const profile = { pool: 'p', kind: 'bot' as const, capabilities: [], maxConcurrency: 1, prefetch: 0 };
        for (let i = 0; i < agents; i++) roster.setPresence(roster.put(`a${i}`, i, 's', profile), 'online');
        const served = new Array<number>(agents).fill(0);
        let cursor = -1;
        for (let i = 0; i < tasks; i++) {
          const choice = roundRobin.pick(roster, requirementOf([]), cursor);
          cursor = choice?.cursor ?? cursor;
          served[cursor] = (served[cursor] ?? 0) + 1;
          expect(Math.max(...served) - Math.min(...served)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  test('says why in words', () => {
    const roster = new Roster();
    const profile = { pool: 'p', kind: 'bot' as const, capabilities: [], maxConcurrency: 1, prefetch: 0 };
    for (const [i, id] of ['ann', 'bob', 'cem'].entries()) {
      roster.setPresence(roster.put(id, i, 's', profile), 'online');
    }
    const anyone = requirementOf([]);
    expect(roundRobin.pick(roster, anyone, -1)).toMatchObject({
      candidates: 3,
      reason: 'next in turn of 3 free agents',
    });
    expect(roundRobin.pick(roster, anyone, 0)?.reason).toBe('next in turn of 3 free agents, after ann');
    for (const id of ['ann', 'bob']) roster.take(roster.get(id) ?? expect.fail());
    expect(roundRobin.pick(roster, anyone, 0)?.reason).toBe('the only free agent');
    roster.take(roster.get('cem') ?? expect.fail());
    expect(roundRobin.pick(roster, anyone, 0)).toBeUndefined();
  });
});
