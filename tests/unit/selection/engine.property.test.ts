import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PRESENCES } from '#rota/protocol/agent.js';
import { EXCLUSIONS } from '#rota/protocol/decision.js';
import { STRATEGIES } from '#rota/protocol/policy.js';
import { decide } from '#rota/selection/decide.js';
import { requirementOf } from '#rota/selection/requirement.js';
import { policyOf, profileOf, TestPool } from './pool.js';
import { ListEngine, type ListedTask } from './reference.js';

const LABELS = ['sql', 'ts', 'ops'];
const WORK_TYPES = ['deploy', 'review'];
const labels = fc.oneof({ weight: 3, arbitrary: fc.constant(LABELS) }, { weight: 1, arbitrary: fc.subarray(LABELS) });
const fewLabels = fc.oneof(
  { weight: 2, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.subarray(LABELS, { maxLength: 2 }) },
);
const who = fc.oneof(fc.nat(6), fc.nat(40)).map((n) => `a${n}`);
/** One in eight. */
function seldom<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: 7, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
}

const MINUTE_MS = 60_000;

const profile = fc.record({
  enabled: fc.nat(9).map((n) => n > 0),
  availability: fc.nat(7).map((n) => (n > 0 ? ('heartbeat' as const) : ('source' as const))),
  capabilities: labels,
  roles: labels,
  specializations: fc.subarray(WORK_TYPES),
  maxConcurrency: fc.integer({ min: 1, max: 3 }),
  prefetch: fc.integer({ min: 0, max: 1 }),
});

const policy = fc.record({
  rotationWindowMinutes: fc.constantFrom(0, 1, 5),
  assignmentsPerWindow: fc.integer({ min: 1, max: 2 }),
  historySize: fc.constantFrom(2, 5, 1_000),
  scoring: fc.record({
    contextMs: fc.constantFrom(2 * MINUTE_MS, 4 * 60 * MINUTE_MS),
    loadMs: fc.constantFrom(MINUTE_MS, 60 * MINUTE_MS),
    minimumSample: fc.constantFrom(0, 2, 10),
    confidence: fc.constantFrom('none' as const, 'lower-bound' as const, 'thompson' as const),
    explorationShare: fc.constantFrom(0, 0, 0.5),
  }),
});

const task = fc.record({
  workType: fc.constantFrom(...WORK_TYPES),
  capabilities: fewLabels,
  roles: fewLabels,
  excludeAgents: fc.oneof(fc.constant([]), fc.uniqueArray(who, { maxLength: 4 })),
  triedBefore: fc.oneof(fc.constant([]), fc.uniqueArray(who, { maxLength: 6 })),
  assignee: seldom(who),
  handoff: seldom(fc.record({ fromAgent: seldom(who) })),
});
type GeneratedTask = typeof task extends fc.Arbitrary<infer T> ? T : never;

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('join' as const), who, profile }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), who }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('presence' as const),
      who,
      presence: fc.constantFrom('online' as const, 'online' as const, ...PRESENCES),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('flag' as const),
      who,
      flag: fc.constantFrom('cordoned' as const, 'offDuty' as const),
      isSet: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('assign' as const),
      task,
      strategy: fc.constantFrom(...STRATEGIES),
      seed: fc.nat(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('finish' as const),
      nth: fc.nat(20),
      isSuccess: fc.boolean(),
      workType: fc.constantFrom(...WORK_TYPES),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(1_000, MINUTE_MS, 5 * MINUTE_MS, 25 * 60 * MINUTE_MS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('policy' as const), policy }) },
);
const profiles = fc.oneof(fc.array(profile, { maxLength: 5 }), fc.array(profile, { maxLength: 40, size: 'max' }));
const steps = fc.array(step, { maxLength: 60, size: 'max' });
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Runs one step on both, the real pool and the list. */
class Pair {
  readonly pool: TestPool;
  readonly list: ListEngine;
  #tasks = 0;

  constructor(policyInput: Parameters<typeof policyOf>[0]) {
    this.pool = new TestPool(policyInput);
    this.list = new ListEngine(policyOf(policyInput));
  }

