import fc from 'fast-check';
import { RotaError } from '#rota/protocol/errors.js';
import type { JournalEvent, JournalRow, TaskRecord } from '#rota/protocol/journal.js';
import type { Json } from '#rota/protocol/json.js';
import type { NodeSpec, OrchestrationSpec } from '#rota/protocol/task.js';

/**
 * Random histories that a correct leader could have written: every task is submitted before it is
 * assigned, has one open attempt at most, and nothing follows its end. They are made of plain numbers
 * that a small model reads as choices among what is legal next, so they shrink well.
 */

interface Choice {
  readonly kind: (typeof KINDS)[number];
  /** Which agent, task or node: taken modulo how many there are. */
  readonly a: number;
  readonly b: number;
  readonly json: Json;
}

const KINDS = [
  'register',
  'presence',
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
  'fail',
  'cancel',
  'refuse',
  'orchestrate',
  'submitNode',
  'submitNode',
  'cancelOrchestration',
  'endOrchestration',
] as const;

/** As it is after a journey through JSON and msgpack: no `-0`, and no key that the protocol refuses. */
const json: fc.Arbitrary<Json> = fc
  .jsonValue({ maxDepth: 2 })
  .map((value) => JSON.parse(JSON.stringify(value)) as Json)
  .filter((value) => !JSON.stringify(value).includes('__proto__'));

const choice: fc.Arbitrary<Choice> = fc.record({
  kind: fc.constantFrom(...KINDS),
  a: fc.nat(1_000),
  b: fc.nat(1_000),
  json,
});

/** A legal history as one list of events. */
export const eventHistory = (maxLength = 120): fc.Arbitrary<JournalEvent[]> =>
  fc.array(choice, { maxLength, size: 'max' }).map(legalEvents);

/** A legal history, cut into the rows of one epoch. */
export const rowHistory = (maxLength = 120): fc.Arbitrary<JournalRow[]> =>
  fc
    .tuple(eventHistory(maxLength), fc.infiniteStream(fc.integer({ min: 1, max: 9 })))
    .map(([events, sizes]) => cutIntoRows(events, sizes));

export function cutIntoRows(events: readonly JournalEvent[], sizes: Iterable<number>, epoch = 1): JournalRow[] {
  const rows: JournalRow[] = [];
  let from = 0;
  for (const size of sizes) {
    if (from >= events.length) break;
    rows.push({ seq: rows.length + 1, epoch, events: events.slice(from, from + size) });
    from += size;
  }
  return rows;
}

const POOLS = ['alpha', 'beta'] as const;
const START_MS = 1_700_000_000_000;

interface ModelTask {
  readonly id: string;
  readonly pool: string;
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

function legalEvents(choices: readonly Choice[]): JournalEvent[] {
  const model = new Model();
  for (const made of choices) model.take(made);
  return model.events;
}

class Model {
  readonly events: JournalEvent[] = [];
  readonly #agents: { readonly id: string; readonly pool: string; readonly index: number }[] = [];
  readonly #tasks: ModelTask[] = [];
  readonly #orchestrations: ModelOrchestration[] = [];
  readonly #orders = new Map<string, number>();
  #nowMs = START_MS;

  take({ kind, a, b, json }: Choice): void {
    this.#nowMs += b % 3;
    switch (kind) {
      case 'register':
        this.#register(a, b);
        break;
      case 'presence':
        this.#presence(a, b);
        break;
      case 'submit':
        this.#submit(this.#record(taskId(this.#tasks.length, b), pick(POOLS, a), b, json));
        break;
      case 'refuse':
        this.#refuse(a, b);
        break;
      case 'orchestrate':
        this.#orchestrate(a, b, json);
        break;
      case 'submitNode':
        this.#submitNode(a, json);
        break;
      case 'cancelOrchestration':
        this.#cancelOrchestration(a);
        break;
      case 'endOrchestration':
        this.#endOrchestration(a, b);
        break;
      default:
        this.#moveTask(kind, a, b, json);
    }
  }

  #register(a: number, b: number): void {
    const known = b % 2 === 0 ? undefined : at(this.#agents, a);
    const pool = known?.pool ?? pick(POOLS, a);
    const index = known?.index ?? this.#agents.filter((agent) => agent.pool === pool).length;
    const id = known?.id ?? `agent-${this.#agents.length}`;
    if (!known) this.#agents.push({ id, pool, index });
    const capabilities = b % 3 === 0 ? ['gpu', 'docs'] : [];
    const profile = { pool, kind: 'bot' as const, capabilities, maxConcurrency: 1 + (b % 4), prefetch: a % 2 };
    this.#add({ type: 'agentRegistered', atMs: this.#nowMs, agentId: id, session: `session-${b}`, profile, index });
  }

  #presence(a: number, b: number): void {
    const agent = at(this.#agents, a);
    const presence = pick(['online', 'suspect', 'draining', 'offline'] as const, b);
    if (agent) this.#add({ type: 'agentPresence', atMs: this.#nowMs, agentId: agent.id, presence });
  }

