import type { RoutingDecision } from '../protocol/decision.js';
import type { RotaError } from '../protocol/errors.js';
import type { AgentRow, OrchestrationRow, PerformanceRow, TaskDetail, TaskRow } from '../protocol/frames.js';
import type { JournalRow, NodeImage, Recovered } from '../protocol/journal.js';
import type { OrchestrationSpec, TaskEvent, TaskStatus } from '../protocol/task.js';

/** What the store remembers of one task: enough to answer a repeated submit or report. */
export interface KnownTask {
  readonly event: TaskEvent;
  /** The token of its last grant; 0 where it had none. */
  readonly token: number;
  readonly agentId?: string;
  /** The client that hands it over, where one does. */
  readonly handedOverBy?: string;
}

export interface TaskFilter {
  readonly status?: TaskStatus | undefined;
  readonly pool?: string | undefined;
  readonly orchestrationId?: string | undefined;
  readonly limit: number;
}

/** Times are of the wall clock, both inclusive. */
export interface DecisionFilter {
  readonly taskId?: string | undefined;
  readonly agentId?: string | undefined;
  readonly workType?: string | undefined;
  readonly pool?: string | undefined;
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  readonly limit: number;
}

export interface PerformanceFilter {
  readonly agentId?: string | undefined;
  readonly workType?: string | undefined;
  readonly limit: number;
}

/** An orchestration with the tasks that it has submitted so far. */
export interface OrchestrationDetail {
  readonly spec: OrchestrationSpec;
  readonly orchestration: OrchestrationRow;
  readonly skipped: readonly string[];
  /** Every task of the graph: key, task id and pool. */
  readonly tasks: readonly { readonly key: string; readonly taskId: string; readonly pool: string }[];
  readonly nodes: readonly NodeImage[];
}

/** Who leads, as the store has it. */
export interface Leadership {
  readonly epoch: number;
  readonly holder: string;
  /** Whether its lease runs still, by the store's own clock. */
  readonly isHeld: boolean;
}

/**
 * What is remembered. One journal, appended by one leader, is the truth; tables are materialised
 * behind it, in the order of the journal, and are what reads see.
 *
 * Invariants of every implementation:
 * - S1 `append` resolves only when the row would survive a crash of the process and of the machine
 *   (as far as the store is durable at all).
 * - S2 rows are appended with seq 1, 2, 3 … without a gap, and their epochs never fall.
 * - S3 after `lead` by another holder, `append` with the older epoch rejects with DEPOSED and writes nothing.
 * - S4 every read sees all rows whose `append` resolved before it was called, whichever process appended them.
 * - S5 `lead` resolves only when the tables have caught up with the journal as it was found;
 *   `tail` is what the tables lacked at that moment, and `pools` and `orchestrations` are without it.
 * - S6 leases are timed by one clock, the store's: no two processes need to agree on the time. That the lease of
 *   a leader is over takes nothing from it by itself; what does is the `lead` of another.
 */
export interface Store {
  /** `sqlite`, `postgres` or `memory`, with what it promises, for people: `sqlite (WAL, synchronous=FULL)`. */
  readonly description: string;
  /** The last row that the tables hold. */
  readonly materialisedSeq: number;
  /**
   * Calls `tell` with the reason while the tables can't follow the journal, once, and without one when they do again.
   * Returns what ends that. A store whose tables are never behind has nothing to tell.
   */
  watchTables?(tell: (error: RotaError | undefined) => void): () => void;

  /**
   * Takes leadership with the next epoch, for `leaseMs`, where it is free: nobody ever led, it was given back, its lease
   * is over, or it is this holder's already. Undefined where another has it. A database that is empty gets its schema.
   * @throws RotaError SCHEMA_MISMATCH, STORE_FAILED
   */
  lead(holder: string, leaseMs: number): Promise<Recovered | undefined>;
  /** Lets the lease begin anew, even one that is over, if nobody led since. @throws RotaError DEPOSED, STORE_FAILED */
  renew(epoch: number, leaseMs: number): Promise<void>;
  /** Gives leadership back: whoever asks next leads. @throws RotaError DEPOSED, STORE_FAILED */
  resign(epoch: number): Promise<void>;
  /** Undefined before anybody led. */
  leadership(): Promise<Leadership | undefined>;
  /**
   * Appends one row. A repeated append of the row that is there already resolves.
   * @throws RotaError DEPOSED when another leads, or when the journal is not the one that this row continues;
   * STORE_FAILED when nothing was written.
   */
  append(row: JournalRow): Promise<void>;

  /** What is known of these tasks, ended or not. May lag by what is not materialised yet. */
  known(taskIds: readonly string[]): Promise<Map<string, KnownTask>>;
  task(taskId: string): Promise<TaskDetail | undefined>;
  /** Newest first. */
  tasks(filter: TaskFilter): Promise<TaskRow[]>;
  /** The first `LIMITS.rowsPerQuery`, by pool and place in the rotation. */
  agents(pool?: string): Promise<AgentRow[]>;
  orchestration(id: string): Promise<OrchestrationDetail | undefined>;
  /** Newest first, of agents that were deregistered too. */
  decisions(filter: DecisionFilter): Promise<RoutingDecision[]>;
  /** Of registered agents, by agent and work type. */
  performance(filter: PerformanceFilter): Promise<PerformanceRow[]>;
  /**
   * Rows of the journal behind `after`, in order: `limit` at most, and fewer where they are more than
   * `LIMITS.bytesPerRead` together, but one where there is one. Decisions are replayed from them.
   * @throws RotaError NOT_REPLAYABLE from a store that keeps none, or where the row behind `after` was trimmed.
   */
  rows(after: number, limit: number): Promise<JournalRow[]>;
  /**
   * Forgets rows of the journal that the tables have and that were appended more than `olderThanMs` ago, but never the
   * last one; `LIMITS.rowsPerTrim` at once. Resolves with how many.
   */
  trim(olderThanMs: number): Promise<number>;

  /** Waits for appends under way; after it every call rejects with CLOSED. */
  close(): Promise<void>;
}
