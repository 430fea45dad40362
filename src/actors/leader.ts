import type { Logger } from 'pino';
import type { Actor } from 'xstate';
import type { AvailabilitySource } from '../availability/source.js';
import type { Clock } from '../clock.js';
import type { Ids, Random } from '../ids.js';
import type { coordinatorMachine } from '../machines/coordinator.js';
import type { Parcel, ScoringRun, Turn } from '../machines/turn.js';
import { asRotaError, RotaError } from '../protocol/errors.js';
import type { MetricsReport } from '../protocol/frames.js';
import type { JournalEvent, OrchestrationImage, Recovered } from '../protocol/journal.js';
import { LIMITS } from '../protocol/limits.js';
import type { Availability, Policy } from '../protocol/policy.js';
import type { OrchestrationSpec, Watch } from '../protocol/task.js';
import { isTerminal } from '../protocol/task.js';
import type { ScoringThreads } from '../selection/threads/pool.js';
import type { Store } from '../store/store.js';
import { AvailabilityWatch } from './availability-watch.js';
import { Journal, type JournalOptions } from './journal.js';
import { type Failover, Lease } from './lease.js';
import { Metrics } from './metrics.js';
import { NewestId } from './newest-id.js';
import { createOneByOne, type OneByOne } from './one-by-one.js';
import { Outage } from './outage.js';
import type { Outbox } from './outbox.js';
import { type RateLimit, RateLimiter } from './rate-limit.js';
import { recover } from './recovery.js';
import { behind, unsure } from './refusal.js';
import { RefusedAssigns } from './refused-assigns.js';
import { ActorSystem, type SystemOptions } from './system.js';

/** How fast silence is noticed. `leaseMs` is how long a task stays with an agent that says nothing. */
export interface Timing {
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  readonly tickMs: number;
}

export interface LeaderOptions extends Pick<JournalOptions, 'onEnded' | 'onStall'> {
  readonly root: Actor<typeof coordinatorMachine>;
  readonly failover: Failover;
  /** Of the journal, milliseconds; undefined keeps it for ever. */
  readonly keepJournalMs: number | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: Ids;
  readonly store: Store;
  readonly outbox: Outbox;
  readonly namespace: string;
  readonly version: string;
  readonly timing: Timing;
  /** What a pool is to be ruled by. */
  readonly ruleOf: SystemOptions['ruleOf'];
  readonly threads: ScoringThreads;
  readonly createAvailability: (config: Availability) => AvailabilitySource;
  /** Of submits and assigns, in tasks; undefined for none. */
  readonly rateLimit: RateLimit | undefined;
  /** Of each turn, for tasks of graphs. Default `LIMITS.fanOutBytes`; a simulation has less. */
  readonly fanOutBytes?: number;
  readonly log: Logger;
  readonly onFault: (error: unknown) => void;
}

/** How often the journal is trimmed. */
const TRIM_MS = 10_000;

/**
 * A coordinator while it leads: the actors, and the one place that performs what they decide. Every
 * stimulus enters through `turn`, which fixes the instant, lets the actors act, and closes the batch.
 */
export class Leader {
  readonly system: ActorSystem;
  readonly clock: Clock;
  readonly store: Store;
  readonly timing: Timing;
  readonly newestId: NewestId;
  readonly availability: AvailabilityWatch;
  readonly random: Random;
  readonly refusedAssigns = new RefusedAssigns();
  /** Work that reads much of the journal goes one at a time. */
  readonly oneByOne: OneByOne;
  readonly #metrics: Metrics;
  readonly #rates: RateLimiter | undefined;
  readonly #onPlaced = new Map<string, () => void>();
  readonly #options: LeaderOptions;
  readonly #journal: Journal;
  readonly #lease: Lease;
  readonly #outage: Outage;
  readonly #epoch: number;
  readonly #now: Turn & { wallMs: number; monoMs: number };
  #isInTurn = false;
  /** What this turn may still submit of graphs. */
  #fanOutBytes = 0;
  /** The newest row at some instant: once the tables have it, what ended before may be forgotten. */
  #checkpoint = { seq: 0, monoMs: 0 };
  #settledMs = 0;
  #nextTrimMs = 0;
  #isTrimming = false;

