import type { RoutingDecision } from '../protocol/decision.js';
import type { WireError } from '../protocol/errors.js';
import type { AgentRow, PerformanceRow, TaskDetail, TaskRow } from '../protocol/frames.js';
import type { JournalRow, Recovered } from '../protocol/journal.js';
import type {
  DecisionFilter,
  KnownTask,
  Leadership,
  OrchestrationDetail,
  PerformanceFilter,
  TaskFilter,
} from './store.js';

/** What the process asks of the thread that owns the database. */
export interface StoreCalls {
  lead(holder: string, leaseMs: number): Recovered | undefined;
  renew(epoch: number, leaseMs: number): undefined;
  resign(epoch: number): undefined;
  leadership(): Leadership | undefined;
  /** `body`: the row's events as msgpack; its buffer is handed over. */
  append(seq: number, epoch: number, body: Uint8Array): undefined;
  known(taskIds: readonly string[]): Map<string, KnownTask>;
  task(taskId: string): TaskDetail | undefined;
  tasks(filter: TaskFilter): TaskRow[];
  agents(pool: string | undefined): AgentRow[];
  orchestration(id: string): OrchestrationDetail | undefined;
  decisions(filter: DecisionFilter): RoutingDecision[];
  performance(filter: PerformanceFilter): PerformanceRow[];
  rows(after: number, limit: number): JournalRow[];
  trim(olderThanMs: number): number;
  close(): undefined;
}

export type StoreRequest = {
  [Op in keyof StoreCalls]: { readonly id: number; readonly op: Op; readonly args: Parameters<StoreCalls[Op]> };
}[keyof StoreCalls];

/**
 * `opened` or `refused` comes once, before any answer; `materialised` whenever the tables moved; `failing` when they can't
 * follow the journal, and `following` when they do again.
 */
export type StoreMessage =
  | { readonly kind: 'opened' }
  | { readonly kind: 'refused'; readonly error: WireError }
  | { readonly kind: 'materialised'; readonly seq: number }
  | { readonly kind: 'failing'; readonly error: WireError }
  | { readonly kind: 'following' }
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: WireError };
