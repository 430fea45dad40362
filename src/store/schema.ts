import type { AgentProfile, Presence } from '../protocol/agent.js';
import type { AttemptRow } from '../protocol/frames.js';
import type { OrchestrationStatus, TaskStatus, Watch } from '../protocol/task.js';

/**
 * The tables as they are now; `migrations/` is how they came to be. They are for people too: JSON is
 * text, times are milliseconds since 1970, and nothing needs rota to be read.
 *
 * `journal` and `leadership` are the truth. All others are made from the journal by `fold` and could
 * be dropped and made again.
 */
export interface Schema {
  journal: JournalTable;
  leadership: LeadershipTable;
  materialised: MaterialisedTable;
  pools: PoolsTable;
  agents: AgentsTable;
  agent_totals: AgentTotalsTable;
  tasks: TasksTable;
  attempts: AttemptsTable;
  refusals: RefusalsTable;
  orchestrations: OrchestrationsTable;
  orchestration_tasks: OrchestrationTasksTable;
}

/** A value written as JSON text. */
export type JsonText = string;

/** The part of the journal that one leader writes. There is one so far. */
export const SHARD = 0;

/** `body` is the row's events as msgpack. */
interface JournalTable {
  shard: number;
  seq: number;
  epoch: number;
  body: Uint8Array;
}

/** Who leads. Its epoch guards every append. */
interface LeadershipTable {
  shard: number;
  epoch: number;
  holder: string;
  since_ms: number;
}

/** The last row of the journal that the tables hold, written with them in one transaction. */
interface MaterialisedTable {
  shard: number;
  seq: number;
}

export interface PoolsTable {
  pool: string;
  cursor: number;
  last_order: number;
}

/** What a pool starts from: nobody was served and no order was given. */
export const NEW_POOL = { cursor: -1, last_order: 0 } as const satisfies Omit<PoolsTable, 'pool'>;

export interface AgentsTable {
  id: string;
  pool: string;
  session: string;
  kind: AgentProfile['kind'];
  capabilities: JsonText;
  max_concurrency: number;
  prefetch: number;
  pool_index: number;
  presence: Presence;
  /** Of its last registration. */
  registered_at_ms: number;
}

/** How many attempts of an agent ended so. Apart from `agents`, for registering again must not reset it. */
export interface AgentTotalsTable {
  agent_id: string;
  completed: number;
  failed: number;
}

export interface TasksTable {
  id: string;
  pool: string;
  work_type: string;
  capabilities: JsonText;
  priority: number;
  payload: JsonText;
  max_attempts: number;
  backoff_ms: number;
  timeout_ms: number | null;
  submitted_by: string;
  watch: Watch;
  pool_order: number;
  orchestration_id: string | null;
  node_key: string | null;
  inputs: JsonText | null;
  status: TaskStatus;
  attempt: number;
  /** Of its last grant; 0 before the first. */
  token: number;
  /** Who has it or ended it; null while it waits. */
  agent_id: string | null;
  reason: string | null;
  result: JsonText | null;
  error: JsonText | null;
  /** The pause that its last release asked for. */
  release_backoff_ms: number;
  duration_ms: number | null;
  created_at_ms: number;
  /** When its last attempt was assigned. */
  started_at_ms: number | null;
  ended_at_ms: number | null;
  /** When its status last changed. */
  changed_at_ms: number;
}

/** One try of a task by one agent, with the decision that led to it. */
export interface AttemptsTable {
  task_id: string;
  token: number;
  attempt: number;
  agent_id: string;
  strategy: string;
  reason: string;
  candidates: number;
  outcome: AttemptRow['outcome'];
  error: JsonText | null;
  assigned_at_ms: number;
  ended_at_ms: number | null;
}

/** A report that was not taken. `seq` and `position` say where in the journal it stands. */
export interface RefusalsTable {
  task_id: string;
  seq: number;
  position: number;
  agent_id: string;
  token: number;
  code: string;
  at_ms: number;
}

export interface OrchestrationsTable {
  id: string;
  name: string;
  status: OrchestrationStatus;
  spec: JsonText;
  submitted_by: string;
  watch: Watch;
  skipped: JsonText;
  reason: string | null;
  created_at_ms: number;
  ended_at_ms: number | null;
}

/** The nodes of a graph, in its order, whether their tasks were submitted yet or not. */
export interface OrchestrationTasksTable {
  orchestration_id: string;
  position: number;
  node_key: string;
  task_id: string;
  pool: string;
}
