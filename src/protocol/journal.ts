import type { AgentProfile, Difficulty, Presence } from './agent.js';
import type { Decision } from './decision.js';
import type { WireError } from './errors.js';
import type { Json } from './json.js';
import type { Policy } from './policy.js';
import type { OrchestrationSpec, TaskSpec, TaskStatus, TerminalStatus, Watch } from './task.js';

/**
 * What the journal holds. An event is a fact: it says what was decided, never what to decide, so
 * applying it needs no clock, no random number and no lookup. The live state, the recovered state
 * and the tables are all made of these and nothing else.
 *
 * `atMs` is the leader's wall clock, for people to read. `monoMs` is the leader's monotonic clock, which
 * a new leader takes up where the last one left it: time that nobody led does not count, and no decision
 * rests on another machine's wall clock. Deadlines are not facts: a new leader grants every live lease and
 * every backoff anew, in full.
 */
export type JournalEvent =
  | AgentRegistered
  | AgentPresence
  | AgentFlagged
  | AgentDeregistered
  | PolicySet
  | RotationReset
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
  /** Its place in the pool's rotations; kept when it registers again. */
  readonly index: number;
  readonly presence: Presence;
  readonly isCordoned: boolean;
  readonly isOffDuty: boolean;
}

export interface AgentPresence {
  readonly type: 'agentPresence';
  readonly atMs: number;
  readonly agentId: string;
  readonly presence: Presence;
}

/** `cordoned`: an operator lets it take nothing new. `offDuty`: its working hours are over. */
export interface AgentFlagged {
  readonly type: 'agentFlagged';
  readonly atMs: number;
  readonly agentId: string;
  readonly flag: 'cordoned' | 'offDuty';
  readonly isSet: boolean;
}

/** It is forgotten, with its performance. Its place in the rotations is free for a newcomer. */
export interface AgentDeregistered {
  readonly type: 'agentDeregistered';
  readonly atMs: number;
  readonly agentId: string;
}

/** What the pool is ruled by from here on. */
export interface PolicySet {
  readonly type: 'policySet';
  readonly atMs: number;
  readonly pool: string;
  readonly version: string;
  readonly policy: Policy;
}

/** Rotations and history of the pool begin anew. */
export interface RotationReset {
  readonly type: 'rotationReset';
  readonly atMs: number;
  readonly pool: string;
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
  /** Whoever submitted it hands it over: it is assigned and not dispatched. */
  readonly handoff?: Handoff;
}

export interface Handoff {
  /** How often it was handed over before. */
  readonly hops: number;
  /** Who hands it over; never gets it. */
  readonly fromAgent?: string;
  /** Instead of the pool's; 0 never ends an offer. */
  readonly acceptTimeoutMs: number;
}

export interface TaskSubmitted {
  readonly type: 'taskSubmitted';
  readonly atMs: number;
  readonly task: TaskRecord;
}

export interface TaskAssigned {
  readonly type: 'taskAssigned';
  readonly atMs: number;
  readonly monoMs: number;
  readonly workType: string;
  readonly taskId: string;
  readonly pool: string;
  readonly attempt: number;
  readonly token: number;
  readonly agentId: string;
  /**
   * Which of the pool's rotations was moved. '' is that of tasks without labels, and of tasks whose labels
   * came when the pool had `LIMITS.rotationsPerPool` already.
   */
  readonly rotation: string;
  /** That rotation after this choice: the index last served. */
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

/** How an attempt ended that brought no result, and what it says of its agent. */
export interface AttemptEnded {
  /** 1 for the first; one that was rejected gives its number back. */
  readonly attempt: number;
  readonly workType: string;
  readonly monoMs: number;
  readonly token: number;
  readonly agentId: string;
  /**
   * `failed`: the agent said so, or it ran too long; `released`: the agent was lost or left; `rejected`: it
   * refused the offer or let it lapse. Only the first counts against the agent, and the last is no attempt.
   */
  readonly outcome: 'failed' | 'released' | 'rejected';
  /** As the agent measured it. */
  readonly durationMs?: number;
  readonly difficulty?: Difficulty;
}

/** An attempt ended without a result and the task waits again. */
export interface TaskReleased extends AttemptEnded {
  readonly type: 'taskReleased';
  readonly atMs: number;
  readonly taskId: string;
  readonly error: WireError;
  /** Pause before the next attempt. */
  readonly backoffMs: number;
}

export interface TaskCompleted {
  readonly type: 'taskCompleted';
  readonly atMs: number;
  readonly monoMs: number;
  readonly workType: string;
  readonly taskId: string;
  readonly token: number;
  readonly agentId: string;
  readonly result: Json;
  readonly durationMs: number;
  readonly difficulty: Difficulty;
}

/** The task ended without a result. */
export interface TaskFailed {
  readonly type: 'taskFailed';
  readonly atMs: number;
  readonly taskId: string;
  readonly error: WireError;
  /** The attempt that it ended with; absent where none was under way. */
  readonly last?: AttemptEnded;
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
  readonly isCordoned: boolean;
  readonly isOffDuty: boolean;
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
  /** When its attempt was assigned; present while assigned or running. */
  readonly assignedMonoMs?: number;
  /** Attempts that ended, by token. */
  readonly ended: readonly EndedAttempt[];
}

/** One attempt of a task that brought no result. */
export interface EndedAttempt {
  readonly attempt: number;
  readonly agentId: string;
  readonly outcome: AttemptEnded['outcome'];
  readonly error: WireError;
}

/** How an agent has done so far in one work type. */
export interface PerformanceImage {
  readonly agentId: string;
  readonly workType: string;
  readonly successes: number;
  readonly failures: number;
  readonly lastMonoMs: number;
}

/** One assignment, as the pool's history remembers it: whom, what, when. */
export interface HistoryEntry {
  /** Empty where the agent was deregistered since. */
  readonly agentId: string;
  readonly taskId: string;
  readonly monoMs: number;
}

export interface PoolImage {
  readonly pool: string;
  /** The index that each served last; none of one that served nobody yet. */
  readonly rotations: Readonly<Record<string, number>>;
  /** The highest `order` given to a task of this pool. */
  readonly lastOrder: number;
  /** Absent before the first was set. */
  readonly policy?: { readonly version: string; readonly policy: Policy };
  /** Oldest first; since the last reset, and as many as the policy remembers. */
  readonly history: readonly HistoryEntry[];
  readonly performance: readonly PerformanceImage[];
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
  /** The latest `monoMs` of the tables; the new leader's clock starts from there or from what the tail has. */
  readonly monoMs: number;
  readonly pools: readonly PoolImage[];
  readonly orchestrations: readonly OrchestrationImage[];
  /** No task in the tables whose id sorts by time has a later one; empty where there is none. */
  readonly newestId: string;
  readonly tail: readonly JournalRow[];
}
