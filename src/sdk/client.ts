import { setMaxListeners } from 'node:events';
import { type Clock, systemClock } from '../clock.js';
import { createIds, type Ids, type Random, systemRandom } from '../ids.js';
import { encodeBatches, validate } from '../protocol/codec.js';
import { RotaError, type WireError } from '../protocol/errors.js';
import {
  type AgentRow,
  CancelReply,
  type NodeState,
  OrchestrateReply,
  type OrchestrationEvent,
  type OrchestrationRow,
  type ProgressEvent,
  QueryReplies,
  SubmitReply,
  type TaskDetail,
  type TaskRow,
  type ToFrame,
} from '../protocol/frames.js';
import type { Json } from '../protocol/json.js';
import { LIMITS } from '../protocol/limits.js';
import { assertName } from '../protocol/names.js';
import {
  isTerminal,
  type OrchestrationInput,
  OrchestrationSpecSchema,
  type TaskEvent,
  type TaskInput,
  type TaskSpec,
  TaskSpecSchema,
  type TaskStatus,
  type TerminalStatus,
  type Watch,
  withoutDefaults,
} from '../protocol/task.js';
import type { Transport } from '../transport/transport.js';
import { Peer } from './peer.js';
import { Waiters } from './waiters.js';

export interface ClientOptions {
  readonly transport: Transport;
  /** Who the client is, and where its results are sent. A new name each time by default. */
  readonly id?: string;
  /** Default `rota`. */
  readonly namespace?: string;
  /** How long a request is repeated while no coordinator answers. Default 30,000. */
  readonly patienceMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** A task to submit. `id` makes a repeated submit harmless; a new one is made where there is none. */
export interface SubmitTask extends Omit<TaskInput, 'id'> {
  readonly pool: string;
  readonly id?: string;
}

/** How a task ended. */
export interface TaskOutcome {
  readonly taskId: string;
  readonly status: TerminalStatus;
  /** Of a completed task. */
  readonly result?: Json;
  /** Of a failed task. */
  readonly error?: WireError;
  readonly agentId?: string;
  readonly attempt: number;
}

export interface StartedOrchestration {
  readonly id: string;
  /** The id of each task, by its key. */
  readonly taskIds: Record<string, string>;
  /** It was known already, and goes on or has ended. */
  readonly duplicate: boolean;
}

/** How an orchestration ended. */
export interface OrchestrationOutcome {
  readonly id: string;
  readonly status: TerminalStatus;
  readonly nodes: readonly NodeState[];
}

/** What a client is told as it happens. It may be told twice of the same, and miss some: queries are the truth. */
export type Update =
  | { readonly kind: 'task'; readonly event: TaskEvent }
  | { readonly kind: 'progress'; readonly event: ProgressEvent }
  | { readonly kind: 'orchestration'; readonly event: OrchestrationEvent };

export interface SubmitOptions {
  /** `all`: updates of each change, not of the end alone. */
  readonly watch?: Watch;
}

export interface TaskQuery {
  readonly status?: TaskStatus;
  readonly pool?: string;
  readonly orchestrationId?: string;
  /** Default 100, at most 1,000. */
  readonly limit?: number;
}

export interface CoordinatorStatus {
  readonly namespace: string;
  readonly epoch: number;
  readonly store: string;
  readonly version: string;
  readonly pools: readonly { pool: string; waiting: number; active: number; agents: number; online: number }[];
}

/** Every call throws RotaError; retryable errors were tried again for `patienceMs` before they are thrown. */
export interface Client {
  readonly id: string;
  /** Resolves with the task's id once it is committed. */
  submit(task: SubmitTask, options?: SubmitOptions): Promise<string>;
  /** Resolves with the ids, in order, once all are committed; each pool's tasks go in frames of up to 1,000. */
  submitMany(tasks: readonly SubmitTask[], options?: SubmitOptions): Promise<string[]>;
  /** Resolves when the task has ended, however it ended. */
  result(taskId: string, signal?: AbortSignal): Promise<TaskOutcome>;
  /** Outcomes as the tasks end, in that order. */
  results(taskIds: readonly string[], signal?: AbortSignal): AsyncIterable<TaskOutcome>;
  /** Starts a graph of tasks; the same again under the same `id` changes nothing. */
  orchestrate(
    orchestration: Omit<OrchestrationInput, 'id'> & { id?: string },
    options?: SubmitOptions,
  ): Promise<StartedOrchestration>;
  /** Resolves when the orchestration has ended, however it ended. */
  orchestrationResult(id: string, signal?: AbortSignal): Promise<OrchestrationOutcome>;
  /** Resolves with the status that each task has now; once that is `cancelled`, no result is taken any more. */
  cancel(taskIds: string | readonly string[]): Promise<Record<string, TaskStatus | undefined>>;
  /** `drain` starts nothing more and lets what runs finish; `abort`, the default, stops that too. */
  cancelOrchestration(id: string, mode?: 'abort' | 'drain'): Promise<void>;
  task(taskId: string): Promise<TaskDetail>;
  tasks(query?: TaskQuery): Promise<TaskRow[]>;
  agents(pool?: string): Promise<AgentRow[]>;
  orchestration(id: string): Promise<{ orchestration: OrchestrationRow; nodes: NodeState[] }>;
  status(): Promise<CoordinatorStatus>;
  /** The returned function ends it. */
  onUpdate(listener: (update: Update) => void): () => void;
  /** Stops listening. Waiting calls reject with CLOSED. The transport stays open. */
  close(): void;
  [Symbol.dispose](): void;
}

/** @throws RotaError INVALID_NAME */
export function createClient(options: ClientOptions): Client {
  return new CoordinatorClient(options);
}

const PATIENCE_MS = 30_000;
/** How often a client asks for what it may not have been told. */
const POLL_MS = 2_000;

class CoordinatorClient implements Client {
  readonly id: string;
  readonly #ids: Ids;
  readonly #clock: Clock;
  readonly #peer: Peer;
  readonly #patienceMs: number;
  readonly #outcomes: Waiters<TaskOutcome>;
  readonly #orchestrations: Waiters<OrchestrationOutcome>;
  readonly #listeners = new Set<(update: Update) => void>();
  readonly #closing = new AbortController();
  readonly #cleanUp: (() => void)[] = [];

