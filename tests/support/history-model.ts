import type { AttemptEnded, JournalEvent, TaskRecord } from '#rota/protocol/journal.js';
import type { Json } from '#rota/protocol/json.js';
import type { NodeSpec, OrchestrationSpec } from '#rota/protocol/task.js';
import {
  at,
  POOLS,
  pick,
  ROTATIONS,
  someDecision,
  someError,
  someMeasure,
  somePolicy,
  someProfile,
  someTask,
  someTaskId,
} from './history-values.js';

export const KINDS = [
  'register',
  'register',
  'presence',
  'flag',
  'deregister',
  'policy',
  'reset',
  'submit',
  'submit',
  'assign',
  'assign',
  'assign',
  'accept',
  'accept',
  'complete',
  'complete',
  'release',
  'release',
  'fail',
  'cancel',
  'refuse',
  'orchestrate',
  'submitNode',
  'submitNode',
  'cancelOrchestration',
  'endOrchestration',
] as const;

export interface Choice {
  readonly kind: (typeof KINDS)[number];
  /** Which agent, task or node: taken modulo how many there are. */
  readonly a: number;
  readonly b: number;
  readonly json: Json;
}

const START_MS = 1_700_000_000_000;

interface ModelAgent {
  readonly id: string;
  readonly pool: string;
  readonly index: number;
}

interface ModelTask {
  readonly id: string;
  readonly pool: string;
  readonly workType: string;
  readonly orchestrationId: string | undefined;
  status: 'pending' | 'assigned' | 'running' | 'ended';
  attempt: number;
  last: { token: number; agentId: string } | undefined;
}

interface ModelOrchestration {
  readonly spec: OrchestrationSpec;
  readonly taskIds: Record<string, string>;
  readonly waiting: NodeSpec[];
  ended: boolean;
}

/**
 * Reads choices as what a correct leader could record next: every task is submitted before it is assigned,
 * has one open attempt at most, and nothing follows its end; only agents that are registered get tasks, and
 * what an agent holds is released before it is deregistered. A choice that is not legal records nothing.
 */
export class HistoryModel {
  readonly events: JournalEvent[] = [];
  readonly #agents: ModelAgent[] = [];
  readonly #tasks: ModelTask[] = [];
  readonly #orchestrations: ModelOrchestration[] = [];
  readonly #orders = new Map<string, number>();
  #nowMs = START_MS;
  #monoMs = 0;

  constructor(choices: readonly Choice[]) {
    for (const choice of choices) this.#take(choice);
  }

