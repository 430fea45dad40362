import type { z } from 'zod';
import { type Clock, systemClock, within } from '../clock.js';
import { armFailpoints, failpoint } from '../failpoints.js';
import { createIds, type Random, systemRandom } from '../ids.js';
import { type AgentProfile, type AgentProfileInput, AgentProfileSchema } from '../protocol/agent.js';
import { validate } from '../protocol/codec.js';
import { asRotaError, RotaError } from '../protocol/errors.js';
import { HeartbeatReply, type Held, OkReply, RegisterReply, type ToFrame } from '../protocol/frames.js';
import { assertName } from '../protocol/names.js';
import type { Transport } from '../transport/transport.js';
import { type Contact, ContactWatch } from './contact.js';
import type { Accept, Handler } from './handler.js';
import { Peer } from './peer.js';
import { Reports } from './reports.js';
import { Work } from './work.js';

export interface AgentOptions extends AgentProfileInput {
  readonly transport: Transport;
  readonly id: string;
  readonly handler: Handler;
  /** Asked before the handler of each task; by default all are taken. */
  readonly accept?: Accept;
  /**
   * Told, once it was ready and until it stops, when no coordinator serves it any more and when one does again. What runs,
   * runs on, but others may have got it. Must not throw.
   */
  readonly onContact?: (contact: Contact) => void;
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
  armFailpoints();
  return new AgentProcess(options);
}

/** With no coordinator to ask, this is how often an agent tries to register. */
const REGISTER_AGAIN_MS = 500;
/** Within it, agents say to a new leader that they are there. */
const REINTRODUCE_MS = 100;
const LEAVE_PATIENCE_MS = 2_000;
/** How long an agent that drains waits for acknowledgements when all its work is done. */
const ACK_PATIENCE_MS = 5_000;

type Timing = Pick<z.infer<typeof RegisterReply>, 'heartbeatMs' | 'leaseMs'>;

/** An agent's life: it registers, sends heartbeats, hands what it is told to its work, and leaves. */
class AgentProcess implements Agent {
  readonly id: string;
  readonly ready: Promise<void>;
  readonly stopped: Promise<RotaError | undefined>;
  readonly #profile: AgentProfile;
  readonly #clock: Clock;
  readonly #peer: Peer;
  readonly #session: string;
  readonly #contact: ContactWatch;
  readonly #reports: Reports;
  readonly #work: Work;
  readonly #stopping = new AbortController();
  readonly #cleanUp: (() => void)[] = [];
  readonly #random: Random;
  #isRegistering = false;
  /** What the coordinator asked for; undefined before the first registration. */
  #timing: Timing | undefined;
  #cancelHeartbeat: (() => void) | undefined;
  #cancelReintroduction = () => {};
  #drained: Promise<void> | undefined;
  #setReady: () => void = () => {};
  #setNeverReady: (error: RotaError) => void = () => {};
  #setStopped: (error: RotaError | undefined) => void = () => {};

