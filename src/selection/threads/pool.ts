import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import type { Clock } from '../../clock.js';
import type { ScoreJob, ScoreOutcome } from '../score-job.js';
import { type FailureKind, failed, type ScoreFailure, wordsOf } from './failure.js';
import { Rests } from './rests.js';
import { Run } from './run.js';
import type { RunBegun, RunRequest } from './worker.js';

export interface ScoringThreadsOptions {
  readonly clock: Clock;
  /** Threads that stay when there is nothing to do. Default 0. */
  readonly minThreads?: number;
  /** Default: one for each core but one, and two at least, so that a scorer that hangs holds up nobody else's. */
  readonly maxThreads?: number;
  /** Jobs that may wait for a thread. Default 256. */
  readonly maxQueue?: number;
  /** For how long a thread without work is kept. Default 30,000. */
  readonly idleMs?: number;
  /** Within it a job has a thread and its scorer is loaded; the deadline of its scoring counts from then. Default 2,000. */
  readonly startMs?: number;
  /**
   * Heap of one thread, default 256. It stops what grows in small steps. A single allocation that goes far beyond it,
   * such as an array of ten million, makes V8 end the whole process: a short deadline is what keeps modules from that.
   */
  readonly memoryMb?: number;
}

export interface ScoringStats {
  readonly threads: number;
  readonly running: number;
  readonly waiting: number;
  readonly scored: number;
  readonly failed: Readonly<Record<FailureKind, number>>;
}

export interface ScoringThreads {
  /** Never rejects: whatever goes wrong is a failure with its reason. */
  score(job: ScoreJob): Promise<ScoreOutcome>;
  /** Ends the threads. Jobs that have no scores yet fail. */
  close(): Promise<void>;
  readonly stats: ScoringStats;
}

/** Threads for scorers that may hang, throw or be slow. There are none until the first job comes. */
export function createScoringThreads(options: ScoringThreadsOptions): ScoringThreads {
  return new PiscinaThreads({
    minThreads: 0,
    maxThreads: Math.max(2, availableParallelism() - 1, options.minThreads ?? 0),
    maxQueue: 256,
    idleMs: 30_000,
    startMs: 2_000,
    memoryMb: 256,
    ...options,
  });
}

const CLOSED = failed('queueFull', 'the scoring threads were closed');

/**
 * Owns the queue; piscina owns the threads. Piscina gets no more jobs than it may have threads, because jobs that can
 * be aborted pass by its `maxQueue`, and because it starts no thread for jobs that wait behind one that was killed.
 *
 * What must hold: each job has exactly one outcome; as long as jobs wait, `maxThreads` of them run.
 */
class PiscinaThreads implements ScoringThreads {
  readonly #options: Required<ScoringThreadsOptions>;
  readonly #waiting = new Set<Run>();
  readonly #running = new Map<number, Run>();
  readonly #rests = new Rests();
  readonly #failed = { threw: 0, deadline: 0, memory: 0, nonsense: 0, queueFull: 0, unloadable: 0 };
  #scored = 0;
  #lastId = 0;
  #piscina: Piscina<RunRequest, ScoreOutcome> | undefined;
  /** Why a thread ended that had nothing to do. */
  #lastTrouble = '';
  #closing: Promise<void> | undefined;

  constructor(options: Required<ScoringThreadsOptions>) {
    this.#options = options;
  }

  get stats(): ScoringStats {
    return {
      threads: this.#piscina?.threads.length ?? 0,
      running: this.#running.size,
      waiting: this.#waiting.size,
      scored: this.#scored,
      failed: { ...this.#failed },
    };
  }

  async score(job: ScoreJob): Promise<ScoreOutcome> {
    const outcome = this.#refusal(job) ?? (await this.#enter(job));
    if ('failure' in outcome) this.#failed[outcome.failure]++;
    else this.#scored++;
    return outcome;
  }

  close(): Promise<void> {
    this.#closing ??= this.#piscina?.destroy() ?? Promise.resolve();
    for (const run of [...this.#waiting, ...this.#running.values()]) run.settle(CLOSED);
    this.#waiting.clear();
    return this.#closing;
  }

  #refusal(job: ScoreJob): ScoreFailure | undefined {
    const { maxThreads, maxQueue, clock } = this.#options;
    if (this.#closing !== undefined) return CLOSED;
    if (this.#running.size >= maxThreads && this.#waiting.size >= maxQueue) {
      return failed('queueFull', `the queue is full: waiting ${this.#waiting.size}, threads at work ${maxThreads}`);
    }
    return this.#rests.of(job.scoring.scorer, clock.monoMs());
  }

  #enter(job: ScoreJob): Promise<ScoreOutcome> {
    const { clock, startMs } = this.#options;
    const run = new Run(++this.#lastId, job, clock);
    run.limit(startMs, () => this.#whyNotBegun(run));
    run.signal.addEventListener('abort', () => this.#waiting.delete(run));
    this.#waiting.add(run);
    this.#startWaiting();
    return run.outcome;
  }

  #startWaiting(): void {
    const { maxThreads, clock } = this.#options;
    for (const run of this.#waiting) {
      if (this.#running.size >= maxThreads) return;
      this.#waiting.delete(run);
      const rest = this.#rests.of(run.job.scoring.scorer, clock.monoMs());
      if (rest === undefined) void this.#serve(run);
      else run.settle(rest);
    }
  }

  async #serve(run: Run): Promise<void> {
    const { clock } = this.#options;
    this.#running.set(run.id, run);
    this.#piscina ??= this.#createPiscina();
    const { id, job, signal } = run;
    run.settle(await this.#piscina.run({ id, job }, { signal }).catch(whyThreadEnded));
    this.#running.delete(id);
    this.#rests.note(job.scoring.scorer, await run.outcome, clock.monoMs());
    this.#startWaiting();
  }

  #createPiscina(): Piscina<RunRequest, ScoreOutcome> {
    const { minThreads, maxThreads, idleMs, memoryMb } = this.#options;
    const piscina = new Piscina<RunRequest, ScoreOutcome>({
      filename: new URL('./worker.js', import.meta.url).href,
      name: 'run',
      minThreads,
      maxThreads,
      idleTimeout: idleMs,
      concurrentTasksPerWorker: 1,
      resourceLimits: { maxOldGenerationSizeMb: memoryMb },
      recordTiming: false,
    });
    // A module may send messages of its own.
    piscina.on('message', (message: Partial<RunBegun> | null | undefined) => this.#begin(message?.begun));
    piscina.on('error', (thrown) => {
      this.#lastTrouble = wordsOf(thrown);
    });
    return piscina;
  }

  #begin(id: number | undefined): void {
    const run = id === undefined ? undefined : this.#running.get(id);
    if (run === undefined) return;
    const { deadlineMs } = run.job.scoring;
    run.limit(deadlineMs, () => `it took longer than ${deadlineMs} ms`);
  }

  #whyNotBegun(run: Run): string {
    const { startMs, maxThreads } = this.#options;
    if (this.#waiting.has(run)) return `no thread of ${maxThreads} came free within ${startMs} ms`;
    const trouble = this.#lastTrouble === '' ? '' : `; a thread ended: ${this.#lastTrouble}`;
    return `its thread or module was not ready within ${startMs} ms${trouble}`;
  }
}

/** What piscina rejects with. Of a run that was stopped it is of no account: that has its outcome already. */
function whyThreadEnded(thrown: unknown): ScoreFailure {
  const isMemory = thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_WORKER_OUT_OF_MEMORY';
  return failed(isMemory ? 'memory' : 'threw', `its thread ended: ${wordsOf(thrown)}`);
}
