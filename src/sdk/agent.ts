import { type Clock, sleep, systemClock } from '../clock.js';
import { createIds, type Random, systemRandom } from '../ids.js';
import type { AgentProfileInput } from '../protocol/agent.js';
import { AgentProfileSchema } from '../protocol/agent.js';
import { validate } from '../protocol/codec.js';
import { asRotaError, RotaError, type WireError } from '../protocol/errors.js';
import {
  type Assignment,
  type CancelNotice,
  HeartbeatReply,
  type Held,
  OkReply,
  RegisterReply,
  type ToFrame,
} from '../protocol/frames.js';
import type { Json } from '../protocol/json.js';
import { LIMITS } from '../protocol/limits.js';
import { assertName } from '../protocol/names.js';
import type { Transport } from '../transport/transport.js';
import { Peer } from './peer.js';
import { Reports } from './reports.js';

/** A handler throws this when another attempt could not help: the task fails at once. */
export class PermanentError extends Error {
  override readonly name = 'PermanentError';
}

export interface HandlerContext {
  /** Aborts when the task is cancelled, runs too long, or is no longer this agent's. Its outcome counts no more. */
  readonly signal: AbortSignal;
  /** Tells how far the work is, 0 to 100. The last one counts. */
  progress(percent: number, message?: string): void;
}

// biome-ignore lint/suspicious/noConfusingVoidType: a handler that returns nothing is one too.
type HandlerResult = Json | undefined | void;

/** Does one task. What it returns is the result; what it throws fails the attempt. */
export type Handler = (task: Assignment, context: HandlerContext) => Promise<HandlerResult> | HandlerResult;

