import type { PerformanceImage } from '../protocol/journal.js';
import { LIMITS } from '../protocol/limits.js';
import { growWorkTypeColumns, roomFor } from './columns.js';
import type { WorkTypeColumns } from './score-job.js';

export interface Performance {
  readonly successes: number;
  readonly failures: number;
  /** -Infinity where there was no execution. */
  readonly lastMs: number;
}

/** How the agents have done, by work type: one set of columns each, as long as the highest index that has any. */
export class PerformanceTable {
  /** A work type that is known and was never executed has no columns. */
  readonly #byWorkType = new Map<string, WorkTypeColumns | undefined>();

  columns(workType: string): WorkTypeColumns | undefined {
    return this.#byWorkType.get(workType);
  }

  /** Whether the pool may have all of these beside those that it has. */
  hasRoomFor(workTypes: ReadonlySet<string>): boolean {
    let size = this.#byWorkType.size;
    for (const workType of workTypes) if (!this.#byWorkType.has(workType)) size++;
    return size === this.#byWorkType.size || size <= LIMITS.workTypesPerPool;
  }

  /** Takes up one of the pool's work types, before anything is known of it. Beyond the limit none is. */
  noteWorkType(workType: string): void {
    const { size } = this.#byWorkType;
    if (size < LIMITS.workTypesPerPool && !this.#byWorkType.has(workType)) this.#byWorkType.set(workType, undefined);
  }

  note(index: number, workType: string, outcome: 'success' | 'failure', monoMs: number): void {
    const columns = this.#room(workType, index);
    const counts = outcome === 'success' ? columns.successes : columns.failures;
    counts[index] = (counts[index] ?? 0) + 1;
    columns.lastMs[index] = monoMs;
  }

  restore(index: number, { workType, successes, failures, lastMonoMs }: PerformanceImage): void {
    const columns = this.#room(workType, index);
    columns.successes[index] = successes;
    columns.failures[index] = failures;
    columns.lastMs[index] = lastMonoMs;
  }

  of(index: number, workType: string): Performance {
    const columns = this.#byWorkType.get(workType);
    return {
      successes: columns?.successes[index] ?? 0,
      failures: columns?.failures[index] ?? 0,
      lastMs: columns?.lastMs[index] ?? -Infinity,
    };
  }

  /** Whoever gets this index next starts from nothing. */
  forget(index: number): void {
    for (const columns of this.#byWorkType.values()) {
      if (columns === undefined || index >= columns.lastMs.length) continue;
      columns.successes[index] = 0;
      columns.failures[index] = 0;
      columns.lastMs[index] = -Infinity;
    }
  }

  #room(workType: string, index: number): WorkTypeColumns {
    let columns = this.#byWorkType.get(workType);
    if (columns === undefined || index >= columns.lastMs.length) {
      columns = growWorkTypeColumns(columns, roomFor(index, columns?.lastMs.length ?? 0));
      this.#byWorkType.set(workType, columns);
    }
    return columns;
  }
}
