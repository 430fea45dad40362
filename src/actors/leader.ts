import type { Logger } from 'pino';
import type { Actor } from 'xstate';
import type { AvailabilitySource } from '../availability/source.js';
import type { Clock } from '../clock.js';
import type { Ids, Random } from '../ids.js';
import type { coordinatorMachine } from '../machines/coordinator.js';
import type { Parcel, ScoringRun, Turn } from '../machines/turn.js';
import { RotaError } from '../protocol/errors.js';
import type { MetricsReport } from '../protocol/frames.js';
import type { JournalEvent, OrchestrationImage, Recovered } from '../protocol/journal.js';
import type { Availability, Policy } from '../protocol/policy.js';
import type { OrchestrationSpec, Watch } from '../protocol/task.js';
import { isTerminal } from '../protocol/task.js';
import type { ScoringThreads } from '../selection/threads/pool.js';
import type { Store } from '../store/store.js';
import { AvailabilityWatch } from './availability-watch.js';
import { Journal, type JournalOptions } from './journal.js';
import { Metrics } from './metrics.js';
import { NewestId } from './newest-id.js';
import type { Outbox } from './outbox.js';
import { type RateLimit, RateLimiter } from './rate-limit.js';
import { recover } from './recovery.js';
import { ActorSystem, type SystemOptions } from './system.js';

/** How fast silence is noticed. `leaseMs` is how long a task stays with an agent that says nothing. */
export interface Timing {
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  readonly tickMs: number;
}

export interface LeaderOptions extends Pick<JournalOptions, 'onEnded' | 'onStall'> {
  readonly root: Actor<typeof coordinatorMachine>;
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
  readonly log: Logger;
  readonly onFault: (error: unknown) => void;
}

/** How long a leader that was deposed may not notice while it has nothing to write. */
const CHECK_LEADERSHIP_MS = 1_000;

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
  readonly #metrics: Metrics;
  readonly #rates: RateLimiter | undefined;
  /** What is added to the machine's monotonic clock, so that it goes on where the leader before left it. */
  readonly #aheadMs: number;
  readonly #onPlaced = new Map<string, () => void>();
  #lastJob: Promise<unknown> = Promise.resolve();
  readonly #options: LeaderOptions;
  readonly #journal: Journal;
  readonly #epoch: number;
  readonly #now: Turn & { wallMs: number; monoMs: number };
  #isInTurn = false;
  /** The newest row at some instant: once the tables have it, what ended before may be forgotten. */
  #checkpoint = { seq: 0, monoMs: 0 };
  #settledMs = 0;
  #nextCheckMs = 0;

  constructor(options: LeaderOptions, recovered: Recovered) {
    this.#options = options;
    const { clock, store, outbox, random } = options;
    this.clock = clock;
    this.store = store;
    this.timing = options.timing;
    this.#epoch = recovered.epoch;
    this.newestId = new NewestId(recovered.newestId);
    for (const event of recovered.tail.flatMap((row) => row.events)) {
      if (event.type === 'taskSubmitted') this.newestId.note(event.task.id);
    }
    this.random = random;
    this.#aheadMs = latestMonoMs(recovered) - clock.monoMs();
    this.#metrics = new Metrics(clock.wallMs());
    this.#rates = options.rateLimit === undefined ? undefined : new RateLimiter(options.rateLimit);
    this.#journal = new Journal({ ...options, epoch: recovered.epoch, seq: recovered.seq });
    this.#now = {
      wallMs: clock.wallMs(),
      monoMs: this.monoMs,
      random,
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
    this.turn(() => this.system.resume());
    this.availability.tick();
  }

  /** Monotonic, and comparable with what the leaders before recorded. */
  get monoMs(): number {
    return this.clock.monoMs() + this.#aheadMs;
  }

  /** Runs `act` as one turn of the actors, at one instant. */
  turn(act: () => void): void {
    if (this.#isInTurn) throw new Error('A turn began inside another one.');
    this.#isInTurn = true;
    this.#now.wallMs = this.clock.wallMs();
    this.#now.monoMs = this.monoMs;
    try {
      act();
    } catch (thrown) {
      // Not the request's fault but ours, and what it left half done can't be trusted.
      if (!(thrown instanceof RotaError)) this.#options.onFault(thrown);
      throw thrown;
    } finally {
      this.#isInTurn = false;
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
    const { monoMs } = this;
    if (this.store.materialisedSeq >= this.#checkpoint.seq) {
      this.#settledMs = this.#checkpoint.monoMs;
      this.#checkpoint = { seq: this.#journal.seq, monoMs };
    }
    try {
      this.turn(() => this.system.tick(monoMs, this.#settledMs));
    } catch {
      return; // The turn has said so: the coordinator stops.
    }
    this.availability.tick();
    if (monoMs >= this.#nextCheckMs) {
      this.#nextCheckMs = monoMs + CHECK_LEADERSHIP_MS;
      void this.#journal.checkLeadership();
    }
  }

  /** Resolves when this one still leads. @throws RotaError UNAVAILABLE when it does not, or can't know. */
  async confirm(): Promise<void> {
    if (!(await this.#journal.checkLeadership())) {
      throw new RotaError('UNAVAILABLE', 'The coordinator does not know whether it still leads.', {
        retryAfterMs: 1_000,
      });
    }
  }

  /** @throws RotaError UNAVAILABLE when what waits for its commit has no room for more. */
  assertRoom(): void {
    if (this.#journal.isFull) {
      throw new RotaError('UNAVAILABLE', 'The store is behind.', { retryAfterMs: 1_000 });
    }
  }

  /** @throws RotaError RATE_LIMITED when the principal has sent more than it may. */
  limitRate(principal: string, tasks: number): void {
    const retryAfterMs = this.#rates?.take(principal, tasks, this.monoMs) ?? 0;
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

  /** Work that reads much of the journal goes one at a time. */
  oneByOne<T>(work: () => Promise<T>): Promise<T> {
    const job = this.#lastJob.then(work, work);
    this.#lastJob = job.catch(() => {});
    return job;
  }

  metrics(): MetricsReport {
    const selectors = this.system.selectors();
    const online = selectors.map(({ pool, roster }) => ({
      pool,
      agentIds: [...roster.members()].filter((member) => member.presence === 'online').map((member) => member.id),
    }));
    return this.#metrics.report({ online, pending: selectors.flatMap((selector) => selector.pendingReasons()) });
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
    return { namespace, epoch: this.#epoch, store: this.store.description, version, pools };
  }

  /** Resolves once everything recorded is committed and has left. */
  idle(): Promise<void> {
    return this.#journal.idle();
  }

  /** Nothing is committed and nothing leaves any more. */
  stop(): void {
    this.#journal.stop();
    this.availability.close();
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
    void this.#options.threads.score(job).then((outcome) => {
      if (this.#journal.isStopped) return;
      try {
        this.turn(() => this.system.toPool(pool, { type: 'SCORED', taskId, run, outcome }));
      } catch {
        // The turn has said so: the coordinator stops.
      }
    });
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
