import type { RoutingDecision } from '../protocol/decision.js';
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

/**
 * What is remembered. One journal, appended by one leader, is the truth; tables are materialised
 * behind it, in the order of the journal, and are what reads see.
 *
 * Invariants of every implementation:
 * - S1 `append` resolves only when the row would survive a crash of the process and of the machine
 *   (as far as the store is durable at all).
 * - S2 rows are appended with seq 1, 2, 3 … without a gap, and their epochs never fall.
 * - S3 after `lead` by another holder, `append` with the older epoch rejects with DEPOSED and writes nothing.
 * - S4 every read sees all rows whose `append` resolved before it was called.
 * - S5 `lead` resolves only when the tables have caught up with the journal as it was found;
 *   `tail` is what the tables lacked at that moment, and `pools` and `orchestrations` are without it.
 */
export interface Store {
  /** `sqlite` or `memory`, with what it promises, for people: `sqlite (WAL, synchronous=FULL)`. */
  readonly description: string;
  /** The last row that the tables hold. */
  readonly materialisedSeq: number;

  /** Takes leadership with the next epoch. @throws RotaError SCHEMA_MISMATCH, STORE_FAILED */
  lead(holder: string): Promise<Recovered>;
  /**
   * Appends one row. A repeated append of the row that is there already resolves.
   * @throws RotaError DEPOSED when another leads; STORE_FAILED when nothing was written.
   */
  append(row: JournalRow): Promise<void>;
  /** A leader that writes nothing asks now and then. @throws RotaError DEPOSED when another leads. */
  assertLeads(epoch: number): Promise<void>;

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
   * Rows of the journal behind `after`, in order: decisions are replayed from them.
   * @throws RotaError NOT_REPLAYABLE from a store that keeps none.
   */
  rows(after: number, limit: number): Promise<JournalRow[]>;

  /** Waits for appends under way; after it every call rejects with CLOSED. */
  close(): Promise<void>;
}
