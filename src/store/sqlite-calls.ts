import type { RoutingDecision } from '../protocol/decision.js';
import type { WireError } from '../protocol/errors.js';
import type { AgentRow, PerformanceRow, TaskDetail, TaskRow } from '../protocol/frames.js';
import type { JournalRow, Recovered } from '../protocol/journal.js';
import type { DecisionFilter, KnownTask, OrchestrationDetail, PerformanceFilter, TaskFilter } from './store.js';

/** What the process asks of the thread that owns the file. */
export interface SqliteCalls {
  lead(holder: string, nowMs: number): Recovered;
  /** `body`: the row's events as msgpack; its buffer is handed over. */
  append(seq: number, epoch: number, body: Uint8Array): undefined;
  assertLeads(epoch: number): undefined;
  known(taskIds: readonly string[]): Map<string, KnownTask>;
  task(taskId: string): TaskDetail | undefined;
  tasks(filter: TaskFilter): TaskRow[];
  agents(pool: string | undefined): AgentRow[];
  orchestration(id: string): OrchestrationDetail | undefined;
  decisions(filter: DecisionFilter): RoutingDecision[];
  performance(filter: PerformanceFilter): PerformanceRow[];
  rows(after: number, limit: number): JournalRow[];
  close(): undefined;
}

export type SqliteRequest = {
  [Op in keyof SqliteCalls]: { readonly id: number; readonly op: Op; readonly args: Parameters<SqliteCalls[Op]> };
}[keyof SqliteCalls];

/** `opened` or `refused` comes first and once; `materialised` whenever the tables moved on. */
export type SqliteMessage =
  | { readonly kind: 'opened'; readonly materialisedSeq: number }
  | { readonly kind: 'refused'; readonly error: WireError }
  | { readonly kind: 'materialised'; readonly seq: number }
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: WireError };
