import type { AgentProfile, Presence } from './agent.js';
import type { WireError } from './errors.js';
import type { Json } from './json.js';
import type { OrchestrationSpec, TaskSpec, TaskStatus, TerminalStatus, Watch } from './task.js';

/**
 * What the journal holds. An event is a fact: it says what was decided, never what to decide, so
 * applying it needs no clock, no random number and no lookup. The live state, the recovered state
 * and the tables are all made of these and nothing else.
 *
 * `atMs` is the leader's wall clock, for people to read. Deadlines are not facts: a new leader grants
 * every live lease and every backoff anew, in full, from its own monotonic clock.
 */
export type JournalEvent =
  | AgentRegistered
  | AgentPresence
  | TaskSubmitted
  | TaskAssigned
  | TaskAccepted
  | TaskReleased
  | TaskCompleted
  | TaskFailed
  | TaskCancelled
  | ReportRefused
  | OrchestrationCreated
  | OrchestrationCancelling
  | OrchestrationEnded;

/** A process of an agent joined, or an agent changed what it says of itself. */
export interface AgentRegistered {
  readonly type: 'agentRegistered';
  readonly atMs: number;
  readonly agentId: string;
  readonly session: string;
  readonly profile: AgentProfile;
  /** Its place in the pool's rotation; kept when it registers again. */
  readonly index: number;
}

export interface AgentPresence {
  readonly type: 'agentPresence';
  readonly atMs: number;
  readonly agentId: string;
  readonly presence: Presence;
}

/** A task as it is kept: what the client said, and where it came from. */
export interface TaskRecord extends TaskSpec {
  readonly pool: string;
  /** The client that is told of it. */
  readonly submittedBy: string;
  readonly watch: Watch;
  /** Order of submission within the pool. */
  readonly order: number;
  readonly createdAtMs: number;
  readonly orchestrationId?: string;
  /** Its key in the orchestration. */
  readonly key?: string;
  /** Results of what it depends on, by key. */
  readonly inputs?: Record<string, Json>;
}

export interface TaskSubmitted {
  readonly type: 'taskSubmitted';
  readonly atMs: number;
  readonly task: TaskRecord;
}

/** Why an agent was chosen. */
export interface Decision {
  readonly strategy: string;
  /** In words, for people. */
  readonly reason: string;
  /** Agents that could have taken it, the chosen one included. */
  readonly candidates: number;
}

export interface TaskAssigned {
  readonly type: 'taskAssigned';
  readonly atMs: number;
  readonly taskId: string;
  readonly pool: string;
  readonly attempt: number;
  readonly token: number;
  readonly agentId: string;
  /** The pool's rotation after this choice: the index last served. */
  readonly cursor: number;
  readonly decision: Decision;
}

/** The agent has it and works on it. */
export interface TaskAccepted {
  readonly type: 'taskAccepted';
  readonly atMs: number;
  readonly taskId: string;
  readonly token: number;
}

/** An attempt ended without a result and the task waits again. */
export interface TaskReleased {
  readonly type: 'taskReleased';
  readonly atMs: number;
  readonly taskId: string;
  readonly token: number;
  readonly agentId: string;
  /** `failed`: the agent said so, or it ran too long; `released`: the agent was lost or left. */
  readonly outcome: 'failed' | 'released';
  readonly error: WireError;
  /** Pause before the next attempt. */
  readonly backoffMs: number;
}

export interface TaskCompleted {
  readonly type: 'taskCompleted';
  readonly atMs: number;
  readonly taskId: string;
  readonly token: number;
  readonly agentId: string;
  readonly result: Json;
  readonly durationMs: number;
}

/** The task ended without a result. `token` and `agentId` name the last attempt, where there was one. */
export interface TaskFailed {
  readonly type: 'taskFailed';
  readonly atMs: number;
  readonly taskId: string;
  readonly error: WireError;
  readonly token?: number;
  readonly agentId?: string;
}

export interface TaskCancelled {
  readonly type: 'taskCancelled';
  readonly atMs: number;
  readonly taskId: string;
  readonly token?: number;
  readonly agentId?: string;
}

/** A report that was not taken. Changes nothing; recorded so that it can be explained. */
export interface ReportRefused {
  readonly type: 'reportRefused';
  readonly atMs: number;
  readonly taskId: string;
  readonly agentId: string;
  readonly token: number;
  readonly code: string;
}

export interface OrchestrationCreated {
  readonly type: 'orchestrationCreated';
  readonly atMs: number;
  readonly spec: OrchestrationSpec;
  readonly submittedBy: string;
  readonly watch: Watch;
  /** The id that each task has, by key, whether it was submitted yet or not. */
  readonly taskIds: Record<string, string>;
}

/** Nothing more of it is started; it ends when what runs has ended. */
export interface OrchestrationCancelling {
  readonly type: 'orchestrationCancelling';
  readonly atMs: number;
  readonly orchestrationId: string;
}

export interface OrchestrationEnded {
  readonly type: 'orchestrationEnded';
  readonly atMs: number;
  readonly orchestrationId: string;
  readonly status: TerminalStatus;
  /** Keys of the tasks that never ran. */
  readonly skipped: readonly string[];
  readonly reason?: string;
}

/** One durable commit: everything that a turn of the event loop produced. */
export interface JournalRow {
  readonly seq: number;
  readonly epoch: number;
  readonly events: readonly JournalEvent[];
}

// ── what the tables give back to a new leader ────────────────────────────────────────────────────

export interface AgentImage {
  readonly id: string;
  readonly session: string;
  readonly profile: AgentProfile;
  readonly index: number;
  readonly presence: Presence;
}

/** A task that has not ended. */
export interface TaskImage {
  readonly task: TaskRecord;
  readonly status: Extract<TaskStatus, 'pending' | 'assigned' | 'running'>;
  readonly attempt: number;
  readonly token: number;
  /** Present while assigned or running. */
  readonly agentId?: string;
  /** Why it waits, where it was released. */
  readonly reason?: string;
  /** The pause that its last release asked for; 0 where it was never released. */
  readonly backoffMs: number;
}

export interface PoolImage {
  readonly pool: string;
  readonly cursor: number;
  /** The highest `order` given to a task of this pool. */
  readonly lastOrder: number;
  readonly agents: readonly AgentImage[];
  readonly tasks: readonly TaskImage[];
}

/** How one task of an orchestration stands; one without an entry was not submitted yet. */
export interface NodeImage {
  readonly key: string;
  readonly status: TaskStatus;
  readonly result?: Json;
  readonly error?: WireError;
}

/** An orchestration that has not ended. */
export interface OrchestrationImage {
  readonly spec: OrchestrationSpec;
  readonly submittedBy: string;
  readonly watch: Watch;
  readonly taskIds: Record<string, string>;
  /** It was cancelled, and some of its tasks run still. */
  readonly isCancelling: boolean;
  readonly nodes: readonly NodeImage[];
}

/** Everything that a new leader starts from: the tables, and the journal's rows that they lack. */
export interface Recovered {
  readonly epoch: number;
  /** The journal's last row; the next is `seq + 1`. */
  readonly seq: number;
  readonly pools: readonly PoolImage[];
  readonly orchestrations: readonly OrchestrationImage[];
  /** No task in the tables whose id sorts by time has a later one; empty where there is none. */
  readonly newestId: string;
  readonly tail: readonly JournalRow[];
}