  constructor(options: ClientOptions) {
    const { transport, namespace, patienceMs, random } = options;
    this.#clock = options.clock ?? systemClock;
    this.#ids = createIds(this.#clock, random ?? systemRandom);
    this.id = assertName('id', options.id ?? `client-${this.#ids()}`);
    this.#patienceMs = patienceMs ?? PATIENCE_MS;
    unwarned(this.#closing.signal);
    this.#peer = new Peer({ transport, namespace: namespace ?? 'rota', principal: this.id, clock: this.#clock });
    this.#outcomes = new Waiters((ids) => this.#askForTasks(ids));
    this.#orchestrations = new Waiters((ids) => this.#askForOrchestrations(ids));
    const askAll = () => {
      this.#outcomes.ask();
      this.#orchestrations.ask();
    };
    this.#cleanUp.push(
      this.#peer.listen((frame) => this.#receive(frame)),
      transport.onStatus((status) => {
        if (status === 'connected') askAll();
        if (status === 'closed') this.close();
      }),
      this.#clock.every(POLL_MS, askAll),
    );
  }

  async submit(task: SubmitTask, options?: SubmitOptions): Promise<string> {
    const [id] = await this.submitMany([task], options);
    return id as string;
  }

  async submitMany(tasks: readonly SubmitTask[], { watch = 'end' }: SubmitOptions = {}): Promise<string[]> {
    const byPool = new Map<string, TaskSpec[]>();
    const specs = tasks.map(({ pool, id, ...fields }) => {
      const spec = validate(TaskSpecSchema, { ...fields, id: id ?? this.#ids() });
      const specs = byPool.get(pool);
      if (specs === undefined) byPool.set(pool, [spec]);
      else specs.push(spec);
      return spec;
    });
    // All are encoded before one is sent: what can't be has sent nothing.
    const frames = [...byPool].flatMap(([pool, specs]) => {
      const subject = this.#peer.subjects.submit(this.id, pool);
      const said = specs.map(withoutDefaults);
      return encodeBatches(said, (items) => ({ watch, tasks: items }), LIMITS).map((bytes) => ({ subject, bytes }));
    });
    for (const spec of specs) this.#outcomes.expect(spec.id);
    const requests = frames.map(({ subject, bytes }) => this.#peer.send(subject, bytes, SubmitReply, this.#patience()));
    for (const reply of await Promise.all(requests)) {
      // What was submitted before may have ended before, and is told of no more.
      for (const { id, duplicate } of reply.tasks) if (duplicate) this.#outcomes.forget(id);
    }
    return specs.map((spec) => spec.id);
  }

  async result(taskId: string, signal?: AbortSignal): Promise<TaskOutcome> {
    // Asked for in one frame with others, which a name that is none would spoil.
    assertName('taskId', taskId);
    return this.#outcomes.wait(taskId, signal);
  }

  async *results(taskIds: readonly string[], signal?: AbortSignal): AsyncGenerator<TaskOutcome> {
    const given = signal === undefined ? undefined : unwarned(AbortSignal.any([signal]));
    const ended: TaskOutcome[] = [];
    let failure: unknown;
    let wake = () => {};
    for (const id of taskIds) {
      this.result(id, given)
        .then((outcome) => ended.push(outcome))
        .catch((error) => {
          failure ??= error;
        })
        .finally(() => wake());
    }
    for (let yielded = 0; yielded < taskIds.length; ) {
      const outcome = ended.shift();
      if (outcome !== undefined) {
        yielded++;
        yield outcome;
      } else if (failure !== undefined) throw failure;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }

  async orchestrate(
    input: Omit<OrchestrationInput, 'id'> & { id?: string },
    { watch = 'end' }: SubmitOptions = {},
  ): Promise<StartedOrchestration> {
    const orchestration = validate(OrchestrationSpecSchema, { ...input, id: input.id ?? this.#ids() });
    this.#orchestrations.expect(orchestration.id);
    const subject = this.#peer.subjects.from(this.id, 'orchestrate');
    const frame = { watch, orchestration: { ...orchestration, tasks: orchestration.tasks.map(withoutDefaults) } };
    const { id, taskIds, duplicate } = await this.#peer.request(subject, frame, OrchestrateReply, this.#patience());
    if (duplicate) this.#orchestrations.forget(id);
    return { id, taskIds, duplicate };
  }

  orchestrationResult(id: string, signal?: AbortSignal): Promise<OrchestrationOutcome> {
    return this.#orchestrations.wait(id, signal);
  }

  async cancel(taskIds: string | readonly string[]): Promise<Record<string, TaskStatus | undefined>> {
    const ids = typeof taskIds === 'string' ? [taskIds] : taskIds;
    const statuses: Record<string, TaskStatus | undefined> = {};
    for (let from = 0; from < ids.length; from += LIMITS.tasksPerFrame) {
      const some = ids.slice(from, from + LIMITS.tasksPerFrame);
      const { tasks } = await this.#ask('cancel', { taskIds: some }, CancelReply);
      for (const { id, status } of tasks) statuses[id] = status;
    }
    return statuses;
  }

  async cancelOrchestration(id: string, mode: 'abort' | 'drain' = 'abort'): Promise<void> {
    await this.#ask('cancel', { orchestrationId: id, mode }, CancelReply);
  }

  async task(taskId: string): Promise<TaskDetail> {
    return (await this.#ask('query', { query: 'task', taskId }, QueryReplies.task)).task;
  }

  async tasks(query: TaskQuery = {}): Promise<TaskRow[]> {
    return (await this.#ask('query', { query: 'tasks', ...query }, QueryReplies.tasks)).tasks;
  }

  async agents(pool?: string): Promise<AgentRow[]> {
    const filter = pool === undefined ? {} : { pool };
    return (await this.#ask('query', { query: 'agents', ...filter }, QueryReplies.agents)).agents;
  }

  async orchestration(id: string): Promise<{ orchestration: OrchestrationRow; nodes: NodeState[] }> {
    const reply = await this.#ask('query', { query: 'orchestration', orchestrationId: id }, QueryReplies.orchestration);
    return { orchestration: reply.orchestration, nodes: reply.nodes };
  }

  async status(): Promise<CoordinatorStatus> {
    const { v: _, ...status } = await this.#ask('query', { query: 'status' }, QueryReplies.status);
    return status;
  }

  onUpdate(listener: (update: Update) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    if (this.#closing.signal.aborted) return;
    const error = new RotaError('CLOSED', 'The client was closed.');
    this.#closing.abort(error);
    for (const cleanUp of this.#cleanUp) cleanUp();
    this.#outcomes.close(error);
    this.#orchestrations.close(error);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  // ── what arrives ───────────────────────────────────────────────────────────────────────────────

  #receive({ events = [], progress = [], orchestrations = [] }: ToFrame): void {
    for (const event of events) this.#settleTask(event);
    for (const event of orchestrations) {
      if (!isTerminal(event.status)) continue;
      // The nodes come with the answer to a query, now or when somebody waits for them.
      this.#orchestrations.forget(event.orchestrationId);
      this.#orchestrations.askFor(event.orchestrationId);
    }
    // Listeners come last: one that throws keeps nobody waiting.
    for (const event of events) this.#emit({ kind: 'task', event });
    for (const event of progress) this.#emit({ kind: 'progress', event });
    for (const event of orchestrations) this.#emit({ kind: 'orchestration', event });
  }

  #emit(update: Update): void {
    for (const listener of this.#listeners) listener(update);
  }

  #settleTask(event: TaskEvent): void {
    const { taskId, status, attempt, agentId, result, error } = event;
    if (!isTerminal(status)) return;
    this.#outcomes.settle(taskId, {
      taskId,
      status,
      attempt,
      ...(agentId === undefined ? {} : { agentId }),
      ...(result === undefined ? {} : { result }),
      ...(error === undefined ? {} : { error }),
    });
  }

  // ── what is asked for ──────────────────────────────────────────────────────────────────────────

  #patience(): { patienceMs: number; signal: AbortSignal } {
    return { patienceMs: this.#patienceMs, signal: this.#closing.signal };
  }

  #ask<S extends Parameters<Peer['request']>[2]>(verb: 'cancel' | 'query', frame: object, schema: S) {
    return this.#peer.request(this.#peer.subjects.from(this.id, verb), frame, schema, this.#patience());
  }

  async #askForTasks(ids: readonly string[]): Promise<void> {
    for (let from = 0; from < ids.length; from += LIMITS.tasksPerFrame) {
      await this.#askForSome(ids.slice(from, from + LIMITS.tasksPerFrame));
    }
  }

  async #askForSome(taskIds: readonly string[]): Promise<void> {
    try {
      const { events, unknown } = await this.#ask('query', { query: 'events', taskIds }, QueryReplies.events);
      for (const event of events) this.#settleTask(event);
      for (const id of unknown) {
        this.#outcomes.reject(id, new RotaError('UNKNOWN_TASK', `There is no task ${id}.`, { field: 'taskId' }));
      }
    } catch (error) {
      // Their results together fit no frame: ask for fewer.
      if (!(error instanceof RotaError) || error.code !== 'FRAME_TOO_LARGE') throw error;
      const [only] = taskIds;
      if (taskIds.length === 1 && only !== undefined) return this.#outcomes.reject(only, error);
      const middle = Math.ceil(taskIds.length / 2);
      await this.#askForSome(taskIds.slice(0, middle));
      await this.#askForSome(taskIds.slice(middle));
    }
  }

  async #askForOrchestrations(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      try {
        const { orchestration, nodes } = await this.orchestration(id);
        const { status } = orchestration;
        if (isTerminal(status)) this.#orchestrations.settle(id, { id, status, nodes });
      } catch (error) {
        if (!(error instanceof RotaError) || error.retryable) throw error;
        this.#orchestrations.reject(id, error);
      }
    }
  }
}

/** Many calls wait on one signal: that is no leak of listeners, of which Node would warn. */
function unwarned(signal: AbortSignal): AbortSignal {
  setMaxListeners(0, signal);
  return signal;
}