  constructor(options: LeaderOptions, recovered: Recovered) {
    this.#options = options;
    const { clock, store, outbox, random } = options;
    this.clock = clock;
    this.oneByOne = createOneByOne(clock);
    this.store = store;
    this.timing = options.timing;
    this.#epoch = recovered.epoch;
    this.newestId = new NewestId(recovered.newestId);
    for (const event of recovered.tail.flatMap((row) => row.events)) {
      if (event.type === 'taskSubmitted') this.newestId.note(event.task.id);
    }
    this.random = random;
    this.#metrics = new Metrics(clock.wallMs());
    this.#rates = options.rateLimit === undefined ? undefined : new RateLimiter(options.rateLimit);
    const { epoch, seq } = recovered;
    this.#outage = new Outage(options.onStall);
    const onEnded = (error: RotaError) => this.#ended(error);
    const onRenewal = (error: RotaError | undefined) => this.#outage.note('lease', error);
    this.#lease = new Lease({ ...options, epoch, onEnded, onRenewal }, latestMonoMs(recovered));
    const onStall = (error: RotaError | undefined) => this.#stalled(error);
    this.#journal = new Journal({ ...options, epoch, seq, lease: this.#lease, onEnded, onStall });
    this.#now = {
      wallMs: clock.wallMs(),
      monoMs: this.monoMs,
      random,
      takeRoom: (bytes: number) => this.#takeRoom(bytes),
      record: (event: JournalEvent) => this.#record(event),
      score: (run: ScoringRun) => this.#score(run),
      send: (principal: string, parcel: Parcel) => {
        outbox.send(principal, parcel);
        this.#journal.schedule();
      },
    };
    this.system = new ActorSystem({
      root: options.root,
      turn: this.#now,
      leaseMs: this.timing.leaseMs,
      heartbeatMs: this.timing.heartbeatMs,
      ruleOf: options.ruleOf,
      onFault: options.onFault,
    });
    this.availability = new AvailabilityWatch(this, options.createAvailability, options.log);
    recover(this.system, recovered);
  }

  /** Begins to act. Resolves with false if it lost the lead before it could. */
  async begin(): Promise<boolean> {
    void this.#lease.run();
    const hasBegun = await this.#turnSoon(() => this.system.resume());
    if (hasBegun) this.availability.tick();
    return hasBegun;
  }

  /** Whether it may act now. What it knows is true then; at other times somebody else may know better. */
  get isCurrent(): boolean {
    return this.#lease.isCurrent;
  }

  /** Whether the store is away, which has been said. */
  get isStalled(): boolean {
    return this.#outage.isOn;
  }

  /** Monotonic, and comparable with what the leaders before recorded. Stands still while it may not act. */
  get monoMs(): number {
    return this.#lease.monoMs;
  }

  /**
   * Runs `act` as one turn of the actors, at one instant.
   * @throws RotaError UNAVAILABLE while it may not act; what `act` throws.
   */
  turn(act: () => void): void {
    if (!this.isCurrent) throw unsure();
    this.#perform(act);
  }

  /** The same as soon as it may act; resolves with false, without it, once it never may again. */
  async #turnSoon(act: () => void): Promise<boolean> {
    while (await this.#lease.whenCurrent()) {
      if (!this.isCurrent) continue;
      this.#perform(act);
      return true;
    }
    return false;
  }

  #perform(act: () => void): void {
    if (this.#isInTurn) throw new Error('A turn began inside another one.');
    this.#isInTurn = true;
    this.#now.wallMs = this.clock.wallMs();
    this.#now.monoMs = this.monoMs;
    this.#fanOutBytes = this.#options.fanOutBytes ?? LIMITS.fanOutBytes;
    try {
      act();
    } catch (thrown) {
      // Not the request's fault but ours, and what it left half done can't be trusted.
      if (!(thrown instanceof RotaError)) this.#options.onFault(thrown);
      throw thrown;
    } finally {
      this.#isInTurn = false;
      this.#journal.endTurn();
    }
  }

  /** Within a turn: counts the frame that it is about, until its facts are committed. */
  weigh(bytes: number): void {
    this.#journal.weigh(bytes);
  }

  /** Answers a request behind the commit of everything that was recorded so far. */
  answer(subject: string, frame: object): void {
    this.#options.outbox.reply(subject, frame);
    this.#journal.schedule();
  }

  tick(): void {
    if (!this.isCurrent) return;
    const { monoMs } = this;
    if (this.store.materialisedSeq >= this.#checkpoint.seq) {
      this.#settledMs = this.#checkpoint.monoMs;
      this.#checkpoint = { seq: this.#journal.seq, monoMs };
    }
    try {
      this.turn(() => this.system.tick(monoMs, this.#settledMs));
    } catch {
      return; // The turn has said so: the coordinator stops, or it may not act just now.
    }
    this.availability.tick();
    if (monoMs >= this.#nextTrimMs) {
      this.#nextTrimMs = monoMs + TRIM_MS;
      void this.#trim();
    }
  }

  async #trim(): Promise<void> {
    const { keepJournalMs } = this.#options;
    if (keepJournalMs === undefined || this.#isTrimming) return;
    this.#isTrimming = true;
    try {
      // One bite at a time: between them the store does what cannot wait.
      while ((await this.store.trim(keepJournalMs)) === LIMITS.rowsPerTrim && !this.#journal.isStopped);
    } catch (thrown) {
      if (this.#journal.isStopped) return;
      const error = asRotaError(thrown, 'STORE_FAILED');
      this.#options.log.warn({ code: error.code, err: error }, 'the journal was not trimmed');
    } finally {
      this.#isTrimming = false;
    }
  }

  /** Resolves when this one still leads. @throws RotaError UNAVAILABLE when it does not, or can't know. */
  async confirm(): Promise<void> {
    if (!(await this.#lease.renew())) throw unsure();
  }

  /** Acts no more, and gives the lead back if it still has it. */
  async resign(): Promise<void> {
    try {
      await this.#lease.release();
    } catch (thrown) {
      this.#options.log.warn({ code: asRotaError(thrown, 'STORE_FAILED').code }, 'the lead was not given back');
    }
  }

  /** @throws RotaError UNAVAILABLE when what waits for its commit has no room for more. */
  assertRoom(): void {
    if (this.#journal.isFull) throw behind();
  }

  /** @throws RotaError UNAVAILABLE when the tables lack so much that whoever leads next would have too much to read. */
  assertFollowed(): void {
    if (this.lag >= LIMITS.unmaterialisedRows) throw behind();
  }

  /**
   * Counts what is new of a request: one that is repeated is not refused for what the first of it took. `countNew` is
   * asked only where there is a limit.
   *
   * @throws RotaError RATE_LIMITED when the principal has sent more than it may.
   */
  limitRate(principal: string, countNew: () => number): void {
    if (this.#rates === undefined) return;
    const tasks = countNew();
    if (tasks === 0) return;
    const retryAfterMs = this.#rates.take(principal, tasks, this.monoMs);
    if (retryAfterMs === 0) return;
    throw new RotaError('RATE_LIMITED', `${principal} has sent more tasks than it may.`, {
      retryAfterMs: Math.ceil(retryAfterMs),
    });
  }

  policyOf(pool: string): Policy {
    return this.#options.ruleOf(pool).policy;
  }

  /** Calls `then` when the task is assigned; undefined ends it. */
  onPlaced(taskId: string, then: (() => void) | undefined): void {
    if (then === undefined) this.#onPlaced.delete(taskId);
    else this.#onPlaced.set(taskId, then);
  }

  /** Rows of the journal that the tables lack. */
  get lag(): number {
    return Math.max(0, this.#journal.seq - this.store.materialisedSeq);
  }

  metrics(): MetricsReport {
    const selectors = this.system.selectors();
    const online = selectors.map(({ pool, roster }) => ({
      pool,
      agentIds: [...roster.members()].filter((member) => member.presence === 'online').map((member) => member.id),
    }));
    const pending = selectors.flatMap((selector) => selector.pendingReasons());
    return { ...this.#metrics.report({ online, pending }), journal: { seq: this.#journal.seq, lag: this.lag } };
  }

  /** Within a turn: makes an orchestration and starts it. Returns the id of each task, by key. */
  createOrchestration(spec: OrchestrationSpec, submittedBy: string, watch: Watch): Record<string, string> {
    const taskIds = Object.fromEntries(spec.tasks.map((task) => [task.key, this.#options.ids()]));
    const image: OrchestrationImage = { spec, submittedBy, watch, taskIds, isCancelling: false, nodes: [] };
    this.#now.record({ type: 'orchestrationCreated', atMs: this.#now.wallMs, spec, submittedBy, watch, taskIds });
    this.system.orchestrationKnown(image);
    this.system.toOrchestration(spec.id, { type: 'START' });
    return taskIds;
  }

  status(): object {
    const pools = this.system.selectors().map((selector) => {
      const members = [...selector.roster.members()];
      const open = [...selector.tasks()].filter((task) => !isTerminal(task.status));
      const waiting = open.filter((task) => task.status === 'pending').length;
      const online = members.filter((member) => member.presence === 'online').length;
      return { pool: selector.pool, waiting, active: open.length - waiting, agents: members.length, online };
    });
    const { namespace, version } = this.#options;
    return {
      state: 'leading',
      namespace,
      epoch: this.#epoch,
      store: this.store.description,
      lag: this.lag,
      version,
      pools,
    };
  }

  /** Resolves once everything recorded is committed and has left. */
  idle(): Promise<void> {
    return this.#journal.idle();
  }

  /** Nothing is committed and nothing leaves any more. */
  stop(): void {
    this.#lease.stop();
    this.#journal.stop();
    this.availability.close();
  }

  /** While rows can't be written, facts would only pile up, and offers lapse that nobody was told of. */
  #stalled(error: RotaError | undefined): void {
    this.#outage.note('journal', error);
    if (error === undefined) this.#lease.letGo();
    else this.#lease.hold();
  }

  #ended(error: RotaError): void {
    // It takes a store that answers to say that another leads.
    if (error.code === 'DEPOSED') this.#outage.end();
    this.#options.onEnded(error);
  }

  /** What is submitted weighs like a frame that came, and waits while there is no room for frames either. */
  #takeRoom(bytes: number): boolean {
    if (this.#fanOutBytes <= 0 || this.#journal.isFull) return false;
    this.#fanOutBytes -= bytes;
    this.weigh(bytes);
    return true;
  }

  #record(event: JournalEvent): void {
    if (event.type === 'taskSubmitted') this.newestId.note(event.task.id);
    this.#metrics.note(event);
    this.#journal.record(event);
    if (event.type !== 'taskAssigned') return;
    this.#onPlaced.get(event.taskId)?.();
    const { fallback } = event.decision;
    if (fallback === undefined) return;
    const { pool, taskId, agentId, workType } = event;
    const fields = { pool, taskId, agentId, workType, fallback: fallback.kind };
    // A pool whose agents are all within the window says so with each of its tasks.
    this.#options.log[fallback.kind === 'window' ? 'debug' : 'info'](fields, fallback.reason);
  }

  #score({ pool, taskId, run, job }: ScoringRun): void {
    void this.#options.threads
      .score(job)
      .then((outcome) => this.#turnSoon(() => this.system.toPool(pool, { type: 'SCORED', taskId, run, outcome })))
      // A turn that fails has said so: the coordinator stops.
      .catch(() => {});
  }
}

/** Where the clock of the leader before stood, as far as it was recorded. */
function latestMonoMs({ monoMs, tail }: Recovered): number {
  let latest = monoMs;
  for (const { events } of tail) {
    for (const event of events) {
      const at = 'monoMs' in event ? event.monoMs : event.type === 'taskFailed' ? event.last?.monoMs : undefined;
      if (at !== undefined) latest = Math.max(latest, at);
    }
  }
  return latest;
}
