import type { Clock } from '../clock.js';
import type { WireError } from '../protocol/errors.js';
import type { NodeState } from '../protocol/frames.js';
import type { Json } from '../protocol/json.js';
import { isTerminal, type NodeSpec, type TaskEvent } from '../protocol/task.js';
import type { Update } from '../sdk/index.js';

/** One task of a run, as far as this process has been told. */
export interface BoardRow {
  readonly key: string;
  readonly pool: string;
  readonly dependsOn: readonly string[];
  readonly maxAttempts: number;
  taskId: string;
  state: NodeState['state'];
  attempt: number;
  agentId?: string;
  /** Why this agent, or why it waits again. */
  reason?: string;
  /** What its command said last of how far it is. */
  progress?: string;
  error?: WireError;
  result?: Json;
  /** Monotonic: of the current attempt, or the last. */
  startedMs?: number;
  endedMs?: number;
}

/**
 * Where the tasks of one run stand. Updates may be told twice or be lost: an ended task stays as it
 * ended, and `settle` takes over what the coordinator has stored.
 */
export class RunBoard {
  readonly rows: readonly BoardRow[];
  /** Tasks that nobody depends on: what the run is about. */
  readonly leaves: readonly BoardRow[];
  readonly #byTaskId = new Map<string, BoardRow>();
  readonly #byKey: ReadonlyMap<string, BoardRow>;
  readonly #dependents = new Map<string, BoardRow[]>();
  readonly #clock: Pick<Clock, 'monoMs'>;

  constructor(tasks: readonly NodeSpec[], clock: Pick<Clock, 'monoMs'>) {
    this.#clock = clock;
    this.rows = tasks.map(({ key, pool, dependsOn, maxAttempts }) => {
      return { key, pool, dependsOn, maxAttempts, taskId: '', state: 'waiting', attempt: 0 };
    });
    this.#byKey = new Map(this.rows.map((row) => [row.key, row]));
    for (const row of this.rows) {
      for (const key of row.dependsOn) {
        const dependents = this.#dependents.get(key);
        if (dependents === undefined) this.#dependents.set(key, [row]);
        else dependents.push(row);
      }
    }
    this.leaves = this.rows.filter((row) => !this.#dependents.has(row.key));
  }

  /** The run has begun, and its tasks have ids, which updates name them by. Returns the tasks that are ready. */
  begin(taskIds: Readonly<Record<string, string>>): BoardRow[] {
    for (const row of this.rows) {
      row.taskId = taskIds[row.key] ?? '';
      this.#byTaskId.set(row.taskId, row);
    }
    return this.#markReady(this.rows);
  }

  row(taskId: string): BoardRow | undefined {
    return this.#byTaskId.get(taskId);
  }

  /** Takes an update over; returns the rows that it changed. */
  apply(update: Update): BoardRow[] {
    if (update.kind === 'orchestration') return this.#skip(update.event.skipped);
    const row = this.row(update.event.taskId);
    if (row === undefined || isOver(row)) return [];
    if (update.kind === 'progress') {
      row.progress = `${update.event.percent ?? '?'} % ${update.event.message ?? ''}`.trimEnd();
      return [row];
    }
    this.#change(row, update.event);
    return row.state === 'completed' ? [row, ...this.#markReady(this.#dependents.get(row.key) ?? [])] : [row];
  }

  /** What the coordinator has stored is the truth. Of what still runs, updates know more. */
  settle(nodes: readonly NodeState[]): BoardRow[] {
    return nodes.flatMap(({ key, state }) => {
      const row = this.#byKey.get(key);
      if (row === undefined || row.state === state || !isOver({ state })) return [];
      row.state = state;
      row.endedMs ??= this.#clock.monoMs();
      return [row];
    });
  }

  count(...states: readonly NodeState['state'][]): number {
    return this.rows.filter((row) => states.includes(row.state)).length;
  }

  /** Tasks that this one still waits for. */
  missing({ dependsOn }: BoardRow): string[] {
    return dependsOn.filter((key) => this.#byKey.get(key)?.state !== 'completed');
  }

  /** How long its attempt has run, or ran; undefined when there was none. */
  elapsedMs({ startedMs, endedMs }: BoardRow): number | undefined {
    return startedMs === undefined ? undefined : (endedMs ?? this.#clock.monoMs()) - startedMs;
  }

  #change(row: BoardRow, { status, attempt, agentId, reason, result, error }: TaskEvent): void {
    const isNewAttempt = attempt !== row.attempt;
    row.state = status;
    row.attempt = attempt;
    if (agentId !== undefined) row.agentId = agentId;
    if (reason !== undefined) row.reason = reason;
    if (result !== undefined) row.result = result;
    if (error !== undefined) row.error = error;
    if (isNewAttempt) delete row.progress;
    if (isNewAttempt && attempt > 0) row.startedMs = this.#clock.monoMs();
    if (isTerminal(status)) row.endedMs = this.#clock.monoMs();
  }

  /** That a task is ready is told by nobody: it follows from the ends of those before it. */
  #markReady(rows: readonly BoardRow[]): BoardRow[] {
    const ready = rows.filter((row) => row.state === 'waiting' && this.missing(row).length === 0);
    for (const row of ready) row.state = 'pending';
    return ready;
  }

  #skip(keys: readonly string[]): BoardRow[] {
    return keys.flatMap((key) => {
      const row = this.#byKey.get(key);
      if (row === undefined || isOver(row)) return [];
      row.state = 'skipped';
      return [row];
    });
  }
}

export function isOver({ state }: Pick<BoardRow, 'state'>): boolean {
  return state === 'skipped' || (state !== 'waiting' && isTerminal(state));
}
