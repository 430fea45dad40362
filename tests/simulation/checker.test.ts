import { describe, expect, test } from 'vitest';
import { AgentProfileSchema } from '#rota/protocol/agent.js';
import { encode } from '#rota/protocol/codec.js';
import type { Decision } from '#rota/protocol/decision.js';
import { RotaError } from '#rota/protocol/errors.js';
import type { JournalEvent, JournalRow, Recovered } from '#rota/protocol/journal.js';
import { PolicySchema } from '#rota/protocol/policy.js';
import { Checker } from './checker.js';
import { Dice } from './dice.js';
import { Process } from './process.js';
import { Transcript } from './transcript.js';
import { World } from './world.js';

/** Histories that must not be: the checker has to say so, and name the invariant. */

const FENCE_MS = 1_000;
const atMs = 0;

function submitted(id: string, more: object = {}): JournalEvent {
  const task = {
    id,
    pool: 'p',
    workType: 'w',
    capabilities: [],
    roles: [],
    excludeAgents: [],
    priority: 3,
    payload: null,
  };
  const kept = { maxAttempts: 2, backoffMs: 100, submittedBy: 'c', watch: 'end' as const, order: 1, createdAtMs: 0 };
  return { type: 'taskSubmitted', atMs, task: { ...task, ...kept, ...more } };
}

function joined(agentId: string, index: number): JournalEvent {
  const profile = AgentProfileSchema.parse({ pool: 'p' });
  const flags = { presence: 'online' as const, isCordoned: false, isOffDuty: false };
  return { type: 'agentRegistered', atMs, agentId, session: `${agentId}-1`, profile, index, ...flags };
}

const policy: JournalEvent = {
  ...{ type: 'policySet', atMs, pool: 'p', version: 'v' },
  policy: PolicySchema.parse({ rotationWindowMinutes: 0 }),
};

function assigned(
  taskId: string,
  agentId: string,
  more: Partial<Extract<JournalEvent, { type: 'taskAssigned' }>> = {},
) {
  const decision = {} as Decision;
  const event = { type: 'taskAssigned', atMs, monoMs: 0, workType: 'w', pool: 'p', rotation: '', cursor: 0 } as const;
  return { ...event, taskId, agentId, attempt: 1, token: 1, decision, ...more };
}

function completed(taskId: string, agentId: string, more: object = {}): JournalEvent {
  const fields = { workType: 'w', monoMs: 0, durationMs: 1, difficulty: 'straightforward' as const };
  return { type: 'taskCompleted', atMs, taskId, agentId, token: 1, result: 'done', ...fields, ...more };
}

function released(taskId: string, agentId: string, more: object = {}): JournalEvent {
  const error = new RotaError('TASK_TIMEOUT', 'Too long.').toWire();
  const fields = { workType: 'w', monoMs: 0, outcome: 'failed' as const, attempt: 1, backoffMs: 100, error };
  return { type: 'taskReleased', atMs, taskId, agentId, token: 1, ...fields, ...more };
}

/** A run in which one coordinator leads with epoch 1, and does what the test says. */
class Stand {
  readonly world = new World(new Dice(1), new Transcript(false));
  readonly checker = new Checker(this.world, FENCE_MS);
  readonly leader = new Process(this.world, 'k');
  readonly agent = new Process(this.world, 'a');
  #seq = 0;

  constructor() {
    this.lead(1);
    this.checker.renewed(this.leader, 1, 0);
  }

