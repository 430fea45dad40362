import type { Clock } from '../clock.js';
import type { Random } from '../ids.js';
import type { AgentProfileInput, Difficulty } from '../protocol/agent.js';
import type { RoutingDecision } from '../protocol/decision.js';
import type { WireError } from '../protocol/errors.js';
import type {
  AgentRow,
  Explanation,
  MetricsReport,
  NodeState,
  OrchestrationEvent,
  OrchestrationRow,
  PerformanceRow,
  PoolStatus,
  ProgressEvent,
  Replay,
  TaskDetail,
  TaskRow,
} from '../protocol/frames.js';
import type { Json } from '../protocol/json.js';
import type { OrchestrationInput, TaskEvent, TaskInput, TaskStatus, TerminalStatus, Watch } from '../protocol/task.js';
import type { Transport } from '../transport/transport.js';

/** What users see of a client. Its parts each implement some of it; nothing here has a body. */

export interface ClientOptions {
  readonly transport: Transport;
  /** Who the client is, and where its results are sent. A new name each time by default. */
  readonly id?: string;
  /** Default `rota`. */
  readonly namespace?: string;
  /** How long a request is repeated while no coordinator answers. Default 30,000. */
  readonly patienceMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** A task to submit. `id` makes a repeated submit harmless; a new one is made where there is none. */
export interface SubmitTask extends Omit<TaskInput, 'id'> {
  readonly pool: string;
  readonly id?: string;
}

/** How a task ended. */
export interface TaskOutcome {
  readonly taskId: string;
  readonly status: TerminalStatus;
  /** Of a completed task. */
  readonly result?: Json;
  /** Of a failed task. */
  readonly error?: WireError;
  readonly agentId?: string;
  readonly attempt: number;
}

export interface StartedOrchestration {
  readonly id: string;
  /** The id of each task, by its key. */
  readonly taskIds: Record<string, string>;
  /** It was known already, and goes on or has ended. */
  readonly duplicate: boolean;
}

/** How an orchestration ended. */
export interface OrchestrationOutcome {
  readonly id: string;
  readonly status: TerminalStatus;
  readonly nodes: readonly NodeState[];
}

/** What a client is told as it happens. It may be told twice of the same, and miss some: queries are the truth. */
export type Update =
  | { readonly kind: 'task'; readonly event: TaskEvent }
  | { readonly kind: 'progress'; readonly event: ProgressEvent }
  | { readonly kind: 'orchestration'; readonly event: OrchestrationEvent };

export interface SubmitOptions {
  /** `all`: updates of each change, not of the end alone. */
  readonly watch?: Watch;
}

export interface AssignOptions {
  /** Agents that must not get it, beside those that the task names. */
  readonly excludeAgents?: readonly string[];
  /** Who hands it over: it never gets it back. */
  readonly fromAgent?: string;
  /** How often it was handed over before; more than the pool's `maxHops` is refused. Default 0. */
  readonly hops?: number;
  /** An offer that is not confirmed within it goes to the next agent. Default: no bound. */
  readonly acceptTimeoutMs?: number;
}

export interface Completion {
  /** How long the work took. Default: since it was confirmed or, where it was not, offered. */
  readonly durationMs?: number;
  /** Default: straightforward in the first attempt, tricky in a later one. */
  readonly difficulty?: Difficulty;
}

/** Told of each change of a task; with the offer to settle, as long as an agent has it. */
export type HandoffListener = (event: TaskEvent, offer: Handoff | undefined) => void;

/**
 * One offer of a task to one agent, by a client that hands the task over itself. When the offer lapses or
 * is released the next agent gets an offer of its own, which `onChange` brings: to settle this one is
 * then refused with STALE_LEASE, so that nobody settles for another.
 */
export interface Handoff {
  readonly taskId: string;
  readonly agentId: string;
  readonly token: number;
  readonly attempt: number;
  /** Why this agent. */
  readonly reason: string;
  /** The agent has taken it: the offer lapses no more. */
  confirm(): Promise<void>;
  /** The agent does not take it: another one gets it. */
  release(reason?: string): Promise<void>;
  complete(result?: Json, said?: Completion): Promise<void>;
  /** It failed for good: nobody else is tried. */
  fail(reason: string): Promise<void>;
  /** What to assign with when this agent hands the matter on: it does not come back to any that had it. */
  next(): AssignOptions;
  /** Told of all that becomes of the task after this offer, also of what did already. The returned function ends it. */
  onChange(listener: HandoffListener): () => void;
}

/** How a task goes that this client assigned: `confirm`, `release`, `complete` or `fail`. */
export type SettlementInput =
  | { readonly action: 'confirm'; readonly taskId: string; readonly token: number }
  | { readonly action: 'release'; readonly taskId: string; readonly token: number; readonly reason?: string }
  | ({
      readonly action: 'complete';
      readonly taskId: string;
      readonly token: number;
      readonly result?: Json;
    } & Completion)
  | {
      readonly action: 'fail';
      readonly taskId: string;
      readonly token: number;
      readonly reason: string;
      readonly durationMs?: number;
    };

/** `code` says why one was refused. */
export interface Settled {
  readonly taskId: string;
  readonly token: number;
  readonly accepted: boolean;
  readonly code?: string | undefined;
}

export interface TaskQuery {
  readonly status?: TaskStatus;
  readonly pool?: string;
  readonly orchestrationId?: string;
  /** Default 100, at most 1,000. */
  readonly limit?: number;
}

export interface DecisionQuery {
  readonly taskId?: string;
  readonly agentId?: string;
  readonly workType?: string;
  readonly pool?: string;
  /** Wall clock of the coordinator, milliseconds since 1970; both ends belong to it. */
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Default 100, at most 1,000. */
  readonly limit?: number;
}

export interface PerformanceQuery {
  readonly agentId?: string;
  readonly workType?: string;
  /** Default and at most 1,000. */
  readonly limit?: number;
}

export interface CoordinatorStatus {
  /** Of the coordinator that answers: it stands by where nobody leads just now. */
  readonly state: 'leading' | 'standby';
  readonly namespace: string;
  readonly epoch: number;
  readonly store: string;
  readonly version: string;
  readonly pools: readonly PoolStatus[];
}

/** An agent that does not register itself. */
export interface RegistryAgent extends AgentProfileInput {
  readonly id: string;
}

/** Every call throws RotaError; retryable errors were tried again for `patienceMs` before they are thrown. */
export interface Client {
  readonly id: string;