  #take({ kind, a, b, json }: Choice): void {
    // The wall clock is set back now and then; the monotonic one never is.
    this.#nowMs += b % 20 === 0 ? -2 : b % 3;
    this.#monoMs += (a % 5) / 4;
    switch (kind) {
      case 'register':
        return this.#register(a, b);
      case 'presence':
      case 'flag':
      case 'deregister':
        return this.#changeAgent(kind, a, b);
      case 'policy':
        return this.#add({ type: 'policySet', pool: pick(POOLS, a), version: `v-${b}`, policy: somePolicy(a, b) });
      case 'reset':
        return this.#add({ type: 'rotationReset', pool: pick(POOLS, a) });
      case 'submit':
        return this.#submit(this.#record(someTaskId(this.#tasks.length, b), pick(POOLS, a), a, b, json));
      case 'refuse':
        return this.#refuse(a, b);
      case 'orchestrate':
        return this.#orchestrate(a, b, json);
      case 'submitNode':
        return this.#submitNode(a, json);
      case 'cancelOrchestration':
        return this.#cancelOrchestration(a);
      case 'endOrchestration':
        return this.#endOrchestration(a, b);
      default:
        return this.#moveTask(kind, a, b, json);
    }
  }

  /** One that is there, one that was, or a new one. */
  #register(a: number, b: number): void {
    const id = `agent-${a % 6}`;
    const known = this.#agents.find((agent) => agent.id === id);
    const pool = known?.pool ?? pick(POOLS, b);
    const index = known?.index ?? this.#freePlace(pool);
    if (!known) this.#agents.push({ id, pool, index });
    this.#add({
      type: 'agentRegistered',
      agentId: id,
      session: `session-${b}`,
      profile: someProfile(pool, a, b),
      index,
      presence: b % 2 === 0 ? 'online' : 'suspect',
      isCordoned: b % 5 === 0,
      isOffDuty: b % 7 === 0,
    });
  }

  #freePlace(pool: string): number {
    const taken = new Set(this.#agents.filter((agent) => agent.pool === pool).map((agent) => agent.index));
    let index = 0;
    while (taken.has(index)) index++;
    return index;
  }

  #changeAgent(kind: 'presence' | 'flag' | 'deregister', a: number, b: number): void {
    const agent = at(this.#agents, a);
    if (!agent) return;
    const { id: agentId } = agent;
    if (kind === 'presence') {
      const presence = pick(['online', 'suspect', 'draining', 'offline'] as const, b);
      this.#add({ type: 'agentPresence', agentId, presence });
    } else if (kind === 'flag') {
      const flag = pick(['cordoned', 'offDuty'] as const, b);
      this.#add({ type: 'agentFlagged', agentId, flag, isSet: b % 3 === 0 });
    } else {
      const held = this.#tasks.filter(({ status, last }) => isHeld(status) && last?.agentId === agentId);
      for (const task of held) this.#release(task, 'released', b);
      this.#agents.splice(this.#agents.indexOf(agent), 1);
      this.#add({ type: 'agentDeregistered', agentId });
    }
  }

  #record(id: string, pool: string, a: number, b: number, payload: Json): TaskRecord {
    const order = (this.#orders.get(pool) ?? 0) + 1;
    this.#orders.set(pool, order);
    return { id, pool, order, createdAtMs: this.#nowMs, ...someTask(a, b, payload) };
  }

  #submit(task: TaskRecord): void {
    const { id, pool, workType, orchestrationId } = task;
    this.#tasks.push({ id, pool, workType, orchestrationId, status: 'pending', attempt: 0, last: undefined });
    this.#add({ type: 'taskSubmitted', task });
  }

  #refuse(a: number, b: number): void {
    const task = at(this.#tasks, a);
    if (!task) return;
    const code = pick(['STALE_LEASE', 'TASK_ENDED'], b);
    this.#add({ type: 'reportRefused', taskId: task.id, agentId: `agent-${b % 6}`, token: a % 4, code });
  }

  #orchestrate(a: number, b: number, payload: Json): void {
    const id = `orchestration-${this.#orchestrations.length}`;
    const keys = ['fetch', 'clean', 'train', 'report'].slice(0, 1 + (a % 4));
    const tasks = keys.map((key, i) => {
      const { submittedBy: _by, watch: _watch, handoff: _handoff, ...asked } = someTask(a + i, b, payload);
      return { key, pool: pick(POOLS, a + i), dependsOn: keys.slice(0, i), ...asked };
    });
    const spec: OrchestrationSpec = { id, name: `run ${b}`, tasks };
    const taskIds = Object.fromEntries(keys.map((key) => [key, `${id}-${key}`]));
    this.#orchestrations.push({ spec, taskIds, waiting: [...tasks], ended: false });
    this.#add({ type: 'orchestrationCreated', spec, submittedBy: 'client-0', watch: 'end', taskIds });
  }

  #submitNode(a: number, result: Json): void {
    const running = at(
      this.#orchestrations.filter((orchestration) => !orchestration.ended && orchestration.waiting.length > 0),
      a,
    );
    const node = running?.waiting.shift();
    const id = node && running?.taskIds[node.key];
    if (!running || !node || !id) return;
    const inputs = Object.fromEntries(node.dependsOn.map((key) => [key, result]));
    this.#submit({
      ...this.#record(id, node.pool, a, a, node.payload),
      orchestrationId: running.spec.id,
      key: node.key,
      ...(node.dependsOn.length > 0 ? { inputs } : {}),
    });
  }

  #cancelOrchestration(a: number): void {
    const running = at(
      this.#orchestrations.filter((orchestration) => !orchestration.ended),
      a,
    );
    if (running) this.#add({ type: 'orchestrationCancelling', orchestrationId: running.spec.id });
  }

  #endOrchestration(a: number, b: number): void {
    const running = at(
      this.#orchestrations.filter(
        ({ ended, spec }) =>
          !ended && this.#tasks.every((task) => task.orchestrationId !== spec.id || task.status === 'ended'),
      ),
      a,
    );
    if (!running) return;
    running.ended = true;
    this.#add({
      type: 'orchestrationEnded',
      orchestrationId: running.spec.id,
      status: pick(['completed', 'failed', 'cancelled'] as const, b),
      skipped: running.waiting.map((node) => node.key),
      ...(b % 2 === 0 ? {} : { reason: 'A task that others depend on failed.' }),
    });
  }

  #moveTask(kind: Choice['kind'], a: number, b: number, json: Json): void {
    const from: Partial<Record<Choice['kind'], ModelTask['status'][]>> = {
      assign: ['pending'],
      accept: ['assigned'],
      complete: ['assigned', 'running'],
      release: ['assigned', 'running'],
      fail: ['pending', 'assigned', 'running'],
      cancel: ['pending', 'assigned', 'running'],
    };
    const task = at(
      this.#tasks.filter(({ status }) => from[kind]?.includes(status)),
      a,
    );
    if (!task) return;
    if (kind === 'assign') this.#assign(task, a, b);
    else if (kind === 'fail') this.#fail(task, b);
    else if (kind === 'cancel') this.#cancel(task);
    else if (kind === 'release') this.#release(task, pick(['failed', 'released', 'rejected'] as const, b), b);
    else if (kind === 'accept') this.#accept(task);
    else this.#complete(task, b, json);
  }

  #assign(task: ModelTask, a: number, b: number): void {
    const agent = at(
      this.#agents.filter(({ pool }) => pool === task.pool),
      b,
    );
    if (!agent) return;
    task.status = 'assigned';
    task.attempt++;
    task.last = { token: (task.last?.token ?? 0) + 1, agentId: agent.id };
    this.#add({
      type: 'taskAssigned',
      monoMs: this.#monoMs,
      workType: task.workType,
      taskId: task.id,
      pool: task.pool,
      attempt: task.attempt,
      ...task.last,
      rotation: pick(ROTATIONS, a),
      cursor: agent.index,
      decision: someDecision(agent.id, a, b),
    });
  }

  #accept(task: ModelTask): void {
    task.status = 'running';
    this.#add({ type: 'taskAccepted', taskId: task.id, token: task.last?.token ?? 0 });
  }

  #complete(task: ModelTask, b: number, result: Json): void {
    task.status = 'ended';
    const { workType, last, attempt, id: taskId } = task;
    const difficulty = attempt === 1 ? 'straightforward' : 'tricky';
    const end = { monoMs: this.#monoMs, workType, taskId, ...(last ?? NEVER) };
    this.#add({ type: 'taskCompleted', ...end, result, durationMs: b / 8, difficulty });
  }

  #release(task: ModelTask, outcome: AttemptEnded['outcome'], b: number): void {
    const end = this.#ended(task, outcome, b);
    task.status = 'pending';
    if (outcome === 'rejected') task.attempt--;
    this.#add({ type: 'taskReleased', taskId: task.id, ...end, error: someError(b), backoffMs: b });
  }

  #fail(task: ModelTask, b: number): void {
    const last = isHeld(task.status)
      ? { last: this.#ended(task, pick(['failed', 'released', 'rejected'] as const, b), b) }
      : {};
    task.status = 'ended';
    this.#add({ type: 'taskFailed', taskId: task.id, error: someError(b), ...last });
  }

  #ended({ attempt, workType, last }: ModelTask, outcome: AttemptEnded['outcome'], b: number): AttemptEnded {
    const measure = outcome === 'failed' ? someMeasure(b) : {};
    return { attempt, workType, monoMs: this.#monoMs, ...(last ?? NEVER), outcome, ...measure };
  }

  #cancel(task: ModelTask): void {
    task.status = 'ended';
    this.#add({ type: 'taskCancelled', taskId: task.id, ...task.last });
  }

  #add(event: Untimed<JournalEvent>): void {
    this.events.push({ atMs: this.#nowMs, ...event } as JournalEvent);
  }
}

type Untimed<Event> = Event extends unknown ? Omit<Event, 'atMs'> : never;

/** Of a task that nobody had, which no choice ends this way. */
const NEVER = { token: 0, agentId: '' };

function isHeld(status: ModelTask['status']): boolean {
  return status === 'assigned' || status === 'running';
}
