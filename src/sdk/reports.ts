import type { Clock } from '../clock.js';
import { failpoint } from '../failpoints.js';
import { encodeBatches, pack } from '../protocol/codec.js';
import { asRotaError, RotaError } from '../protocol/errors.js';
import type { Ack, Held, Progress, Report } from '../protocol/frames.js';
import type { Json } from '../protocol/json.js';
import { LIMITS } from '../protocol/limits.js';
import { scan } from '../protocol/scan.js';
import type { EndReport } from './attempt.js';
import type { Peer } from './peer.js';

/** A report that was not acknowledged after this long is sent again. */
const RESEND_MS = 1_000;

interface Unacknowledged {
  readonly report: Report;
  sentMs: number;
}

/**
 * What an agent says of its tasks. Reports of one turn share a frame, and each is sent until it is
 * acknowledged. That a task was begun is said only of those that outlive the turn: for a tiny one the
 * outcome says it as well.
 */
export class Reports {
  readonly #peer: Peer;
  readonly #agentId: string;
  readonly #session: string;
  readonly #clock: Clock;
  readonly #unacknowledged = new Map<string, Unacknowledged>();
  readonly #begun = new Map<string, Report>();
  readonly #progress = new Map<string, Progress>();
  #outgoing: Report[] = [];
  #isScheduled = false;
  readonly #stopResending: () => void;

  constructor(peer: Peer, agentId: string, session: string, clock: Clock) {
    this.#peer = peer;
    this.#agentId = agentId;
    this.#session = session;
    this.#clock = clock;
    this.#stopResending = clock.every(RESEND_MS, () => this.#resendBefore(clock.monoMs() - RESEND_MS));
  }

  started(taskId: string, token: number): void {
    this.#begun.set(taskId, { outcome: 'accepted', taskId, token });
    this.#schedule();
  }

  ended(report: EndReport): void {
    const fitting = report.outcome === 'completed' ? withinBounds(report) : report;
    // Sent again after the outcome, `accepted` would take its place among what waits for an acknowledgement.
    this.#unacknowledged.delete(fitting.taskId);
    this.#begun.delete(fitting.taskId);
    this.#progress.delete(fitting.taskId);
    this.#outgoing.push(fitting);
    this.#schedule();
  }

  progress(taskId: string, token: number, percent: number, message?: string): void {
    const bounded = Math.min(Math.max(percent, 0), 100);
    const text = message === undefined ? {} : { message: message.slice(0, LIMITS.errorChars) };
    this.#progress.set(taskId, { taskId, token, percent: Number.isNaN(bounded) ? 0 : bounded, ...text });
    this.#schedule();
  }

  /** Takes acknowledgements; returns the tasks whose outcome has arrived. */
  acknowledge(acks: readonly Ack[]): Held[] {
    const done: Held[] = [];
    for (const { taskId, token, outcome, accepted, code } of acks) {
      // Meant for a process of this name that came before; who was replaced learns so by its heartbeat.
      if (code === 'SESSION_REPLACED') continue;
      const waiting = this.#unacknowledged.get(taskId)?.report;
      if (waiting?.token === token && waiting.outcome === outcome) this.#unacknowledged.delete(taskId);
      // A refusal is final whatever was reported: the task is another's.
      if (outcome !== 'accepted' || !accepted) done.push({ taskId, token });
    }
    return done;
  }

  forget(taskId: string, token: number): void {
    this.#begun.delete(taskId);
    this.#progress.delete(taskId);
    if (this.#unacknowledged.get(taskId)?.report.token === token) this.#unacknowledged.delete(taskId);
  }

  /** Sends everything again that waits for an acknowledgement: the connection was lost, say. */
  resend(): void {
    this.#resendBefore(Number.POSITIVE_INFINITY);
  }

  close(): void {
    this.#stopResending();
    this.#unacknowledged.clear();
    this.#begun.clear();
    this.#progress.clear();
    this.#outgoing = [];
  }

  #resendBefore(sentMs: number): void {
    for (const waiting of this.#unacknowledged.values()) {
      if (waiting.sentMs <= sentMs) this.#outgoing.push(waiting.report);
    }
    if (this.#outgoing.length > 0) this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#clock.defer(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const reports = [...this.#begun.values(), ...this.#outgoing];
    const progress = [...this.#progress.values()];
    this.#begun.clear();
    this.#progress.clear();
    this.#outgoing = [];
    const sentMs = this.#clock.monoMs();
    for (const report of reports) this.#unacknowledged.set(report.taskId, { report, sentMs });
    this.#send('report', reports, (items) => ({ session: this.#session, reports: items }));
    this.#send('progress', progress, (items) => ({ session: this.#session, progress: items }));
  }

  #send<T>(verb: 'report' | 'progress', items: readonly T[], toFrame: (items: readonly T[]) => object): void {
    if (items.length === 0) return;
    const subject = this.#peer.subjects.from(this.#agentId, verb);
    try {
      for (const frame of encodeBatches(items, toFrame, LIMITS)) {
        if (verb === 'report') failpoint('report.before');
        this.#peer.publish(subject, frame);
        if (verb === 'report') failpoint('report.after');
      }
    } catch {
      // A connection that is gone for good takes nothing, and a server may take less than the protocol
      // allows. What is not acknowledged is sent again, and by itself, until its task is given up.
      if (items.length > 1) for (const item of items) this.#send(verb, [item], toFrame);
    }
  }
}

/** Levels, and values at most, that a report frame puts around a result. */
const REPORT_DEPTH = 3;
const REPORT_NODES = 32;

/** A result that can't travel fails its attempt, with the reason, instead of being sent for ever. */
function withinBounds(report: Extract<EndReport, { outcome: 'completed' }>): EndReport {
  const error = unfit(report.result);
  if (error === undefined) return report;
  const { taskId, token, durationMs } = report;
  return { outcome: 'failed', taskId, token, durationMs, error: error.toWire() };
}

/** Why a result can't travel; undefined when it can. */
function unfit(result: Json): RotaError | undefined {
  try {
    const bytes = pack(result);
    if (bytes.length > LIMITS.payloadBytes) {
      const problem = `The result has ${bytes.length} bytes, the limit is ${LIMITS.payloadBytes}.`;
      return new RotaError('RESULT_TOO_LARGE', problem);
    }
    scan(bytes, { nodes: LIMITS.nodes - REPORT_NODES, depth: LIMITS.depth - REPORT_DEPTH });
    return undefined;
  } catch (thrown) {
    return new RotaError('INVALID_VALUE', `The result can't travel: ${asRotaError(thrown, 'INVALID_VALUE').message}`);
  }
}
