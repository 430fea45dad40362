import type { JournalRow } from '#rota/protocol/journal.js';
import { type Model, monoMsOf } from '../model.js';
import type { Process } from '../process.js';

interface Reign {
  readonly process: Process;
  readonly sinceMs: number;
  /** Where the leaders' clock stood when it began. */
  readonly monoMs: number;
  /** When its last renewal that succeeded was sent. */
  renewedMs: number;
}

/** Two clocks that run alike are apart by no more than rounding. */
const ROUNDING_MS = 1e-3;

/** Who leads and since when: what I5 and I14 are about. */
export class Rule {
  /** Terms of leadership. */
  terms = 0;
  readonly #model: Model;
  readonly #fenceMs: number;
  readonly #fail: (invariant: string, problem: string) => void;
  readonly #reigns = new Map<number, Reign>();
  readonly #epochOf = new Map<Process, number>();
  #epoch = 0;

  constructor(model: Model, fenceMs: number, fail: (invariant: string, problem: string) => void) {
    this.#model = model;
    this.#fenceMs = fenceMs;
    this.#fail = fail;
  }

  led(process: Process, epoch: number, nowMs: number): void {
    this.terms++;
    if (epoch <= this.#epoch) this.#fail('I5', `epoch ${epoch} was given after ${this.#epoch}`);
    this.#epoch = epoch;
    this.#epochOf.set(process, epoch);
    this.#reigns.set(epoch, {
      process,
      sinceMs: nowMs,
      monoMs: this.#model.monoMs,
      renewedMs: Number.NEGATIVE_INFINITY,
    });
  }

  renewed(process: Process, epoch: number, sentMs: number): void {
    const reign = this.#reigns.get(epoch);
    if (reign?.process === process) reign.renewedMs = Math.max(reign.renewedMs, sentMs);
  }

  /** Whether this process leads, and may act on it. One whose request to lead came late may have a term that it knows nothing of. */
  mayAct(process: Process, nowMs: number): boolean {
    return [...this.#reigns.values()].some(
      (reign) => reign.process === process && nowMs < reign.renewedMs + this.#fenceMs,
    );
  }

  isLatest(process: Process): boolean {
    return this.#epochOf.get(process) === this.#epoch;
  }

  committed(row: JournalRow, nowMs: number): void {
    this.#i5(row);
    this.#model.seq = row.seq;
    this.#model.epoch = row.epoch;
    this.#i14(row, nowMs);
  }

  /** It tells an agent or a client something. */
  speaks(process: Process, nowMs: number): void {
    if (this.mayAct(process, nowMs)) return;
    this.#fail('I14', `${process.name} speaks, and its last renewal is longer ago than ${this.#fenceMs} ms`);
  }

  /** Every row has the epoch of whoever leads, and its place; epochs never fall. */
  #i5({ seq, epoch }: JournalRow): void {
    if (seq !== this.#model.seq + 1) this.#fail('I5', `row ${seq} was written behind row ${this.#model.seq}`);
    if (epoch < this.#model.epoch) this.#fail('I5', `row ${seq} has epoch ${epoch}, after ${this.#model.epoch}`);
    if (epoch !== this.#epoch) this.#fail('I5', `row ${seq} has epoch ${epoch}, and epoch ${this.#epoch} leads`);
  }

  /** The leaders' clock is their monotonic one: it never runs ahead of time, nor back, whatever day it is. */
  #i14({ seq, epoch, events }: JournalRow, nowMs: number): void {
    const reign = this.#reigns.get(epoch);
    if (reign === undefined) return;
    const latestMs = reign.monoMs + (nowMs - reign.sinceMs) + ROUNDING_MS;
    let before = this.#model.monoMs;
    for (const event of events) {
      const monoMs = monoMsOf(event);
      if (monoMs === undefined) continue;
      if (monoMs > latestMs) this.#fail('I14', `row ${seq} was decided ${monoMs - latestMs} ms in the future`);
      if (monoMs < before - ROUNDING_MS) this.#fail('I14', `row ${seq} was decided ${before - monoMs} ms in the past`);
      before = monoMs;
    }
  }
}