export interface AgentOptions extends AgentProfileInput {
  readonly transport: Transport;
  readonly id: string;
  readonly handler: Handler;
  /** Default `rota`. */
  readonly namespace?: string;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface Agent {
  readonly id: string;
  /** Resolves once a coordinator knows the agent, however long that takes; rejects when it stops before. */
  readonly ready: Promise<void>;
  /** Resolves once it has stopped: with the error that stopped it, or with nothing. */
  readonly stopped: Promise<RotaError | undefined>;
  /** Tasks that it holds now. */
  readonly load: number;
  /** Takes nothing more, finishes what it has, and leaves. */
  drain(): Promise<void>;
  /** Leaves at once: handlers are aborted, and what it held goes to others. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Joins a pool and does its tasks.
 *
 * @throws RotaError INVALID_NAME, INVALID_VALUE
 */
export function createAgent(options: AgentOptions): Agent {
  return new AgentProcess(options);
}

/** A task that this agent was given. */
interface HeldTask {
  readonly assignment: Assignment;
  readonly abort: AbortController;
  /** `reported` until the coordinator has acknowledged the outcome. */
  state: 'queued' | 'running' | 'reported';
}

/** With no coordinator to ask, this is how often an agent tries to register. */
const REGISTER_AGAIN_MS = 500;
const LEAVE_PATIENCE_MS = 2_000;
/** How long an agent that drains waits for acknowledgements when all its work is done. */
const ACK_PATIENCE_MS = 5_000;

/**
 * Must hold:
 * - `held` has every task until its outcome is acknowledged, so that heartbeats keep the lease for as
 *   long as the report may still be on its way;
 * - at most `maxConcurrency` handlers run that were not aborted;
 * - the outcome of an aborted handler is not reported.
 */
class AgentProcess implements Agent {
  readonly id: string;
  readonly ready: Promise<void>;
  readonly stopped: Promise<RotaError | undefined>;
  readonly #handler: Handler;
  readonly #profile;
  readonly #clock: Clock;
  readonly #peer: Peer;
  readonly #session: string;
  readonly #reports: Reports;
  readonly #held = new Map<string, HeldTask>();
  readonly #queue: HeldTask[] = [];
  readonly #stopping = new AbortController();
  readonly #cleanUp: (() => void)[] = [];
  #running = 0;
  #isRegistering = false;
  #cancelHeartbeat: (() => void) | undefined;
  #onChange: (() => void) | undefined;
  #drained: Promise<void> | undefined;
  #setReady: () => void = () => {};
  #setNeverReady: (error: RotaError) => void = () => {};
  #setStopped: (error: RotaError | undefined) => void = () => {};

  constructor(options: AgentOptions) {
    const { transport, id, handler, namespace, clock, random, ...profile } = options;
    this.id = assertName('id', id);
    this.#profile = validate(AgentProfileSchema, profile);
    this.#handler = handler;
    this.#clock = clock ?? systemClock;
    this.#session = createIds(this.#clock, random ?? systemRandom)();
    this.#peer = new Peer({ transport, namespace: namespace ?? 'rota', principal: id, clock: this.#clock });
    this.ready = new Promise((resolve, reject) => {
      this.#setReady = resolve;
      this.#setNeverReady = reject;
    });
    // Whoever does not wait for it need not handle it.
    this.ready.catch(() => {});
    this.stopped = new Promise((resolve) => {
      this.#setStopped = resolve;
    });
    this.#reports = new Reports(this.#peer, this.id, this.#session, this.#clock);
    this.#cleanUp.push(
      this.#peer.listen((frame) => this.#receive(frame)),
      transport.onStatus((status) => {
        if (status === 'connected') void this.#register();
        if (status === 'closed') this.#finish(new RotaError('CLOSED', 'The connection was closed.'));
      }),
      () => this.#reports.close(),
    );
    void this.#register();
  }

  get load(): number {
    return this.#held.size;
  }

  async drain(): Promise<void> {
    this.#drained ??= this.#drain();
    await this.#drained;
  }

  async stop(): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort();
      // A heartbeat after the farewell would bring the agent back.
      this.#cancelHeartbeat?.();
      for (const task of this.#held.values()) task.abort.abort(new RotaError('CLOSED', 'The agent stops.'));
      await this.#leave('offline');
      this.#finish(undefined);
    }
    await this.stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #drain(): Promise<void> {
    await this.#leave('draining');
    await Promise.race([this.#settled(), this.stopped]);
    await this.stop();
  }

  /** Resolves when nothing is held, or all that is waits for an acknowledgement that does not come. */
  async #settled(): Promise<void> {
    while (this.#held.size > 0) {
      const change = new Promise<void>((resolve) => {
        this.#onChange = resolve;
      });
      const isWorking = [...this.#held.values()].some((task) => task.state !== 'reported');
      if (isWorking) await change;
      else if (await Promise.race([change.then(() => false), this.#ackPatience()])) return;
    }
  }

  async #ackPatience(): Promise<boolean> {
    await sleep(this.#clock, ACK_PATIENCE_MS, this.#stopping.signal);
    return true;
  }

  async #leave(presence: 'draining' | 'offline'): Promise<void> {
    const frame = { session: this.#session, presence };
    try {
      const patience = { patienceMs: LEAVE_PATIENCE_MS };
      await this.#peer.request(this.#peer.subjects.from(this.id, 'leave'), frame, OkReply, patience);
    } catch {
      // Nobody to tell: the coordinator notices by the missing heartbeats.
    }
  }

  #finish(error: RotaError | undefined): void {
    this.#stopping.abort();
    this.#cancelHeartbeat?.();
    const reason = error ?? new RotaError('CLOSED', 'The agent stops.');
    for (const task of this.#held.values()) task.abort.abort(reason);
    for (const cleanUp of this.#cleanUp.splice(0)) cleanUp();
    this.#setNeverReady(reason);
    this.#setStopped(error);
  }

  // ── liveness ───────────────────────────────────────────────────────────────────────────────────

  async #register(): Promise<void> {
    if (this.#isRegistering || this.#stopping.signal.aborted) return;
    this.#isRegistering = true;
    this.#cancelHeartbeat?.();
    let nextMs = REGISTER_AGAIN_MS;
    try {
      const frame = { session: this.#session, profile: this.#profile, held: this.#heldList() };
      const patience = { patienceMs: 0, signal: this.#stopping.signal };
      const subject = this.#peer.subjects.from(this.id, 'register');
      const reply = await this.#peer.request(subject, frame, RegisterReply, patience);
      this.#revoke(reply.revoked);
      this.#reports.resend();
      this.#setReady();
      // To register is to come online, but what drains takes nothing more.
      if (this.#drained !== undefined) void this.#leave('draining');
      nextMs = reply.heartbeatMs;
      this.#scheduleHeartbeat(reply.heartbeatMs);
    } catch (thrown) {
      if (this.#stopping.signal.aborted) return;
      const error = asRotaError(thrown, 'UNAVAILABLE');
      if (error.retryable) this.#cancelHeartbeat = this.#clock.after(nextMs, () => void this.#register());
      else this.#finish(error);
    } finally {
      this.#isRegistering = false;
    }
  }

  #scheduleHeartbeat(heartbeatMs: number): void {
    if (this.#stopping.signal.aborted) return;
    this.#cancelHeartbeat = this.#clock.after(heartbeatMs, () => void this.#heartbeat(heartbeatMs));
  }

  async #heartbeat(heartbeatMs: number): Promise<void> {
    try {
      const frame = { session: this.#session, held: this.#heldList() };
      // One that is lost must not keep the next one waiting: the lease lasts only a few.
      const patience = { patienceMs: 0, timeoutMs: heartbeatMs };
      const subject = this.#peer.subjects.from(this.id, 'heartbeat');
      this.#revoke((await this.#peer.request(subject, frame, HeartbeatReply, patience)).revoked);
    } catch (thrown) {
      const error = asRotaError(thrown, 'UNAVAILABLE');
      if (error.code === 'UNKNOWN_AGENT') return void this.#register();
      if (!error.retryable) return this.#finish(error);
      // A coordinator that can't be reached now is asked again: what runs, runs on.
    }
    this.#scheduleHeartbeat(heartbeatMs);
  }

  #heldList(): Held[] {
    return [...this.#held.values()].map(({ assignment: { taskId, token } }) => ({ taskId, token }));
  }

  // ── tasks ──────────────────────────────────────────────────────────────────────────────────────

  #receive({ acks = [], cancels = [], assignments = [] }: ToFrame): void {
    for (const { taskId, token } of this.#reports.acknowledge(acks)) this.#drop(taskId, token);
    for (const { taskId, token, reason } of cancels) this.#drop(taskId, token, reason);
    for (const assignment of assignments) this.#take(assignment);
  }

  #take(assignment: Assignment): void {
    const known = this.#held.get(assignment.taskId);
    // An assignment that was sent again, because the coordinator could not know that it had arrived.
    if (known !== undefined && known.assignment.token >= assignment.token) return;
    if (known !== undefined) this.#drop(assignment.taskId, known.assignment.token, 'revoked');
    const task: HeldTask = { assignment, abort: new AbortController(), state: 'queued' };
    this.#held.set(assignment.taskId, task);
    this.#queue.push(task);
    this.#startNext();
  }

  #startNext(): void {
    while (this.#running < this.#profile.maxConcurrency && !this.#stopping.signal.aborted) {
      const task = this.#queue.shift();
      if (task === undefined) return;
      if (!task.abort.signal.aborted) void this.#run(task);
    }
  }

  async #run(task: HeldTask): Promise<void> {
    const { assignment, abort } = task;
    const { taskId, token } = assignment;
    task.state = 'running';
    this.#running++;
    this.#reports.started(taskId, token);
    const startMs = this.#clock.monoMs();
    const slot = { isFree: false };
    const free = () => {
      if (slot.isFree) return;
      slot.isFree = true;
      this.#running--;
      this.#startNext();
    };
    // An aborted handler gives its slot back at once: what it still does is its own affair.
    abort.signal.addEventListener('abort', free, { once: true });
    try {
      const result = await this.#handler(assignment, this.#contextOf(task));
      if (abort.signal.aborted) return;
      task.state = 'reported';
      this.#reports.completed(taskId, token, result === undefined ? null : result, this.#clock.monoMs() - startMs);
    } catch (thrown) {
      if (abort.signal.aborted) return;
      task.state = 'reported';
      this.#reports.failed(taskId, token, toWireError(thrown), this.#clock.monoMs() - startMs);
    } finally {
      abort.signal.removeEventListener('abort', free);
      free();
      this.#onChange?.();
    }
  }

  #contextOf({ assignment: { taskId, token }, abort }: HeldTask): HandlerContext {
    return {
      signal: abort.signal,
      progress: (percent, message) => {
        if (!abort.signal.aborted) this.#reports.progress(taskId, token, percent, message);
      },
    };
  }

  #revoke(revoked: readonly Held[]): void {
    for (const { taskId, token } of revoked) this.#drop(taskId, token, 'revoked');
  }

  /** The task is no longer this agent's, or its outcome has arrived. */
  #drop(taskId: string, token: number, reason?: DropReason): void {
    const task = this.#held.get(taskId);
    if (task === undefined || task.assignment.token !== token) return;
    this.#held.delete(taskId);
    this.#reports.forget(taskId, token);
    if (task.state !== 'reported') task.abort.abort(new RotaError(ABORT_CODES[reason ?? 'revoked'], `Task ${taskId}.`));
    this.#onChange?.();
  }
}

/** Why a task is no longer this agent's before its outcome was acknowledged. */
type DropReason = CancelNotice['reason'] | 'revoked';

const ABORT_CODES = { cancelled: 'TASK_ENDED', timeout: 'TASK_TIMEOUT', revoked: 'STALE_LEASE' } as const;

function toWireError(thrown: unknown): WireError {
  if (thrown instanceof RotaError) return trimmed(thrown.toWire());
  const retryable = !(thrown instanceof PermanentError);
  return trimmed({ code: 'HANDLER_FAILED', message: textOf(thrown), retryable });
}

/** Anything can be thrown, also what has no text. */
function textOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  } catch {
    return 'The handler threw something that has no text.';
  }
}

function trimmed(error: WireError): WireError {
  return { ...error, message: error.message.slice(0, LIMITS.errorChars) };
}