  lead(epoch: number): void {
    this.checker.led(this.leader, { epoch, seq: this.#seq } as Recovered);
  }

  commit(...events: JournalEvent[]): void {
    this.row({ seq: this.#seq + 1, epoch: 1, events });
  }

  row(row: JournalRow): void {
    this.#seq = row.seq;
    this.checker.committed(this.leader, row);
  }

  /** A task that `a` has begun to hold. */
  held(id = 't'): void {
    this.commit(policy, joined('a', 0), submitted(id), assigned(id, 'a'));
  }

  reports(outcome: string, more: object = {}): void {
    const report = { outcome, taskId: 't', token: 1, result: 'done', ...more };
    this.checker.sent(this.agent, 'sim.from.a.report', encode({ session: 'a-1', reports: [report] }));
  }

  says(subject: string, frame: object): void {
    this.checker.sent(this.leader, subject, encode(frame));
  }

  answers(verb: string, frame: object): void {
    const asked = { subject: `sim.from.c.${verb}`, data: new Uint8Array(), reply: '_INBOX.1' };
    this.checker.received(this.leader, asked);
    this.says('_INBOX.1', frame);
  }

  get found(): string | undefined {
    return this.world.violation?.invariant;
  }
}

const BAD: readonly [invariant: string, what: string, act: (stand: Stand) => void][] = [
  ['I1', 'a task is submitted twice', (stand) => stand.commit(submitted('t'), submitted('t'))],
  [
    'I1',
    'a submit is acknowledged before its commit',
    (stand) => stand.answers('submit.p', { tasks: [{ id: 't', status: 'pending', duplicate: false }] }),
  ],
  [
    'I2',
    'a result is kept that was not reported',
    (stand) => {
      stand.held();
      stand.reports('completed');
      stand.commit(completed('t', 'a', { result: 'other' }));
    },
  ],
  [
    'I2',
    'a refusal is told and not recorded',
    (stand) => {
      const ack = { taskId: 't', token: 1, outcome: 'completed', accepted: false, code: 'STALE_LEASE' };
      stand.held();
      stand.says('sim.to.a', { acks: [ack] });
    },
  ],
  [
    'I2',
    'a client has another end than the journal',
    (stand) => {
      stand.held();
      stand.checker.told('t', { status: 'completed', result: 'done' });
    },
  ],
  [
    'I3',
    'a token is left out',
    (stand) => stand.commit(joined('a', 0), submitted('t'), assigned('t', 'a', { token: 2 })),
  ],
  [
    'I3',
    'a task is held twice',
    (stand) => {
      stand.held();
      stand.commit(joined('b', 1), assigned('t', 'b', { token: 2 }));
    },
  ],
  [
    'I4',
    'an old token is taken',
    (stand) => {
      stand.held();
      stand.reports('completed');
      stand.commit(completed('t', 'a', { token: 7 }));
    },
  ],
  [
    'I4',
    'a current report is refused',
    (stand) => {
      stand.held();
      stand.commit({ type: 'reportRefused', atMs, taskId: 't', agentId: 'a', token: 1, code: 'STALE_LEASE' });
    },
  ],
  [
    'I5',
    'an older epoch writes',
    (stand) => {
      stand.lead(2);
      stand.commit(submitted('t'));
    },
  ],
  ['I5', 'a row is left out', (stand) => stand.row({ seq: 2, epoch: 1, events: [] })],
  [
    'I6',
    'an agent gets more than it may',
    (stand) => {
      stand.held();
      stand.commit(submitted('t2'), assigned('t2', 'a'));
    },
  ],
  [
    'I8',
    'somebody is passed over',
    (stand) => stand.commit(policy, joined('a', 0), joined('b', 1), submitted('t'), assigned('t', 'b', { cursor: 1 })),
  ],
  [
    'I10',
    'an attempt begins before its backoff is over',
    (stand) => {
      stand.held();
      stand.commit(released('t', 'a'), assigned('t', 'a', { token: 2, attempt: 2 }));
    },
  ],
  [
    'I10',
    'a task waits again after its last attempt',
    (stand) => {
      stand.commit(policy, joined('a', 0), submitted('t', { maxAttempts: 1 }), assigned('t', 'a'));
      stand.commit(released('t', 'a'));
    },
  ],
  [
    'I11',
    'an assignment is sent before it is recorded',
    (stand) => {
      stand.commit(submitted('t'));
      stand.says('sim.to.a', { assignments: [{ taskId: 't', token: 1, attempt: 1 }] });
    },
  ],
  [
    'I13',
    'what has ended is cancelled',
    (stand) => {
      stand.held();
      stand.reports('completed');
      stand.commit(completed('t', 'a'), { type: 'taskCancelled', atMs, taskId: 't' });
    },
  ],
  [
    'I14',
    'a leader decides by a clock that is ahead',
    (stand) => stand.commit(joined('a', 0), submitted('t'), assigned('t', 'a', { monoMs: 3_600_000 })),
  ],
  [
    'I14',
    'a leader speaks when its renewal is too old',
    (stand) => {
      stand.world.nowMs = FENCE_MS + 1;
      stand.says('sim.to.a', {});
    },
  ],
  [
    'I15',
    'a result is taken after its cancel was acknowledged',
    (stand) => {
      stand.held();
      stand.commit({ type: 'taskCancelled', atMs, taskId: 't' });
      stand.answers('cancel', { tasks: [{ id: 't', status: 'cancelled' }] });
      stand.commit(completed('t', 'a'));
    },
  ],
  [
    'I18',
    'a result is taken that its owner never said',
    (stand) => {
      stand.held();
      stand.commit(completed('t', 'a'));
    },
  ],
];

describe('the checker', () => {
  test.each(BAD)('%s: says so when %s', (invariant, _what, act) => {
    const stand = new Stand();
    act(stand);
    expect(stand.world.violation?.message).toMatch(new RegExp(`^${invariant}: `));
  });

  test('is content with what may be', () => {
    const stand = new Stand();
    stand.commit(policy, joined('a', 0), joined('b', 1), submitted('t'), assigned('t', 'a'));
    stand.answers('submit.p', { tasks: [{ id: 't', status: 'assigned', duplicate: false }] });
    stand.says('sim.to.a', { assignments: [{ taskId: 't', token: 1, attempt: 1 }] });
    stand.reports('accepted');
    stand.commit({ type: 'taskAccepted', atMs, taskId: 't', token: 1 });
    stand.commit(released('t', 'a'));
    stand.world.nowMs = 500;
    stand.commit(assigned('t', 'b', { token: 2, attempt: 2, monoMs: 200, cursor: 1 }));
    const report = { outcome: 'completed', taskId: 't', token: 2, result: 'done' };
    stand.checker.sent(stand.agent, 'sim.from.b.report', encode({ session: 'b-1', reports: [report] }));
    stand.commit(completed('t', 'b', { token: 2, monoMs: 300 }));
    const ack = { taskId: 't', token: 2, outcome: 'completed', accepted: true };
    stand.says('sim.to.b', { acks: [ack] });
    stand.checker.told('t', { status: 'completed', result: 'done' });
    expect(stand.found).toBeUndefined();
  });
});
