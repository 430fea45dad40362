import type { AgentProfile, Difficulty, Presence } from '../protocol/agent.js';
import type { AttemptRow } from '../protocol/frames.js';
import type { StrategyName } from '../protocol/policy.js';
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
  rotations: RotationsTable;
  agents: AgentsTable;
  agent_performance: PerformanceTable & Numbered;
  tasks: TasksTable;
  attempts: AttemptsTable;
  routing_decisions: DecisionsTable & Numbered;
  refusals: RefusalsTable;
  orchestrations: OrchestrationsTable;
  orchestration_tasks: OrchestrationTasksTable;
}

/** A value written as JSON text. */
export type JsonText = string;

/** No or yes, in databases that have no other word for it. */
export type Flag = 0 | 1;

/** The database numbers the rows itself, in the order in which they come. */
interface Numbered {
  id: number;
}

/** The part of the journal that one leader writes. There is one so far. */
export const SHARD = 0;

/** `body` is the row's events as msgpack; `at_ms` is when it was appended, by the store's clock. */
interface JournalTable {
  shard: number;
  seq: number;
  epoch: number;
  body: Uint8Array;
  at_ms: number;
}

/**
 * Who leads. Its epoch guards every append. The lease runs for `lease_ms` from `renewed_at_ms`, by the store's clock;
 * 0 is one that was given back. One that begins in the future is over: the clock was set back.
 */
interface LeadershipTable {
  shard: number;
  epoch: number;
  holder: string;
  since_ms: number;
  renewed_at_ms: number;
  lease_ms: number;
}

/**
 * The last row of the journal that the tables hold, and the latest monotonic instant in them: written
 * with them in one transaction.
 */
interface MaterialisedTable {
  shard: number;
  seq: number;
  mono_ms: number;
}

/** Its policy is null before the first was set. Decisions up to the place of `history_after` are not its history. */
export interface PoolsTable {
  pool: string;
  last_order: number;
  policy_version: string | null;
  policy: JsonText | null;
  history_after_seq: number;
  history_after_position: number;
}

/** What a pool starts from: no order was given. */
export const NEW_POOL = {
  last_order: 0,
  policy_version: null,
  policy: null,
  history_after_seq: 0,
  history_after_position: 0,
} as const satisfies Omit<PoolsTable, 'pool'>;

/** The index that a rotation of a pool served last; none of one that served nobody since the pool's last reset. */
export interface RotationsTable {
  pool: string;
  rotation: string;
  cursor: number;
}

export interface AgentsTable {
  id: string;
  pool: string;
  session: string;
  kind: AgentProfile['kind'];
  enabled: Flag;
  availability: AgentProfile['availability'];
  capabilities: JsonText;
  roles: JsonText;
  specializations: JsonText;
  max_concurrency: number;
  prefetch: number;
  working_hours: JsonText | null;
  embedding: JsonText | null;
  pool_index: number;
  presence: Presence;
  cordoned: Flag;
  off_duty: Flag;
  /** Of its last registration. */
  registered_at_ms: number;
  /** Of its first registration since it was deregistered, if it ever was. */
  created_at_ms: number;
  /** Null: heartbeats are no facts, and leave none. */
  last_heartbeat_at_ms: number | null;
  updated_at_ms: number;
}

/** What an agent registered with again leaves as it is. */
export const AGENT_KEEPS = ['created_at_ms'] as const satisfies (keyof AgentsTable)[];

/** How an agent has done in one work type. Gone with the agent; registering again leaves it as it is. */
export interface PerformanceTable {
  agent_id: string;
  work_type: string;
  success_count: number;
  failure_count: number;
  /** As the agent measured; an execution without a measure adds nothing. */
  total_duration_ms: number;
  last_execution_at_ms: number | null;
  last_mono_ms: number;
  /** Of the last execution. */
  difficulty_assessment: Difficulty | null;
  created_at_ms: number;
  updated_at_ms: number;
}

export interface TasksTable {
  id: string;
  pool: string;
  work_type: string;
  capabilities: JsonText;
  roles: JsonText;
  assignee: string | null;
  exclude_agents: JsonText;
  strategy: StrategyName | null;
  embedding: JsonText | null;
  /** Null for a task that is dispatched. */
  handoff: JsonText | null;
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
  /** Without those that were rejected. */
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
  /** When its last attempt was assigned, by both clocks. */
  started_at_ms: number | null;
  assigned_mono_ms: number | null;
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

/**
 * Why an agent was chosen, one row for each assignment. `seq` and `position` say where in the journal it
 * stands, and its number grows with them.
 */
export interface DecisionsTable {
  task_id: string;
  token: number;
  attempt: number;
  work_type: string;
  agent_pool: string;
  /** `agent_id` while that agent is registered; null from its deregistration on, whoever takes the id later. */
  selected_agent_id: string | null;
  agent_id: string;
  strategy: StrategyName;
  policy_version: string;
  reason: string;
  candidates: number;
  excluded: JsonText;
  probability: number | null;
  seed: number | null;
  score: number | null;
  score_parts: JsonText | null;
  scorer: string | null;
  success_rate_percent: number;
  specialization_match: Flag;
  recent_context_match: Flag;
  retried: Flag;
  fallback: JsonText | null;
  runners_up: JsonText | null;
  given: JsonText | null;
  latency_ms: number;
  created_at_ms: number;
  mono_ms: number;
  seq: number;
  position: number;
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
