import { unpack } from '#rota/protocol/codec.js';
import type { JournalRow, Recovered } from '#rota/protocol/journal.js';
import { createSubjects } from '#rota/protocol/subjects.js';
import type { Message } from '#rota/transport/transport.js';
import type { DiskTap } from './disk.js';
import { FACT_CHECKS, type FactContext } from './invariants/facts.js';
import { Rule } from './invariants/rule.js';
import { type Answered, checkParcels, checkReply, isAnswered, type WireContext } from './invariants/wire.js';
import { Model, type ModelTask } from './model.js';
import type { NetworkTap } from './network.js';
import type { Process } from './process.js';
import { Said } from './said.js';
import type { World } from './world.js';

export const NAMESPACE = 'sim';
const subjects = createSubjects(NAMESPACE);
const TO = `${NAMESPACE}.to.`;
const INBOX = '_INBOX.';

/** How a task ended, as a client was told. */
export interface Told {
  readonly status: string;
  readonly result?: unknown;
}

/**
 * Watches a run from outside: every fact as it is committed and every frame as it leaves, and nothing of the memory of
 * the code under test. What does not hold ends the run.
 */
export class Checker implements DiskTap, NetworkTap {
  readonly model = new Model();
  readonly said = new Said();
  readonly acknowledged = new Set<string>();
  readonly cancelled = new Set<string>();
  /** Handoffs whose client was refused. */
  readonly abandoned = new Set<string>();
  readonly rule: Rule;
  /** Called behind the cancel of a task that was acknowledged, in the step in which it was. */
  onCancelled: (from: Process, taskIds: readonly string[]) => void = () => {};
  /** Called when a row is written, before whoever wrote it hears of that. */
  onCommitted: (row: JournalRow) => void = () => {};
  readonly #world: World;
  readonly #facts: FactContext;
  readonly #wire: WireContext;
  readonly #asked = new Map<string, Answered>();

  constructor(world: World, fenceMs: number) {
    this.#world = world;
    const { model, said, acknowledged, cancelled } = this;
    const fail = (invariant: string, problem: string) => world.fail(invariant, problem);
    this.rule = new Rule(model, fenceMs, fail);
    this.#facts = { model, said, acknowledged, cancelled };
    this.#wire = { model, acknowledged, cancelled, fail };
  }

  // ── the store ──────────────────────────────────────────────────────────────────────────────────

  led(process: Process, recovered: Recovered): void {
    this.#world.say(process.name, () => `leads with epoch ${recovered.epoch}, from row ${recovered.seq}`);
    this.rule.led(process, recovered.epoch, this.#world.nowMs);
  }

  renewed(process: Process, epoch: number, sentMs: number): void {
    this.rule.renewed(process, epoch, sentMs);
  }

  committed(process: Process, row: JournalRow): void {
    const { model } = this;
    const { nowMs } = this.#world;
    this.rule.committed(row, nowMs);
    for (const event of row.events) {
      this.#world.say(process.name, () => `row ${row.seq}: ${JSON.stringify(event)}`);
      for (const [invariant, check] of FACT_CHECKS) {
        const problem = check(event, this.#facts);
        if (problem !== undefined) this.#world.fail(invariant, problem);
      }
      model.apply(event, nowMs);
    }
    this.onCommitted(row);
  }

  // ── the network ────────────────────────────────────────────────────────────────────────────────

  received(to: Process, { subject, reply }: Message): void {
    if (reply === undefined) return;
    const verb = subjects.parse(subject)?.verb ?? '';
    if (isAnswered(verb)) this.#asked.set(reply, verb);
    this.#world.say(to.name, () => `is asked ${subject}`);
  }

  sent(from: Process, subject: string, data: Uint8Array): void {
    this.#world.say(from.name, () => `sends ${subject} ${inWords(data)}`);
    if (subject.startsWith(INBOX)) {
      const verb = this.#asked.get(subject);
      if (verb === undefined) return;
      const before = this.cancelled.size;
      checkReply(verb, data, this.#wire);
      if (this.cancelled.size > before) this.onCancelled(from, [...this.cancelled].slice(before));
    } else if (subject.startsWith(TO)) {
      this.rule.speaks(from, this.#world.nowMs);
      checkParcels(subject.slice(TO.length), data, this.#wire);
    } else {
      const sender = subjects.parse(subject);
      if (sender !== undefined) this.said.note(sender.principal, sender.verb, data);
    }
  }

  // ── clients ────────────────────────────────────────────────────────────────────────────────────

  /** A client was told how its task ended. */
  told(taskId: string, { status, result }: Told): void {
    const task = this.model.tasks.get(taskId);
    if (task?.status !== status) {
      this.#world.fail('I2', `a client has ${taskId} as ${status}, and it is ${task?.status ?? 'unknown'}`);
    } else if (status === 'completed' && !sameResult(task, result)) {
      this.#world.fail('I2', `a client has another result of ${taskId} than the journal`);
    }
  }

  /** A client asked for a task that was acknowledged, and nobody knows it. */
  lost(taskId: string): void {
    if (this.acknowledged.has(taskId)) this.#world.fail('I1', `${taskId} was acknowledged, and nobody knows it`);
  }
}

const WORDS_MAX = 400;

/** A frame, for people. */
function inWords(data: Uint8Array): string {
  const { v: _, ...frame } = unpack(data) as { v: number };
  const text = JSON.stringify(frame);
  return text.length <= WORDS_MAX ? text : `${text.slice(0, WORDS_MAX)}…`;
}

function sameResult(task: ModelTask, result: unknown): boolean {
  return JSON.stringify(task.result ?? null) === JSON.stringify(result ?? null);
}
