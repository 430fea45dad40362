import { type Actor, createActor } from 'xstate';
import { within } from '../clock.js';
import { failpoint } from '../failpoints.js';
import { coordinatorMachine } from '../machines/coordinator.js';
import { encode } from '../protocol/codec.js';
import { asRotaError } from '../protocol/errors.js';
import type { Recovered } from '../protocol/journal.js';
import type { Subjects } from '../protocol/subjects.js';
import type { Message, Transport } from '../transport/transport.js';
import { Intake } from './intake.js';
import { Leader, type LeaderOptions } from './leader.js';
import { Outbox } from './outbox.js';

export interface TermOptions extends Omit<LeaderOptions, 'root' | 'outbox' | 'onEnded' | 'onStall' | 'onFault'> {
  readonly transport: Transport;
  readonly subjects: Subjects;
  /** Who leads, as the store knows it. */
  readonly holder: string;
}

/** How long a term that ends waits for requests that take long. They are refused then, and made again. */
const HANDLE_MS_MAX = 250;
/** And for a store that takes no commits. */
const DRAIN_MS_MAX = 5_000;
/** And for a store to take the lead back, and for a server to take what was sent. */
const FAREWELL_MS_MAX = 1_000;

const RIVAL =
  'another coordinator leads this namespace on another store: stop one of the two, or give each a namespace of its own';

/**
 * The time in which one coordinator leads, under one epoch: from what the store gave back to whatever ends it.
 * Owns the actors of that time and the subscription that feeds them; nothing of it outlives `ended`.
 */
export class Term {
  readonly epoch: number;
  /** Resolves when it is over: with what ended it, or with nothing where it was handed over. */
  readonly ended: Promise<Error | undefined>;
  readonly #options: TermOptions;
  readonly #root: Actor<typeof coordinatorMachine>;
  readonly #leader: Leader;
  readonly #intake: Intake;
  readonly #over = new AbortController();
  readonly #cleanUp: (() => void)[] = [() => this.#over.abort()];
  #stopListening = () => {};
  /** Said once. */
  #hasRival = false;

  constructor(options: TermOptions, recovered: Recovered) {
    const { transport, subjects, log } = options;
    this.#options = options;
    this.epoch = recovered.epoch;
    const root = createActor(coordinatorMachine, { systemId: 'coordinator' });
    this.#root = root;
    this.ended = new Promise((resolve) => {
      root.subscribe({
        error: (error) => {
          this.#clean();
          resolve(asRotaError(error, 'UNAVAILABLE'));
        },
        complete: () => {
          this.#clean();
          resolve(root.getSnapshot().context.error);
        },
      });
    });
    root.start();
    const outbox = new Outbox(transport, subjects, (receiver, error) =>
      log.warn({ receiver, code: error.code }, 'not delivered'),
    );
    this.#leader = new Leader(
      {
        ...{ ...options, root, outbox },
        onEnded: (error) => root.send({ type: 'DEPOSED', error }),
        onStall: (error) =>
          error === undefined
            ? log.info('the store answers again')
            : log.error({ code: error.code, err: error }, 'the store does not answer; trying again'),
        onFault: (fault) => root.send({ type: 'FAILED', error: asRotaError(fault, 'UNAVAILABLE') }),
      },
      recovered,
    );
    this.#intake = new Intake({ leader: this.#leader, outbox, subjects, log, over: this.#over.signal });
    this.#cleanUp.push(() => this.#leader.stop());
  }

  get state(): 'recovering' | 'leading' | 'draining' | 'stopped' {
    return this.#root.getSnapshot().value;
  }

  /** Takes up what the store gave back, and serves. Returns once agents and clients can be heard, or the term is over. */
  async begin(): Promise<void> {
    const { transport, log, namespace, store } = this.#options;
    try {
      if (!this.#is('recovering') || !(await this.#leader.begin()) || !this.#is('recovering')) return;
      this.#listen();
    } catch (thrown) {
      return this.#root.send({ type: 'FAILED', error: asRotaError(thrown, 'UNAVAILABLE') });
    }
    await transport.flush().catch((error: unknown) => log.warn({ err: error }, 'not connected yet'));
    if (this.#is('leading')) log.info({ namespace, epoch: this.epoch, store: store.description }, 'leading');
  }

  /** A question that came by the door of all coordinators. */
  receive(message: Message): Promise<void> {
    return this.#intake.receive(message);
  }

  /**
   * Another coordinator says that it leads. Of one store nobody leads beside this one: if this one still does, the other
   * has another store, and whoever asks is answered by both.
   */
  async hearOther(holder: string): Promise<void> {
    if (this.#hasRival || !this.#is('leading')) return;
    try {
      await this.#leader.confirm();
    } catch {
      return; // It is the other that leads, or the store can't say.
    }
    if (this.#hasRival || !this.#is('leading')) return;
    this.#hasRival = true;
    this.#options.log.error({ holder }, RIVAL);
    // The other learns of it as well.
    this.#announce(true);
  }

  /** Takes nothing more, commits and sends what it took, and gives the lead back. */
  async handOver(): Promise<void> {
    if (this.#is('recovering') || this.#is('leading')) {
      this.#root.send({ type: 'DRAIN' });
      await this.#drain();
      await this.#sayFarewell();
      this.#root.send({ type: 'DRAINED' });
    }
    await this.ended;
  }

  #listen(): void {
    const { transport, subjects, clock, timing } = this.#options;
    this.#root.send({ type: 'BEGUN' });
    this.#stopListening = transport.subscribe(subjects.intake, this.#intake.receive);
    this.#cleanUp.push(
      () => this.#stopListening(),
      clock.every(timing.tickMs, () => this.#leader.tick()),
    );
    this.#announce(true);
  }

  async #drain(): Promise<void> {
    const { clock, log } = this.#options;
    await within(clock, HANDLE_MS_MAX, this.#intake.close());
    const isIdle = this.#leader.idle().then(() => true);
    if ((await within(clock, DRAIN_MS_MAX, isIdle)) === undefined) {
      log.error('the store took no commits: what it did not take was not acknowledged');
    }
  }

  async #sayFarewell(): Promise<void> {
    const { transport, clock } = this.#options;
    // Before another leads: a refusal of ours must not come before its answer.
    this.#stopListening();
    if (this.#is('draining')) await within(clock, FAREWELL_MS_MAX, this.#leader.resign());
    if (this.#is('draining')) this.#announce(false);
    await within(
      clock,
      FAREWELL_MS_MAX,
      transport.flush().catch(() => {}),
    );
  }

  #clean(): void {
    for (const cleanUp of this.#cleanUp.splice(0)) cleanUp();
  }

  #is(state: Term['state']): boolean {
    return this.state === state;
  }

  /** Tells agents, clients and standbys at once what they would find out by themselves a little later. */
  #announce(leads: boolean): void {
    const { transport, subjects, holder } = this.#options;
    try {
      failpoint('announce.before');
      transport.publish(subjects.leader, encode({ holder, epoch: this.epoch, leads }));
      failpoint('announce.after');
    } catch {
      // A connection that is closed has nobody to tell. Who is not told finds out by itself.
    }
  }
}
