import type { Roster } from './roster.js';

/** One assignment that has not ended, between the one granted before it and the one after. */
interface Open {
  readonly taskId: string;
  readonly index: number;
  readonly monoMs: number;
  before: Open | undefined;
  after: Open | undefined;
  isRecent: boolean;
}

/**
 * How much of what an agent holds was assigned a short while ago: the load that scoring counts. Keeps what is
 * held in the order it was granted, so that what grows too old is always the next one.
 *
 * Must hold: an agent's recent load is the number of its open assignments that are younger than `loadMs`.
 */
export class OpenLoad {
  readonly #loads: Pick<Roster, 'addRecentLoad'>;
  #loadMs: number;
  readonly #byTask = new Map<string, Open>();
  #oldest: Open | undefined;
  #newest: Open | undefined;
  /** The oldest that counts; all after it count too. */
  #oldestRecent: Open | undefined;
  #nowMs = -Infinity;

  constructor(loads: Pick<Roster, 'addRecentLoad'>, loadMs: number) {
    this.#loads = loads;
    this.#loadMs = loadMs;
  }

  /** Takes over another span, for what is held already too. */
  configure(loadMs: number): void {
    this.#loadMs = loadMs;
    for (let open = this.#beforeRecent(); open !== undefined && !this.#isOld(open); open = open.before) {
      this.#count(open, true);
      this.#oldestRecent = open;
    }
    this.advance(this.#nowMs);
  }

  /** An agent was given a task. Fast where `monoMs` is not before that of those that were added before. */
  add(taskId: string, index: number, monoMs: number): void {
    this.advance(monoMs);
    let before = this.#newest;
    while (before !== undefined && before.monoMs > monoMs) before = before.before;
    const after = before === undefined ? this.#oldest : before.after;
    const open: Open = { taskId, index, monoMs, before, after, isRecent: false };
    if (before === undefined) this.#oldest = open;
    else before.after = open;
    if (after === undefined) this.#newest = open;
    else after.before = open;
    this.#byTask.set(taskId, open);
    if (this.#isOld(open)) return;
    this.#count(open, true);
    if (after === this.#oldestRecent) this.#oldestRecent = open;
  }

  /** It is held no longer. */
  delete(taskId: string): void {
    const open = this.#byTask.get(taskId);
    if (open === undefined) return;
    this.#byTask.delete(taskId);
    const { before, after } = open;
    if (open.isRecent) this.#count(open, false);
    if (this.#oldestRecent === open) this.#oldestRecent = after;
    if (before === undefined) this.#oldest = after;
    else before.after = after;
    if (after === undefined) this.#newest = before;
    else after.before = before;
  }

  /** Counts no longer what is too old by now. */
  advance(monoMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, monoMs);
    while (this.#oldestRecent !== undefined && this.#isOld(this.#oldestRecent)) {
      this.#count(this.#oldestRecent, false);
      this.#oldestRecent = this.#oldestRecent.after;
    }
  }

  #isOld(open: Open): boolean {
    return this.#nowMs - open.monoMs >= this.#loadMs;
  }

  /** The youngest that does not count. */
  #beforeRecent(): Open | undefined {
    return this.#oldestRecent === undefined ? this.#newest : this.#oldestRecent.before;
  }

  #count(open: Open, isRecent: boolean): void {
    open.isRecent = isRecent;
    this.#loads.addRecentLoad(open.index, isRecent ? 1 : -1);
  }
}
