import type { Clock } from '../clock.js';
import { RotaError } from '../protocol/errors.js';
import type { Assignment, CancelNotice, Held } from '../protocol/frames.js';
import { attempt } from './attempt.js';
import type { Accept, Handler } from './handler.js';
import type { Reports } from './reports.js';

/** A task that this agent was given. */
interface HeldTask {
  readonly assignment: Assignment;
  readonly abort: AbortController;
  /** `reported` until the coordinator has acknowledged the outcome. */
  state: 'queued' | 'running' | 'reported';
}

/** Why a task is no longer this agent's before its outcome was acknowledged. */
type DropReason = CancelNotice['reason'] | 'revoked';

const ABORT_CODES = {
  cancelled: 'TASK_ENDED',
  timeout: 'TASK_TIMEOUT',
  lapsed: 'STALE_LEASE',
  revoked: 'STALE_LEASE',
} as const;

export interface WorkOptions {
  readonly handler: Handler;
  readonly accept: Accept | undefined;
  readonly maxConcurrency: number;
  readonly clock: Clock;
}

/**
 * The tasks of one agent, from their assignment to the acknowledgement of their outcome.
 *
 * Must hold:
 * - a task is held until its outcome is acknowledged, so that heartbeats keep the lease for as long as
 *   the report may still be on its way;
 * - at most `maxConcurrency` handlers run that were not aborted;
 * - the outcome of an aborted handler is not reported.
 */
export class Work {
  readonly #options: WorkOptions;
  readonly #reports: Reports;
  readonly #held = new Map<string, HeldTask>();
  readonly #queue: HeldTask[] = [];
  #running = 0;
  #isOver = false;
  #onChange: (() => void) | undefined;

  constructor(options: WorkOptions, reports: Reports) {
    this.#options = options;
    this.#reports = reports;
  }

  /** Tasks that are held, whether they run, wait or are reported. */
  get load(): number {
    return this.#held.size;
  }

  /** Whether a task is held of which nothing was reported yet. */
  get isUnderWay(): boolean {
    return [...this.#held.values()].some((task) => task.state !== 'reported');
  }

  held(): Held[] {
    return [...this.#held.values()].map(({ assignment: { taskId, token } }) => ({ taskId, token }));
  }

  /** Resolves when a task has gone, or its handler has ended. For one waiter at a time. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      this.#onChange = resolve;
    });
  }

  take(assignment: Assignment): void {
    const known = this.#held.get(assignment.taskId);
    // An assignment that was sent again, because the coordinator could not know that it had arrived.
    if (known !== undefined && known.assignment.token >= assignment.token) return;
    if (known !== undefined) this.drop({ taskId: assignment.taskId, token: known.assignment.token }, 'revoked');
    const task: HeldTask = { assignment, abort: new AbortController(), state: 'queued' };
    this.#held.set(assignment.taskId, task);
    this.#queue.push(task);
    this.#startNext();
  }

  /** The task is no longer this agent's, or its outcome has arrived. */
  drop({ taskId, token }: Held, reason?: DropReason): void {
    const task = this.#held.get(taskId);
    if (task === undefined || task.assignment.token !== token) return;
    this.#held.delete(taskId);
    this.#reports.forget(taskId, token);
    if (task.state !== 'reported') task.abort.abort(new RotaError(ABORT_CODES[reason ?? 'revoked'], `Task ${taskId}.`));
    this.#onChange?.();
  }

  /** Aborts all that runs, and starts nothing more. */
  end(error: RotaError): void {
    this.#isOver = true;
    for (const task of this.#held.values()) task.abort.abort(error);
  }

  #startNext(): void {
    while (this.#running < this.#options.maxConcurrency && !this.#isOver) {
      const task = this.#queue.shift();
      if (task === undefined) return;
      if (!task.abort.signal.aborted) void this.#run(task);
    }
  }

  async #run(task: HeldTask): Promise<void> {
    const { assignment, abort } = task;
    const { handler, accept, clock } = this.#options;
    const { taskId, token } = assignment;
    task.state = 'running';
    this.#running++;
    const slot = { isFree: false };
    const free = () => {
      if (slot.isFree) return;
      slot.isFree = true;
      this.#running--;
      this.#startNext();
    };
    // An aborted handler gives its slot back at once: what it still does is its own affair.
    abort.signal.addEventListener('abort', free, { once: true });
    const report = await attempt(assignment, {
      ...{ handler, accept, signal: abort.signal, monoMs: () => clock.monoMs() },
      started: () => this.#reports.started(taskId, token),
      progress: (percent, message) => {
        if (!abort.signal.aborted) this.#reports.progress(taskId, token, percent, message);
      },
    });
    if (!abort.signal.aborted) {
      task.state = 'reported';
      this.#reports.ended(report);
    }
    abort.signal.removeEventListener('abort', free);
    free();
    this.#onChange?.();
  }
}
