import { systemClock } from '#rota/clock.js';
import type { Client, Handoff, SubmitTask } from '#rota/index.js';
import { RotaError } from '#rota/protocol/errors.js';
import type { Ledger } from './ledger.js';
import { until } from './until.js';

/**
 * What clients do while faults happen: they submit, cancel, hand over and orchestrate, a bounded number at a time, and
 * the ledger learns what they are told. Which comes when is the seed's; what comes of it is not.
 */

export const WORK = 'work';
export const DESK = 'desk';

/** How often something new is begun, and how much may be under way. */
const PERIOD_MS = 40;
const OPEN_MAX = 24;
/** Attempts are lost to faults; a task that is to be done has more than enough. */
const ATTEMPTS = 20;

export class Workload {
  readonly #client: Client;
  readonly #ledger: Ledger;
  readonly #random: () => number;
  readonly #open = new Set<Promise<void>>();
  readonly #problems: unknown[] = [];
  #stop: (() => void) | undefined;
  #begun = 0;

  constructor(client: Client, ledger: Ledger, random: () => number) {
    this.#client = client;
    this.#ledger = ledger;
    this.#random = random;
  }

  start(): void {
    this.#stop = systemClock.every(PERIOD_MS, () => {
      if (this.#open.size < OPEN_MAX) this.#begin();
    });
  }

  /** Begins nothing more, and resolves once all that was begun has ended. @throws what went wrong meanwhile */
  async finish(): Promise<void> {
    this.#stop?.();
    await until(`the last ${this.#open.size} requests and their tasks`, Promise.all(this.#open));
    const [problem] = this.#problems.splice(0);
    if (problem !== undefined) throw problem;
  }

  /** Resolves once tasks that are submitted now are done: work goes on. */
  async probe(): Promise<void> {
    await until(
      'a task that was submitted after the fault',
      this.submit(3, () => ({ priority: 1 })),
    );
  }

  /** Submits tasks and sees them through. */
  async submit(count: number, task: (i: number) => Partial<SubmitTask> = () => ({})): Promise<string[]> {
    const tasks = Array.from({ length: count }, (_, i) => ({
      pool: WORK,
      maxAttempts: ATTEMPTS,
      backoffMs: 0,
      payload: {},
      ...task(i),
    }));
    const ids = await this.#client.submitMany(tasks);
    this.#ledger.submitAcknowledged(ids);
    await this.#seeThrough(ids);
    return ids;
  }

  async handOver(): Promise<void> {
    const id = `handoff-${this.#client.id}-${++this.#begun}`;
    this.#ledger.handedOver.add(id);
    let offer: Handoff;
    try {
      offer = await this.#client.assign({ id, pool: DESK, maxAttempts: ATTEMPTS, backoffMs: 0 });
    } catch (thrown) {
      // Nobody at the desk just now, or at the time of a request whose answer was lost: nothing was promised.
      if (thrown instanceof RotaError && (thrown.code === 'NONE_AVAILABLE' || thrown.code === 'TASK_ENDED')) return;
      throw thrown;
    }
    this.#ledger.handoffTold(offer);
    const settling = [this.#complete(offer)];
    const end = offer.onChange((event, next) => {
      if (next === undefined || event.status !== 'assigned') return;
      this.#ledger.handoffTold(next);
      settling.push(this.#complete(next));
    });
    await this.#seeThrough([id]);
    end();
    await Promise.all(settling);
  }

  /** A task before two, and one behind them. */
  async orchestrate(): Promise<void> {
    const node = { pool: WORK, maxAttempts: ATTEMPTS, backoffMs: 0, payload: {} };
    const tasks = [
      { key: 'first', ...node },
      { key: 'left', dependsOn: ['first'], ...node },
      { key: 'right', dependsOn: ['first'], ...node },
      { key: 'last', dependsOn: ['left', 'right'], ...node },
    ];
    const { id, taskIds } = await this.#client.orchestrate({ name: 'diamond', tasks });
    this.#ledger.orchestrationAcknowledged(id, taskIds);
    this.#ledger.orchestrationEnded(await this.#client.orchestrationResult(id));
  }

  #begin(): void {
    const draw = this.#random();
    if (draw < 0.04) this.#watch(this.orchestrate());
    else if (draw < 0.12) this.#watch(this.handOver());
    else if (draw < 0.2) this.#watch(this.#cancelSome());
    else this.#watch(this.submit(1 + Math.floor(this.#random() * 4), () => this.#task()));
  }

  /** Most are quick; some take a while, are too late, fail once or for good. */
  #task(): Partial<SubmitTask> {
    const draw = this.#random();
    const ms = Math.floor(this.#random() * 150);
    if (draw < 0.55) return {};
    if (draw < 0.8) return { payload: { ms } };
    if (draw < 0.88) return { payload: { do: 'stumble', ms } };
    if (draw < 0.92) return { payload: { do: 'fail' } };
    if (draw < 0.96) return { payload: { ms }, timeoutMs: 50, maxAttempts: 3 };
    return { payload: { ms }, priority: 1 };
  }

  async #cancelSome(): Promise<void> {
    const tasks = Array.from({ length: 3 }, () => ({
      pool: WORK,
      maxAttempts: ATTEMPTS,
      backoffMs: 0,
      payload: { ms: 30 },
    }));
    const ids = await this.#client.submitMany(tasks);
    this.#ledger.submitAcknowledged(ids);
    this.#ledger.cancelAcknowledged(await this.#client.cancel(ids.slice(1)));
    await this.#seeThrough(ids);
  }

  async #seeThrough(ids: readonly string[]): Promise<void> {
    await Promise.all(ids.map(async (id) => this.#ledger.ended(await this.#client.result(id))));
  }

  async #complete(offer: Handoff): Promise<void> {
    try {
      await offer.complete({ by: offer.agentId });
      this.#ledger.settlementTaken(offer);
    } catch (thrown) {
      // It went to another agent, or it was settled by the first of two requests whose answer was lost.
      if (thrown instanceof RotaError && (thrown.code === 'STALE_LEASE' || thrown.code === 'TASK_ENDED')) return;
      throw thrown;
    }
  }

  #watch(work: Promise<unknown>): void {
    const watched = work
      .catch((thrown: unknown) => this.#problems.push(thrown))
      .then(() => void this.#open.delete(watched));
    this.#open.add(watched);
  }
}