  /** Resolves with the task's id once it is committed. */
  submit(task: SubmitTask, options?: SubmitOptions): Promise<string>;
  /** Resolves with the ids, in order, once all are committed; each pool's tasks go in frames of up to 1,000. */
  submitMany(tasks: readonly SubmitTask[], options?: SubmitOptions): Promise<string[]>;
  /** Resolves when the task has ended, however it ended. */
  result(taskId: string, signal?: AbortSignal): Promise<TaskOutcome>;
  /** Outcomes as the tasks end, in that order. */
  results(taskIds: readonly string[], signal?: AbortSignal): AsyncIterable<TaskOutcome>;
  /** Starts a graph of tasks; the same again under the same `id` changes nothing. */
  orchestrate(
    orchestration: Omit<OrchestrationInput, 'id'> & { id?: string },
    options?: SubmitOptions,
  ): Promise<StartedOrchestration>;
  /** Resolves when the orchestration has ended, however it ended. */
  orchestrationResult(id: string, signal?: AbortSignal): Promise<OrchestrationOutcome>;
  /** Resolves with the status that each task has now; once that is `cancelled`, no result is taken any more. */
  cancel(taskIds: string | readonly string[]): Promise<Record<string, TaskStatus | undefined>>;
  /** `drain` starts nothing more and lets what runs finish; `abort`, the default, stops that too. */
  cancelOrchestration(id: string, mode?: 'abort' | 'drain'): Promise<void>;

  /**
   * Picks an agent for a task and records it, without sending the agent anything: the caller hands the
   * task over. The same `id` again, from a client of the same id, answers with the same offer.
   * Throws NO_AGENT when nobody could ever take it, NONE_AVAILABLE when nobody can now, TOO_MANY_HOPS.
   */
  assign(task: SubmitTask, options?: AssignOptions): Promise<Handoff>;
  /** Says of many assigned tasks how they go; answers for each, in order, whether that was taken. */
  settle(settlements: readonly SettlementInput[]): Promise<Settled[]>;

  /** Makes an agent known that does not register itself, or says anew what it is. */
  registerAgent(agent: RegistryAgent): Promise<void>;
  /** Forgets an agent; what it holds goes to others. A process of it that still runs registers it again. */
  deregisterAgent(id: string): Promise<void>;
  /** The agent gets nothing new, and finishes what it has. It is remembered across restarts. */
  cordon(id: string): Promise<void>;
  uncordon(id: string): Promise<void>;

  task(taskId: string): Promise<TaskDetail>;
  tasks(query?: TaskQuery): Promise<TaskRow[]>;
  agents(pool?: string): Promise<AgentRow[]>;
  orchestration(id: string): Promise<{ orchestration: OrchestrationRow; nodes: NodeState[] }>;
  status(): Promise<CoordinatorStatus>;
  /** Which agent got which task and why, the newest first. */
  decisions(query?: DecisionQuery): Promise<RoutingDecision[]>;
  /** How agents have done, by agent and work type. */
  performance(query?: PerformanceQuery): Promise<PerformanceRow[]>;
  /** Why a task is with its agent and no other, or with none, and what would change that. */
  explain(taskId: string): Promise<Explanation>;
  /** Decides again from what was recorded; without a token, the last decision of the task. */
  replay(taskId: string, token?: number): Promise<Replay>;
  /** What was counted since this coordinator leads. */
  metrics(): Promise<MetricsReport>;

  /** The returned function ends it. */
  onUpdate(listener: (update: Update) => void): () => void;
  /** Stops listening. Waiting calls reject with CLOSED. The transport stays open. */
  close(): void;
  [Symbol.dispose](): void;
}