  run(one: Step): void {
    const { pool, list } = this;
    switch (one.do) {
      case 'join':
        return this.#join(one.who, profileOf(one.profile));
      case 'remove':
        return this.#remove(one.who);
      case 'presence': {
        const member = pool.roster.get(one.who);
        if (member !== undefined) pool.roster.setPresence(member, one.presence);
        const listed = list.get(one.who);
        if (listed !== undefined) listed.presence = one.presence;
        return;
      }
      case 'flag': {
        const member = pool.roster.get(one.who);
        if (member !== undefined) pool.roster.setFlag(member, one.flag, one.isSet);
        const listed = list.get(one.who);
        if (listed !== undefined) listed[one.flag === 'cordoned' ? 'isCordoned' : 'isOffDuty'] = one.isSet;
        return;
      }
      case 'assign':
        return this.#assign(one.task, one.strategy, one.seed);
      case 'finish':
        return this.#finish(one.nth, one.isSuccess, one.workType);
      case 'wait':
        pool.monoMs += one.ms;
        list.monoMs += one.ms;
        list.trim();
        return;
      case 'policy':
        pool.policy = policyOf(one.policy);
        pool.history.advance(pool.monoMs);
        pool.history.configure(pool.policy);
        pool.openLoad.advance(pool.monoMs);
        pool.openLoad.configure(pool.policy.scoring.loadMs);
        list.policy = policyOf(one.policy);
        list.trim();
    }
  }

  #join(id: string, joined: ReturnType<typeof profileOf>): void {
    const { pool, list } = this;
    const listed = list.get(id);
    if (listed !== undefined) listed.profile = joined;
    else {
      const flags = { isCordoned: false, isOffDuty: false };
      const index = list.lowestFreeIndex();
      list.agents.push({ id, index, profile: joined, presence: 'online', ...flags, done: new Map() });
    }
    const isNew = pool.roster.get(id) === undefined;
    const member = pool.roster.put(id, pool.roster.nextIndex, 's', joined);
    expect(member.presence === 'offline' || !isNew).toBe(true);
    if (isNew) pool.roster.setPresence(member, 'online');
  }

  #remove(id: string): void {
    const { pool, list } = this;
    const member = pool.roster.get(id);
    if (member === undefined) return;
    for (const one of list.held.filter((held) => held.agentId === id)) pool.letGo(member, one.taskId);
    pool.history.forget(id);
    pool.roster.remove(member);
    list.held = list.held.filter((one) => one.agentId !== id);
    list.history = list.history.map((one) => (one.agentId === id ? { ...one, agentId: '' } : one));
    list.agents = list.agents.filter((agent) => agent.id !== id);
  }

  #assign(generated: GeneratedTask, strategy: (typeof STRATEGIES)[number], seed: number): void {
    const asked = this.#taskOf(generated);
    for (const each of STRATEGIES) this.#compare(asked, each, seed);
    const listed = this.list.decide(asked, strategy, seed);
    const member = this.pool.decide(asked, { task: { ...this.pool.input(asked).task, strategy }, seed })?.member;
    if (listed === undefined || member === undefined) return;
    this.list.assign(listed.agent, asked);
    this.pool.hold(member, asked.id, asked);
  }

  #compare(asked: ListedTask, strategy: (typeof STRATEGIES)[number], seed: number): void {
    const { pool, list } = this;
    const input = pool.input(asked, { seed });
    const choice = decide({ ...input, task: { ...input.task, strategy } });
    const expected = list.decide(asked, strategy, seed);
    expect(choice?.member.id).toBe(expected?.agent.id);
    if (choice === undefined || expected === undefined) return;
    const { decision } = choice;
    expect(choice.cursor).toBe(expected.agent.index);
    expect(decision.candidates).toBe(expected.candidates);
    expect(decision.excluded).toEqual(expected.excluded);
    expect(Object.keys(decision.excluded)).toEqual(EXCLUSIONS.filter((reason) => reason in decision.excluded));
    expect(decision.fallback?.kind).toBe(expected.fallback);
    expectClose(decision.probability, expected.probability);
    expectClose(decision.score, expected.score);
    if (strategy !== 'weighted') return;
    expect(decision.runnersUp?.map((one) => one.agentId)).toEqual(expected.runnersUp.map((one) => one.agentId));
  }

  #taskOf({ triedBefore, assignee, handoff, ...generated }: GeneratedTask): ListedTask {
    const from = handoff?.fromAgent;
    return {
      id: `t${this.#tasks++}`,
      attempt: triedBefore.length + 1,
      triedBefore: new Set(triedBefore),
      ...(assignee === undefined ? {} : { assignee }),
      ...(handoff === undefined ? {} : { handoff: from === undefined ? {} : { fromAgent: from } }),
      ...generated,
    };
  }

  #finish(nth: number, isSuccess: boolean, workType: string): void {
    const { pool, list } = this;
    const held = list.held[nth % Math.max(1, list.held.length)];
    const listed = held && list.get(held.agentId);
    const member = held && pool.roster.get(held.agentId);
    if (held === undefined || listed === undefined || member === undefined) return;
    list.held = list.held.filter((one) => one !== held);
    pool.letGo(member, held.taskId);
    const done = listed.done.get(workType) ?? { successes: 0, failures: 0, lastMs: 0 };
    done[isSuccess ? 'successes' : 'failures']++;
    done.lastMs = list.monoMs;
    listed.done.set(workType, done);
    pool.roster.note(member, workType, isSuccess ? 'success' : 'failure', pool.monoMs);
  }

  expectSame(): void {
    const { pool, list } = this;
    pool.history.advance(pool.monoMs);
    pool.openLoad.advance(pool.monoMs);
    expect(pool.roster.nextIndex).toBe(list.lowestFreeIndex());
    expect(pool.history.entries()).toEqual(list.history);
    const members = [...pool.roster.members()].map(({ id, index, isRecent, load }) => {
      return { id, index, isRecent, load, recentLoad: pool.roster.columns.recentLoads[index] };
    });
    const listed = list.agents.map((agent) => {
      const { id, index } = agent;
      return {
        id,
        index,
        isRecent: list.isRecent(agent),
        load: list.loadOf(agent),
        recentLoad: list.recentLoadOf(agent),
      };
    });
    expect(members).toEqual(listed);
    for (const { id, index } of listed) expect(pool.roster.at(index)).toBe(pool.roster.get(id));
  }
}

