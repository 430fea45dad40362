import { isDeepStrictEqual } from 'node:util';
import { createActor } from 'xstate';
import { recover } from '#rota/actors/recovery.js';
import { ActorSystem, type SystemOptions } from '#rota/actors/system.js';
import { coordinatorMachine } from '#rota/machines/coordinator.js';
import type { Selector } from '#rota/machines/selector.js';
import type { Recovered } from '#rota/protocol/journal.js';

/**
 * Whether a new leader, with the real code of recovery, would begin where this one stands. Deadlines are left out: they
 * begin anew. `running`: the orchestrations that have not ended.
 */
export function i17(
  live: ActorSystem,
  recovered: Recovered,
  { ruleOf, running }: { readonly ruleOf: SystemOptions['ruleOf']; readonly running: readonly string[] },
): Difference | undefined {
  const restored = restore(recovered, ruleOf);
  for (const pool of new Set([...live.pools(), ...restored.pools()])) {
    const difference = ofPool(pool, live.selector(pool), restored.selector(pool));
    if (difference !== undefined) return difference;
  }
  return ofOrchestrations(live, restored, running);
}

export interface Difference {
  readonly invariant: 'I11' | 'I17';
  readonly problem: string;
}

function restore(recovered: Recovered, ruleOf: SystemOptions['ruleOf']): ActorSystem {
  const root = createActor(coordinatorMachine, { systemId: 'coordinator' });
  root.start();
  const nothing = () => {};
  const time = { wallMs: 0, monoMs: recovered.monoMs, random: () => 0 };
  const turn = { ...time, takeRoom: () => true, record: nothing, send: nothing, score: nothing };
  const onFault = (error: unknown) => {
    throw error;
  };
  const system = new ActorSystem({ root, turn, leaseMs: 1_000, heartbeatMs: 250, ruleOf, onFault });
  recover(system, recovered);
  return system;
}

function ofPool(pool: string, live: Selector | undefined, restored: Selector | undefined): Difference | undefined {
  // A pool that was named and got nothing is remembered by nobody.
  if (live === undefined || restored === undefined) {
    const known = live ?? restored;
    const isEmpty = known === undefined || ([...known.tasks()].length === 0 && known.roster.size === 0);
    return isEmpty ? undefined : { invariant: 'I17', problem: `pool ${pool} is there in one of the two alone` };
  }
  const parts = [
    ['I11', 'rotations', live.state.rotations.entries(), restored.state.rotations.entries()],
    ['I11', 'history', live.state.history.entries(), restored.state.history.entries()],
    ['I17', 'agents', agents(live), agents(restored)],
    ['I17', 'tasks', tasks(live), tasks(restored)],
    ['I17', 'policy', live.state.policyVersion, restored.state.policyVersion],
    ['I17', 'order', live.state.lastOrder, restored.state.lastOrder],
  ] as const;
  for (const [invariant, what, here, there] of parts) {
    if (isDeepStrictEqual(here, there)) continue;
    const problem = `the ${what} of pool ${pool} are ${JSON.stringify(here)}, and restored ${JSON.stringify(there)}`;
    return { invariant, problem };
  }
  return undefined;
}

function agents({ roster }: Selector): unknown[] {
  const members = [...roster.members()].sort((a, b) => a.index - b.index);
  return members.map((member) => {
    const { id, index, session, profile, presence, isCordoned, isOffDuty, load } = member;
    const performance = ['w1', 'w2'].map((workType) => roster.performanceOf(member, workType));
    return { id, index, session, profile: plain(profile), presence, isCordoned, isOffDuty, load, performance };
  });
}

/** Tasks that have not ended; those that have are in the tables. */
function tasks(selector: Selector): unknown[] {
  const open = [...selector.tasks()].filter(({ status }) => !['completed', 'failed', 'cancelled'].includes(status));
  return open
    .sort((a, b) => a.record.order - b.record.order)
    .map(({ record, requirement, status, attempt, token, agentId, ended }) => ({
      record: plain(record),
      requirement: requirement.key,
      ...{ status, attempt, token, ended: plain(ended) },
      ...(status === 'pending' ? {} : { agentId }),
    }));
}

/** What is not there and what is undefined is the same. */
function plain(value: object): unknown {
  return JSON.parse(JSON.stringify(value));
}

function ofOrchestrations(
  live: ActorSystem,
  restored: ActorSystem,
  running: readonly string[],
): Difference | undefined {
  for (const id of running) {
    const here = live.orchestration(id);
    const there = restored.orchestration(id);
    if (here !== undefined && isDeepStrictEqual(here.taskIds, there?.taskIds)) continue;
    return { invariant: 'I17', problem: `orchestration ${id} is not the same when it is restored` };
  }
  return undefined;
}
