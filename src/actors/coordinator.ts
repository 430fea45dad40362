import { sleep, within } from '../clock.js';
import { createIds } from '../ids.js';
import { decode } from '../protocol/codec.js';
import { asRotaError, RotaError } from '../protocol/errors.js';
import { LeaderFrame } from '../protocol/frames.js';
import type { Recovered } from '../protocol/journal.js';
import { createSubjects, type Subjects } from '../protocol/subjects.js';
import type { Message, TransportStatus } from '../transport/transport.js';
import { Standby } from './standby.js';
import { watchStandstill } from './standstill.js';
import { Term, type TermOptions } from './term.js';

export type CoordinatorOptions = Omit<TermOptions, 'ids' | 'subjects' | 'holder'>;

export interface Coordinator {
  /** `standby` while another leads the store; it leads as soon as that one is gone. */
  readonly state: 'standby' | 'leading' | 'draining' | 'stopped';
  /** Of the term that it leads or led last; 0 before. */
  readonly epoch: number;
  /** Resolves when it leads; rejects when it stops before: with what stopped it, or with CLOSED. */
  readonly leading: Promise<void>;
  /** Resolves when it has stopped: with the error that stopped it, or with nothing. */
  readonly stopped: Promise<Error | undefined>;
  /** Takes nothing more, commits and sends what it took, hands over, and stops. The store and transport stay open. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a coordinator. Resolves once it leads, or stands by because another one leads the same store.
 *
 * @throws RotaError STORE_FAILED, SCHEMA_MISMATCH
 */
export async function startCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const coordinator = new CoordinatorProcess(options);
  await coordinator.start();
  return coordinator;
}

/** How long a coordinator that stops waits for a store that it asked for the lead. */
const STOP_MS_MAX = 1_000;

/** The life of a coordinator: it stands by, leads for a term, stands by again, until it is stopped or fails. */
class CoordinatorProcess implements Coordinator {
  readonly stopped: Promise<Error | undefined>;
  readonly #options: CoordinatorOptions;
  readonly #subjects: Subjects;
  readonly #ids: () => string;
  readonly #holder: string;
  readonly #standby: Standby;
  readonly #stopping = new AbortController();
  readonly #cleanUp: (() => void)[] = [];
  #term: Term | undefined;
  #epoch = 0;
  /** Ends the pause before the next try to lead. */
  #wake = new AbortController();
  #leading = new Promised();
  #cancelPatience = () => {};
  #isFailing = false;
  /** How long it took the last time from asking for the lead to acting. */
  #recoveryMs = 0;
  /** Why it stops without having been asked to. */
  #fault: Error | undefined;
  #setStopped: (error: Error | undefined) => void = () => {};

  constructor(options: CoordinatorOptions) {
    const { clock, random, namespace } = options;
    this.#options = options;
    this.#subjects = createSubjects(namespace);
    this.#ids = createIds(clock, random);
    this.#holder = this.#ids();
    this.#standby = new Standby({ ...options, subjects: this.#subjects });
    this.stopped = new Promise((resolve) => {
      this.#setStopped = resolve;
    });
  }

  get state(): Coordinator['state'] {
    const state = this.#term?.state;
    if (state === 'leading' || state === 'draining') return state;
    return this.#stopping.signal.aborted ? 'stopped' : 'standby';
  }

  get epoch(): number {
    return this.#epoch;
  }

  get leading(): Promise<void> {
    return this.#leading.promise;
  }

  /** @throws RotaError STORE_FAILED, SCHEMA_MISMATCH, CLOSED */
  async start(): Promise<void> {
    const { log, namespace, store, transport } = this.#options;
    try {
      this.#listen();
      await this.#tryToLead();
      const failure = this.#term?.state === 'stopped' ? await this.#term.ended : undefined;
      if (failure !== undefined && !isDeposed(failure)) throw failure;
    } catch (thrown) {
      this.#finish(asRotaError(thrown, 'STORE_FAILED'));
      throw thrown;
    }
    if (this.state === 'standby') {
      log.info({ namespace, store: store.description, server: transport.status }, 'standing by');
    }
    void this.#live().then(
      (error) => this.#finish(error),
      (thrown) => this.#finish(asRotaError(thrown, 'UNAVAILABLE')),
    );
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake.abort();
    await this.#term?.handOver();
    await within(this.#options.clock, STOP_MS_MAX, this.stopped);
    this.#finish(this.#fault);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #listen(): void {
    const { transport, clock, log, store } = this.#options;
    const { readers, leader } = this.#subjects;
    this.#cleanUp.push(watchStandstill(clock, log));
    const unwatch = store.watchTables?.((error) =>
      error === undefined
        ? log.info('the tables follow the journal again')
        : log.error({ code: error.code, err: error }, 'the tables can not follow the journal; trying again'),
    );
    if (unwatch !== undefined) this.#cleanUp.push(unwatch);
    this.#cleanUp.push(transport.onStatus((status) => this.#connection(status)));
    this.#cleanUp.push(transport.subscribe(readers, (message) => this.#answer(message), { queue: 'readers' }));
    this.#cleanUp.push(transport.subscribe(leader, (message) => this.#hear(message)));
  }

