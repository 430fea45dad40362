import { LIMITS } from '../../protocol/limits.js';
import type { IndexBits, ScoreJob } from '../score-job.js';
import type { ScorerAgent, ScorerTask } from './scorer.js';

/**
 * What a module sees of a job. A view holds the job and an index and nothing else: every property reads
 * the shared columns when it is asked for, so ten thousand agents cost little until a module looks at them.
 */
export function viewsOf(job: ScoreJob): { readonly task: ScorerTask; readonly agents: readonly ScorerAgent[] } {
  const task = { pool: job.pool, ...job.task };
  return { task, agents: Array.from(job.candidates, (index) => new AgentView(job, index)) };
}

/** One byte of length, then the characters. */
const ID_BYTES = LIMITS.nameChars + 1;

class AgentView implements ScorerAgent {
  readonly #job: ScoreJob;
  readonly index: number;

  constructor(job: ScoreJob, index: number) {
    this.#job = job;
    this.index = index;
  }

  get id(): string {
    const { ids } = this.#job.agents;
    const start = this.index * ID_BYTES;
    return Buffer.from(ids.buffer, ids.byteOffset + start + 1, ids[start] ?? 0).toString('latin1');
  }

  get load(): number {
    return this.#job.agents.loads[this.index] ?? 0;
  }

  get recentLoad(): number {
    return this.#job.agents.recentLoads[this.index] ?? 0;
  }

  get maxConcurrency(): number {
    return this.#job.agents.maxConcurrency[this.index] ?? 0;
  }

  get freeSlots(): number {
    return Math.max(0, this.maxConcurrency - this.load);
  }

  get successes(): number {
    return this.#job.performance?.successes[this.index] ?? 0;
  }

  get failures(): number {
    return this.#job.performance?.failures[this.index] ?? 0;
  }

  get lastExecutionAgoMs(): number {
    return this.#job.monoMs - (this.#job.performance?.lastMs[this.index] ?? Number.NEGATIVE_INFINITY);
  }

  get isSpecialist(): boolean {
    const { specialists } = this.#job;
    return specialists !== undefined && hasBit(specialists, this.index);
  }

  get capabilities(): readonly string[] {
    return labelsOf(this.#job.labels?.capabilities, this.index);
  }

  get roles(): readonly string[] {
    return labelsOf(this.#job.labels?.roles, this.index);
  }

  get specializations(): readonly string[] {
    return labelsOf(this.#job.labels?.specializations, this.index);
  }

  get embedding(): Float32Array | undefined {
    const { embeddings } = this.#job;
    if (embeddings === undefined || !hasBit(embeddings.has, this.index)) return undefined;
    const start = this.index * embeddings.dimensions;
    return embeddings.values.subarray(start, start + embeddings.dimensions);
  }
}

/** The set may be shorter than the pool: who is beyond its end is not in it. */
export function hasBit(bits: IndexBits, index: number): boolean {
  return (((bits[index >>> 5] ?? 0) >>> (index & 31)) & 1) === 1;
}

function labelsOf(carriers: Readonly<Record<string, IndexBits>> = {}, index: number): string[] {
  return Object.keys(carriers).filter((label) => {
    const bits = carriers[label];
    return bits !== undefined && hasBit(bits, index);
  });
}
