import type { Actor } from 'xstate';
import type { Clock } from '../clock.js';
import type { Ids, Random } from '../ids.js';
import type { coordinatorMachine } from '../machines/coordinator.js';
import type { Parcel, Turn } from '../machines/turn.js';
import { RotaError } from '../protocol/errors.js';
import type { JournalEvent, OrchestrationImage, Recovered } from '../protocol/journal.js';
import type { OrchestrationSpec, Watch } from '../protocol/task.js';
import { isTerminal } from '../protocol/task.js';
import type { Store } from '../store/store.js';
import { Journal, type JournalOptions } from './journal.js';
import { NewestId } from './newest-id.js';
import type { Outbox } from './outbox.js';
import { recover } from './recovery.js';
import { ActorSystem } from './system.js';

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
    this.#journal = new Journal({ ...options, epoch: recovered.epoch, seq: recovered.seq });
    this.#now = {
      wallMs: clock.wallMs(),
      monoMs: clock.monoMs(),
      random,
      record: (event: JournalEvent) => {
        if (event.type === 'taskSubmitted') this.newestId.note(event.task.id);
        this.#journal.record(event);
      },
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
      onFault: options.onFault,
    });
    recover(this.system, recovered);
    this.turn(() => this.system.resume());
  }

  /** Runs `act` as one turn of the actors, at one instant. */
  turn(act: () => void): void {
    if (this.#isInTurn) throw new Error('A turn began inside another one.');
    this.#isInTurn = true;
    this.#now.wallMs = this.clock.wallMs();
    this.#now.monoMs = this.clock.monoMs();
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
    const monoMs = this.clock.monoMs();
    if (this.store.materialisedSeq >= this.#checkpoint.seq) {
      this.#settledMs = this.#checkpoint.monoMs;
      this.#checkpoint = { seq: this.#journal.seq, monoMs };
    }
    try {
      this.turn(() => this.system.tick(monoMs, this.#settledMs));
    } catch {
      return; // The turn has said so: the coordinator stops.
    }
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
  }
}