  /** Resolves when it is over: with the error that made it so, if it was one. */
  async #live(): Promise<Error | undefined> {
    const { signal } = this.#stopping;
    while (this.#term !== undefined || !signal.aborted) {
      if (this.#term === undefined) {
        await this.#pause();
        if (!signal.aborted) await this.#campaign();
      } else {
        const error = await this.#term.ended;
        if (error !== undefined && !isDeposed(error)) {
          this.#options.log.error({ err: error }, 'stopped');
          return error;
        }
        this.#standDown(error);
      }
    }
    return this.#fault;
  }

  #standDown(error: Error | undefined): void {
    this.#term = undefined;
    if (this.#leading.isResolved) this.#leading = new Promised();
    if (this.#stopping.signal.aborted) return;
    const why = error === undefined ? {} : { err: error };
    this.#options.log.warn({ epoch: this.#epoch, ...why }, 'no longer leading; standing by');
  }

  /** Tries to lead; a store that is away is tried again, and said so once. @throws what trying again can't help. */
  async #campaign(): Promise<void> {
    const { log } = this.#options;
    try {
      // Out of reach of the server it asks nothing.
      if (!this.#isReachable) return;
      await this.#tryToLead();
      if (this.#isFailing) log.info('the store answers again');
      this.#isFailing = false;
    } catch (thrown) {
      if (!(thrown instanceof RotaError) || thrown.code !== 'STORE_FAILED') throw thrown;
      if (!this.#isFailing) log.error({ code: thrown.code, err: thrown }, 'the store does not answer; trying again');
      this.#isFailing = true;
    }
  }

  async #tryToLead(): Promise<void> {
    const { store, clock, failover } = this.#options;
    if (!this.#isReachable) return;
    const startMs = clock.monoMs();
    // Two that take longer to recover than the lease lasts would take the lead from each other for ever.
    const recovered = await store.lead(this.#holder, Math.max(failover.leaseMs, Math.ceil(2 * this.#recoveryMs)));
    if (recovered === undefined) return;
    if (this.#stopping.signal.aborted || !this.#isReachable) {
      return void (await store.resign(recovered.epoch).catch(() => {}));
    }
    const term = await this.#termOf(recovered);
    this.#term = term;
    this.#epoch = term.epoch;
    await term.begin();
    this.#recoveryMs = clock.monoMs() - startMs;
    if (term.state === 'leading') this.#leading.resolve();
  }

  /** @throws what is wrong with what was recovered; the lead is given back then. */
  async #termOf(recovered: Recovered): Promise<Term> {
    try {
      return new Term({ ...this.#options, ids: this.#ids, holder: this.#holder, subjects: this.#subjects }, recovered);
    } catch (thrown) {
      await this.#options.store.resign(recovered.epoch).catch(() => {});
      throw thrown;
    }
  }

  /** Whoever is connected is to lead: others nobody could reach. */
  get #isReachable(): boolean {
    return this.#options.transport.status === 'connected';
  }

  /** Until it is worth another try: a while, or as soon as somebody says that the lead is free. */
  async #pause(): Promise<void> {
    const { clock, failover } = this.#options;
    await sleep(clock, failover.pollMs, this.#wake.signal);
    this.#wake = new AbortController();
  }

  /** Somebody leads from now on, or no more. */
  #hear({ data }: Message): Promise<void> | undefined {
    this.#wake.abort();
    const { holder, leads } = decode(LeaderFrame, data);
    return leads && holder !== this.#holder ? this.#term?.hearOther(holder) : undefined;
  }

  #answer(message: Message): Promise<void> {
    const term = this.#term;
    return term?.state === 'leading' ? term.receive(message) : this.#standby.receive(message);
  }

  /** A leader whom nobody can reach makes way for one who can be reached. */
  #connection(status: TransportStatus): void {
    const { clock, failover, log } = this.#options;
    this.#cancelPatience();
    switch (status) {
      case 'connected':
        return this.#wake.abort();
      case 'closed':
        this.#fault = new RotaError('CLOSED', 'The connection was closed.');
        return void this.stop();
      case 'reconnecting':
        this.#cancelPatience = clock.after(failover.leaseMs, () => {
          if (this.#term === undefined) return;
          log.warn('the NATS server is out of reach: handing over');
          void this.#term.handOver();
        });
    }
  }

  #finish(error: Error | undefined): void {
    this.#stopping.abort();
    this.#cancelPatience();
    for (const cleanUp of this.#cleanUp.splice(0)) cleanUp();
    this.#leading.reject(error ?? new RotaError('CLOSED', 'The coordinator stopped.'));
    this.#setStopped(error);
  }
}

function isDeposed(error: Error): boolean {
  return error instanceof RotaError && error.code === 'DEPOSED';
}

/** That it leads: known, or still to come. */
class Promised {
  readonly promise: Promise<void>;
  isResolved = false;
  reject: (error: Error) => void = () => {};
  #resolve: () => void = () => {};

  constructor() {
    this.promise = new Promise<void>((resolve, reject) => {
      this.#resolve = resolve;
      this.reject = reject;
    });
    // Whoever does not wait for it need not handle it.
    this.promise.catch(() => {});
  }

  resolve(): void {
    this.isResolved = true;
    this.#resolve();
  }
}
