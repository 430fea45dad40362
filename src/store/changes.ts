import type {
  AgentsTable,
  AttemptsTable,
  OrchestrationsTable,
  OrchestrationTasksTable,
  PoolsTable,
  RefusalsTable,
  TasksTable,
} from './schema.js';

/** A row that is new, or takes the place of the one with its key; or new values of one that is there. */
export type Change<Row> =
  | { readonly kind: 'insert'; readonly row: Row }
  | { readonly kind: 'patch'; readonly values: Partial<Row> };

/** The end of an attempt. It applies to an open attempt alone: the first end stands. */
export interface AttemptEnd {
  readonly task_id: string;
  readonly token: number;
  readonly outcome: Exclude<AttemptsTable['outcome'], 'open'>;
  readonly error: string | null;
  readonly ended_at_ms: number;
}

export interface AgentCount {
  readonly completed: number;
  readonly failed: number;
}

/**
 * What a batch of journal rows changes, at most one change for each row of a table. The order in
 * which the tables are written does not matter, and neither does how the journal was cut into batches.
 */
export interface Changes {
  /** By pool; what is absent stays, or is as in a new pool. */
  readonly pools: Map<string, Partial<Omit<PoolsTable, 'pool'>>>;
  readonly agents: Map<string, Change<AgentsTable>>;
  readonly tasks: Map<string, Change<TasksTable>>;
  /** Attempts of this batch, by task and token, with their end where they ended in it. */
  readonly attempts: Map<string, AttemptsTable>;
  /** Ends of attempts of earlier batches. Whoever applies one that finds its attempt open counts it. */
  readonly ends: Map<string, { readonly end: AttemptEnd; readonly agentId: string | undefined }>;
  /** What to add to an agent's totals for `attempts`. */
  readonly counts: Map<string, AgentCount>;
  readonly refusals: RefusalsTable[];
  readonly orchestrations: Map<string, Change<OrchestrationsTable>>;
  readonly orchestrationTasks: OrchestrationTasksTable[];
}

/** Counts an attempt that ended `completed` or `failed`; other ends say nothing of the agent. */
export function count(counts: Map<string, AgentCount>, agentId: string, outcome: AttemptsTable['outcome']): void {
  if (outcome !== 'completed' && outcome !== 'failed') return;
  const entry = counts.get(agentId) ?? { completed: 0, failed: 0 };
  counts.set(agentId, { ...entry, [outcome]: entry[outcome] + 1 });
}