  constructor(options: AgentOptions) {
    const { transport, id, handler, accept, onContact, namespace, clock, random, ...profile } = options;
    this.id = assertName('id', id);
    this.#profile = validate(AgentProfileSchema, profile);
    this.#clock = clock ?? systemClock;
    this.#random = random ?? systemRandom;
    this.#session = createIds(this.#clock, this.#random)();
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
    this.#contact = new ContactWatch(this.#clock, onContact ?? (() => {}), this.#stopping.signal);
    this.#reports = new Reports(this.#peer, this.id, this.#session, this.#clock);
    const { maxConcurrency } = this.#profile;
    this.#work = new Work({ handler, accept, maxConcurrency, clock: this.#clock }, this.#reports);
    this.#cleanUp.push(
      this.#peer.listen((frame) => this.#receive(frame)),
      this.#peer.onLeader(() => this.#reintroduce()),
      transport.onStatus((status) => {
        if (status === 'connected') void this.#register();
        if (status === 'closed') this.#finish(new RotaError('CLOSED', 'The connection was closed.'));
      }),
      () => this.#reports.close(),
    );
    void this.#register();
  }

  get load(): number {
    return this.#work.load;
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
      this.#cancelReintroduction();
      this.#work.end(new RotaError('CLOSED', 'The agent stops.'));
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
    while (this.#work.load > 0) {
      const change = this.#work.change();
      if (this.#work.isUnderWay) await change;
      else if (!(await this.#isSoon(change))) return;
    }
  }

  async #isSoon(change: Promise<unknown>): Promise<boolean> {
    const hasCome = change.then(() => true);
    return (await within(this.#clock, ACK_PATIENCE_MS, hasCome, this.#stopping.signal)) === true;
  }

  async #leave(presence: 'draining' | 'offline'): Promise<void> {
    const frame = { session: this.#session, presence };
    try {
      // One that hears it and does not answer, since it is paused, must not keep a process that ends.
      const patience = { patienceMs: LEAVE_PATIENCE_MS, timeoutMs: LEAVE_PATIENCE_MS };
      await this.#peer.request(this.#peer.subjects.from(this.id, 'leave'), frame, OkReply, patience);
    } catch {
      // Nobody to tell: the coordinator notices by the missing heartbeats.
    }
  }

  #finish(error: RotaError | undefined): void {
    this.#stopping.abort();
    this.#cancelHeartbeat?.();
    this.#cancelReintroduction();
    const reason = error ?? new RotaError('CLOSED', 'The agent stops.');
    this.#work.end(reason);
    for (const cleanUp of this.#cleanUp.splice(0)) cleanUp();
    this.#setNeverReady(reason);
    this.#setStopped(error);
  }

  // ── liveness ───────────────────────────────────────────────────────────────────────────────────

  async #register(): Promise<void> {
    if (this.#isRegistering || this.#stopping.signal.aborted) return;
    this.#isRegistering = true;
    this.#cancelHeartbeat?.();
    try {
      const frame = { session: this.#session, profile: this.#profile, held: this.#work.held() };
      const patience = { patienceMs: 0, signal: this.#stopping.signal };
      const subject = this.#peer.subjects.from(this.id, 'register');
      const reply = await this.#peer.request(subject, frame, RegisterReply, patience);
      this.#revoke(reply.revoked);
      this.#reports.resend();
      this.#setReady();
      // To register is to come online, but what drains takes nothing more.
      if (this.#drained !== undefined) void this.#leave('draining');
      this.#timing = reply;
      this.#contact.served(reply.leaseMs);
      this.#scheduleHeartbeat(reply.heartbeatMs);
    } catch (thrown) {
      if (this.#stopping.signal.aborted) return;
      const error = asRotaError(thrown, 'UNAVAILABLE');
      if (!error.retryable) return this.#finish(error);
      this.#contact.notServed();
      this.#cancelHeartbeat = this.#clock.after(REGISTER_AGAIN_MS, () => void this.#register());
    } finally {
      this.#isRegistering = false;
    }
  }

  #scheduleHeartbeat(heartbeatMs: number): void {
    if (this.#stopping.signal.aborted) return;
    // Two may be under way when a new leader was heard of: one goes on.
    this.#cancelHeartbeat?.();
    this.#cancelHeartbeat = this.#clock.after(heartbeatMs, () => void this.#heartbeat());
  }

  /** A new leader takes an agent for lost that it has not heard of. All at once would be a storm. */
  #reintroduce(): void {
    // A registration that is under way goes to the new leader by itself.
    if (this.#isRegistering || this.#stopping.signal.aborted) return;
    this.#cancelReintroduction();
    this.#cancelReintroduction = this.#clock.after(this.#random() * REINTRODUCE_MS, () => {
      this.#reports.resend();
      void this.#heartbeat();
    });
  }

  async #heartbeat(): Promise<void> {
    if (this.#timing === undefined) return this.#register();
    const { heartbeatMs, leaseMs } = this.#timing;
    try {
      const frame = { session: this.#session, held: this.#work.held() };
      // One that is lost must not keep the next one waiting: the lease lasts only a few.
      const patience = { patienceMs: 0, timeoutMs: heartbeatMs, signal: this.#stopping.signal };
      const subject = this.#peer.subjects.from(this.id, 'heartbeat');
      this.#revoke((await this.#peer.request(subject, frame, HeartbeatReply, patience)).revoked);
      this.#contact.served(leaseMs);
    } catch (thrown) {
      if (this.#stopping.signal.aborted) return;
      const error = asRotaError(thrown, 'UNAVAILABLE');
      if (error.code === 'UNKNOWN_AGENT') return void this.#register();
      if (!error.retryable) return this.#finish(error);
      // A coordinator that can't be reached now is asked again: what runs, runs on.
      this.#contact.notServed();
    }
    this.#scheduleHeartbeat(this.#timing.heartbeatMs);
  }

  // ── tasks ──────────────────────────────────────────────────────────────────────────────────────

  #receive({ acks = [], cancels = [], assignments = [] }: ToFrame): void {
    if (acks.length > 0) failpoint('ack.received');
    for (const held of this.#reports.acknowledge(acks)) this.#work.drop(held);
    for (const { reason, ...held } of cancels) this.#work.drop(held, reason);
    if (assignments.length > 0) failpoint('assignment.received');
    for (const assignment of assignments) this.#work.take(assignment);
  }

  #revoke(revoked: readonly Held[]): void {
    for (const held of revoked) this.#work.drop(held, 'revoked');
  }
}