/** Sums are made in another order. */
function expectClose(actual: number | undefined, expected: number | undefined): void {
  if (actual === undefined || expected === undefined) expect(actual).toBe(expected);
  else expect(actual).toBeCloseTo(expected, 9);
}

test('every strategy and filter decides as plain lists do, over random histories of a pool', () => {
  fc.assert(
    fc.property(policy, profiles, steps, (policyInput, first, todo) => {
      const pair = new Pair(policyInput);
      for (const [n, one] of first.entries()) pair.run({ do: 'join', who: `a${n}`, profile: one });

      for (const one of todo) {
        pair.run(one);
        pair.expectSame();
      }
    }),
    { numRuns: 200 },
  );
});

test('whether an agent fits, and whether any could, is what a list says', () => {
  const agents = fc.array(profile, { maxLength: 6 });
  fc.assert(
    fc.property(agents, task, (profiles, { triedBefore: _, assignee, handoff, ...generated }) => {
      const pool = new TestPool();
      const list = new ListEngine(policyOf());
      for (const [index, one] of profiles.entries()) {
        const flags = { presence: 'online' as const, isCordoned: false, isOffDuty: false };
        pool.join(`a${index}`, one);
        list.agents.push({ id: `a${index}`, index, profile: profileOf(one), ...flags, done: new Map() });
      }
      const from = handoff?.fromAgent;
      const demands = {
        ...generated,
        ...(assignee === undefined ? {} : { assignee }),
        ...(handoff === undefined ? {} : { handoff: from === undefined ? {} : { fromAgent: from } }),
      };
      const asked: ListedTask = { id: 't', attempt: 1, triedBefore: new Set(), ...demands };
      const passing = [undefined, 'disabled', 'offline', 'busy'];
      const fitting = list.agents.filter((agent) => passing.includes(list.reasonAgainst(agent, asked)));
      const requirement = requirementOf(demands);
      const members = [...pool.roster.members()].filter((member) => pool.roster.fits(member, requirement));
      expect(members.map((member) => member.id)).toEqual(fitting.map((agent) => agent.id));
      expect(pool.roster.couldFit(requirement)).toBe(fitting.length > 0);
    }),
  );
});