  #record(id: string, pool: string, b: number, payload: Json): TaskRecord {
    const order = (this.#orders.get(pool) ?? 0) + 1;
    this.#orders.set(pool, order);
    return {
      id,
      pool,
      workType: 'default',
      capabilities: b % 5 === 0 ? ['gpu'] : [],
      priority: 1 + (b % 5),
      payload,
      maxAttempts: 3,
      backoffMs: 1_000,
      ...(b % 4 === 0 ? { timeoutMs: 5_000 } : {}),
      submittedBy: `client-${b % 2}`,
      watch: b % 2 === 0 ? 'end' : 'all',
      order,
      createdAtMs: this.#nowMs,
    };
  }

  #submit(task: TaskRecord): void {
    const { id, pool, orchestrationId } = task;
    this.#tasks.push({ id, pool, orchestrationId, status: 'pending', attempt: 0, last: undefined });
    this.#add({ type: 'taskSubmitted', atMs: this.#nowMs, task });
  }

  #refuse(a: number, b: number): void {
    const task = at(this.#tasks, a);
    const agent = at(this.#agents, b);
    if (!task || !agent) return;
    const code = pick(['STALE_LEASE', 'TASK_ENDED'], b);
    this.#add({ type: 'reportRefused', atMs: this.#nowMs, taskId: task.id, agentId: agent.id, token: a % 4, code });
  }

  #orchestrate(a: number, b: number, payload: Json): void {
    const id = `orchestration-${this.#orchestrations.length}`;
    const keys = ['fetch', 'clean', 'train', 'report'].slice(0, 1 + (a % 4));
    const tasks = keys.map((key, i) => ({
      key,
      pool: pick(POOLS, a + i),
      dependsOn: keys.slice(0, i),
      workType: 'default',
      capabilities: [],
      priority: 3,
      payload,
      maxAttempts: 3,
      backoffMs: 1_000,
    }));
    const spec: OrchestrationSpec = { id, name: `run ${b}`, tasks };
    const taskIds = Object.fromEntries(keys.map((key) => [key, `${id}-${key}`]));
    this.#orchestrations.push({ spec, taskIds, waiting: [...tasks], ended: false });
    this.#add({
      type: 'orchestrationCreated',
      atMs: this.#nowMs,
      spec,
      submittedBy: 'client-0',
      watch: 'end',
      taskIds,
    });
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
      ...this.#record(id, node.pool, a, node.payload),
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
    if (!running) return;
    this.#add({ type: 'orchestrationCancelling', atMs: this.#nowMs, orchestrationId: running.spec.id });
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
      atMs: this.#nowMs,
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
    if (kind === 'assign') this.#assign(task, b);
    else if (kind === 'fail' || kind === 'cancel') this.#endWithoutResult(task, kind, b);
    else if (task.last) this.#moveAttempt(task, task.last, kind, b, json);
  }

  #assign(task: ModelTask, b: number): void {
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
      atMs: this.#nowMs,
      taskId: task.id,
      pool: task.pool,
      attempt: task.attempt,
      ...task.last,
      cursor: agent.index,
      decision: { strategy: 'round-robin', reason: `next after ${b % 7}`, candidates: 1 + (b % 3) },
    });
  }

  #moveAttempt(
    task: ModelTask,
    held: { token: number; agentId: string },
    kind: Choice['kind'],
    b: number,
    json: Json,
  ): void {
    const taskId = task.id;
    const atMs = this.#nowMs;
    if (kind === 'accept') {
      task.status = 'running';
      this.#add({ type: 'taskAccepted', atMs, taskId, token: held.token });
    } else if (kind === 'complete') {
      task.status = 'ended';
      this.#add({ type: 'taskCompleted', atMs, taskId, ...held, result: json, durationMs: b / 8 });
    } else {
      task.status = 'pending';
      const outcome = b % 2 === 0 ? 'failed' : 'released';
      this.#add({ type: 'taskReleased', atMs, taskId, ...held, outcome, error: someError(b), backoffMs: b });
    }
  }

  #endWithoutResult(task: ModelTask, kind: 'fail' | 'cancel', b: number): void {
    task.status = 'ended';
    const end = { atMs: this.#nowMs, taskId: task.id, ...task.last };
    if (kind === 'fail') this.#add({ type: 'taskFailed', ...end, error: someError(b) });
    else this.#add({ type: 'taskCancelled', ...end });
  }

  #add(event: JournalEvent): void {
    this.events.push(event);
  }
}

function someError(b: number) {
  return new RotaError(b % 2 === 0 ? 'HANDLER_FAILED' : 'LEASE_EXPIRED', `Attempt ${b} ended.`).toWire();
}

function at<T>(items: readonly T[], n: number): T | undefined {
  return items.length === 0 ? undefined : items[n % items.length];
}

function pick<T>(items: readonly [T, ...T[]], n: number): T;
function pick<T>(items: readonly T[], n: number): T;
function pick<T>(items: readonly T[], n: number): T {
  const item = at(items, n);
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

/** Some of the form that sorts by time, not always in its order, and some that clients choose. */
function taskId(serial: number, b: number): string {
  return b % 2 === 0
    ? `task-${serial}`
    : `01HZ${String(1_000 - (b % 1_000)).padStart(4, '0')}${String(serial).padStart(18, '0')}`;
}
