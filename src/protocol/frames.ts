import { z } from 'zod';
import { AGENT_KINDS, AgentProfileSchema, DIFFICULTIES, Difficulty, PRESENCES } from './agent.js';
import { PROTOCOL_VERSION } from './codec.js';
import { EXCLUSIONS, FALLBACKS, RoutingDecisionSchema } from './decision.js';
import { WireErrorSchema } from './errors.js';
import { JsonValue } from './json.js';
import { LIMITS } from './limits.js';
import { Label, Name } from './names.js';
import { Strategy } from './policy.js';
import {
  ORCHESTRATION_STATUSES,
  OrchestrationSpecSchema,
  TASK_STATUSES,
  TaskEventSchema,
  TaskSpecSchema,
  Watch,
} from './task.js';

/** Every frame that travels, as docs/protocol.md describes it. All are strict: an unknown key is refused. */

const v = z.literal(PROTOCOL_VERSION);
const count = z.number().int().min(0);
const instantMs = z.number();
/** Grows by one with each grant of a task; an older one is refused. */
const token = z.number().int().min(1);
/** A held task: its id and the token it was granted with. */
const Held = z.strictObject({ taskId: Name, token });
export type Held = z.infer<typeof Held>;
const held = z.array(Held).max(2 * LIMITS.creditPerAgent);
const session = Name;

// ── agents to the coordinator ────────────────────────────────────────────────────────────────────

/** `from.<agent>.register`, a request. `session` is new for each process; `held` is what it has from before. */
export const RegisterFrame = z.strictObject({ v, session, profile: AgentProfileSchema, held });
/** How often to send heartbeats, and how long a lease lasts without one. */
export const RegisterReply = z.strictObject({
  v,
  heartbeatMs: z.number().int().min(1),
  leaseMs: z.number().int().min(1),
  revoked: held,
});

/** `from.<agent>.heartbeat`, a request: renews the lease of each task in `held`, and of no other. */
export const HeartbeatFrame = z.strictObject({ v, session, held });
/** `revoked`: tasks of `held` that are no longer this agent's; it drops them. */
export const HeartbeatReply = z.strictObject({ v, revoked: held });

export const ReportSchema = z.discriminatedUnion('outcome', [
  z.strictObject({ outcome: z.literal('accepted'), taskId: Name, token }),
  z.strictObject({
    outcome: z.literal('completed'),
    taskId: Name,
    token,
    result: JsonValue.default(null),
    durationMs: z.number().min(0),
    difficulty: Difficulty.optional(),
  }),
  z.strictObject({
    outcome: z.literal('failed'),
    taskId: Name,
    token,
    error: WireErrorSchema,
    durationMs: z.number().min(0),
    difficulty: Difficulty.optional(),
  }),
  /** It does not want it: another agent gets it, and the attempt does not count. */
  z.strictObject({
    outcome: z.literal('rejected'),
    taskId: Name,
    token,
    reason: z.string().max(LIMITS.errorChars).optional(),
  }),
]);
export type Report = z.infer<typeof ReportSchema>;
/** `from.<agent>.report`, sent again until each report is acknowledged in a `to.<agent>` frame. */
export const ReportFrame = z.strictObject({
  v,
  session,
  reports: z.array(ReportSchema).min(1).max(LIMITS.tasksPerFrame),
});

export const ProgressSchema = z.strictObject({
  taskId: Name,
  token,
  /** 0 to 100. */
  percent: z.number().min(0).max(100).optional(),
  message: z.string().max(LIMITS.errorChars).optional(),
});
export type Progress = z.infer<typeof ProgressSchema>;
/** `from.<agent>.progress`, sent once: the next one replaces it. */
export const ProgressFrame = z.strictObject({
  v,
  session,
  progress: z.array(ProgressSchema).min(1).max(LIMITS.tasksPerFrame),
});

/** `from.<agent>.leave`, a request. `draining`: no new tasks; `offline`: gone, what it still holds goes to others. */
export const LeaveFrame = z.strictObject({ v, session, presence: z.enum(['draining', 'offline']) });
export const OkReply = z.strictObject({ v });

/** To everybody: a coordinator leads from now on, or has given the lead back. `holder` tells coordinators apart. */
export const LeaderFrame = z.strictObject({ v, holder: Name, epoch: count, leads: z.boolean() });
export type LeaderFrame = z.infer<typeof LeaderFrame>;

// ── clients to the coordinator ───────────────────────────────────────────────────────────────────

/** `from.<client>.submit.<pool>`, a request. All tasks are taken, or none. */
export const SubmitFrame = z.strictObject({
  v,
  watch: Watch.default('end'),
  tasks: z.array(TaskSpecSchema).min(1).max(LIMITS.tasksPerFrame),
});
/** Sent after the commit: what is acknowledged here is on disk. `duplicate`: the id was known already. */
export const SubmitReply = z.strictObject({
  v,
  tasks: z.array(z.strictObject({ id: Name, status: z.enum(TASK_STATUSES), duplicate: z.boolean() })),
});

/** `from.<client>.orchestrate`, a request. */
export const OrchestrateFrame = z.strictObject({
  v,
  watch: Watch.default('end'),
  orchestration: OrchestrationSpecSchema,
});
/** The id of each task, by its key. */
export const OrchestrateReply = z.strictObject({
  v,
  id: Name,
  duplicate: z.boolean(),
  taskIds: z.record(Name, Name),
});

/**
 * `from.<client>.cancel`, a request: some tasks, or an orchestration with all its tasks. `abort` stops
 * what runs; `drain` lets it finish and starts nothing more.
 */
export const CancelFrame = z.strictObject({
  v,
  mode: z.enum(['abort', 'drain']).default('abort'),
  taskIds: z.array(Name).max(LIMITS.tasksPerFrame).default([]),
  orchestrationId: Name.optional(),
});
/** Each task's status now; once it says `cancelled`, no result is taken any more. */
export const CancelReply = z.strictObject({
  v,
  tasks: z.array(z.strictObject({ id: Name, status: z.enum(TASK_STATUSES).optional() })),
});

/**
 * `from.<client>.assign.<pool>`, a request: picks an agent and records it, for a client that hands the task
 * over itself. Nothing is dispatched; `settle` closes it.
 */
export const AssignFrame = z.strictObject({
  v,
  task: TaskSpecSchema,
  /** Who hands it over: it never gets it back. */
  fromAgent: Name.optional(),
  /** How often it was handed over before; beyond the pool's `maxHops` it is refused. */
  hops: count.max(LIMITS.excludedAgents).default(0),
  /** An offer that is not confirmed within it goes to the next agent. Without it there is no bound. */
  acceptTimeoutMs: z.number().int().min(1).max(LIMITS.durationMs).optional(),
});
/** Sent after the commit. The same again gets the same answer. */
export const AssignReply = z.strictObject({
  v,
  taskId: Name,
  agentId: Name,
  token,
  attempt: z.number().int().min(1),
  /** Why this agent. */
  reason: z.string(),
  duplicate: z.boolean(),
});

export const SettlementSchema = z.discriminatedUnion('action', [
  /** The agent has taken it. */
  z.strictObject({ action: z.literal('confirm'), taskId: Name, token }),
  /** The agent does not take it: another one gets it, and the client is told. */
  z.strictObject({
    action: z.literal('release'),
    taskId: Name,
    token,
    reason: z.string().max(LIMITS.errorChars).optional(),
  }),
  z.strictObject({
    action: z.literal('complete'),
    taskId: Name,
    token,
    result: JsonValue.default(null),
    durationMs: z.number().min(0).default(0),
    difficulty: Difficulty.optional(),
  }),
  /** It failed for good: nobody else is tried. */
  z.strictObject({
    action: z.literal('fail'),
    taskId: Name,
    token,
    reason: z.string().max(LIMITS.errorChars),
    durationMs: z.number().min(0).default(0),
  }),
]);
export type Settlement = z.infer<typeof SettlementSchema>;
/** `from.<client>.settle`, a request: how tasks go that this client assigned. */
export const SettleFrame = z.strictObject({
  v,
  settlements: z.array(SettlementSchema).min(1).max(LIMITS.tasksPerFrame),
});
/** In the order of the frame. `code` says why one was refused. */
export const SettleReply = z.strictObject({
  v,
  settled: z.array(z.strictObject({ taskId: Name, token, accepted: z.boolean(), code: z.string().optional() })),
});

/**
 * `from.<client>.registry`, a request: agents that do not register themselves, and what an operator does to
 * any. Registering one that is known updates it.
 */
export const RegistryFrame = z.discriminatedUnion('op', [
  z.strictObject({ v, op: z.literal('register'), agentId: Name, profile: AgentProfileSchema }),
  z.strictObject({ v, op: z.literal('deregister'), agentId: Name }),
  z.strictObject({ v, op: z.literal('cordon'), agentId: Name }),
  z.strictObject({ v, op: z.literal('uncordon'), agentId: Name }),
]);

export const QueryFrame = z.discriminatedUnion('query', [
  /** Where tasks stand, with their results: what a client asks when it may have missed an event. */
  z.strictObject({ v, query: z.literal('events'), taskIds: z.array(Name).min(1).max(LIMITS.tasksPerFrame) }),
  z.strictObject({ v, query: z.literal('task'), taskId: Name }),
  z.strictObject({
    v,
    query: z.literal('tasks'),
    status: z.enum(TASK_STATUSES).optional(),
    pool: Name.optional(),
    orchestrationId: Name.optional(),
    limit: z.number().int().min(1).max(LIMITS.rowsPerQuery).default(100),
  }),
  z.strictObject({ v, query: z.literal('agents'), pool: Name.optional() }),
  z.strictObject({ v, query: z.literal('orchestration'), orchestrationId: Name }),
  z.strictObject({ v, query: z.literal('status') }),
  /** Newest first. */
  z.strictObject({
    v,
    query: z.literal('decisions'),
    taskId: Name.optional(),
    agentId: Name.optional(),
    workType: Label.optional(),
    pool: Name.optional(),
    fromMs: instantMs.optional(),
    toMs: instantMs.optional(),
    limit: z.number().int().min(1).max(LIMITS.rowsPerQuery).default(100),
  }),
  z.strictObject({
    v,
    query: z.literal('performance'),
    agentId: Name.optional(),
    workType: Label.optional(),
    limit: z.number().int().min(1).max(LIMITS.rowsPerQuery).default(LIMITS.rowsPerQuery),
  }),
  /** Why a task is with its agent and no other, or with none. */
  z.strictObject({ v, query: z.literal('explain'), taskId: Name }),
  /** Decides again from what was recorded. Without a token: the last decision of the task. */
  z.strictObject({ v, query: z.literal('replay'), taskId: Name, token: token.optional() }),
  z.strictObject({ v, query: z.literal('metrics') }),
]);
export type Query = z.infer<typeof QueryFrame>;

// ── what queries answer ──────────────────────────────────────────────────────────────────────────

export const TaskRowSchema = z.strictObject({
  id: Name,
  pool: Name,
  workType: Label,
  capabilities: z.array(Label),
  roles: z.array(Label),
  assignee: Name.optional(),
  excludeAgents: z.array(Name),
  strategy: Strategy.optional(),
  priority: count,
  status: z.enum(TASK_STATUSES),
  attempt: count,
  maxAttempts: count,
  agentId: Name.optional(),
  orchestrationId: Name.optional(),
  key: Name.optional(),
  submittedBy: Name,
  /** Why it is where it is, in words. */
  reason: z.string().optional(),
  error: WireErrorSchema.optional(),
  createdAtMs: instantMs,
  startedAtMs: instantMs.optional(),
  endedAtMs: instantMs.optional(),
});
export type TaskRow = z.infer<typeof TaskRowSchema>;

export const AttemptRowSchema = z.strictObject({
  attempt: count,
  token,
  agentId: Name,
  /** Why this agent: the decision's reason. */
  reason: z.string(),
  strategy: z.string(),
  /** Agents that could have taken it. */
  candidates: count,
  outcome: z.enum(['open', 'completed', 'failed', 'released', 'rejected', 'cancelled']),
  error: WireErrorSchema.optional(),
  assignedAtMs: instantMs,
  endedAtMs: instantMs.optional(),
});
export type AttemptRow = z.infer<typeof AttemptRowSchema>;

/** Why a task waits: why agents can't take it, or `backoff`, `noAgent` (none is registered), `scoring`. */
export const WAITING_REASONS = [...EXCLUSIONS, 'backoff', 'noAgent', 'scoring'] as const;
export type WaitingReason = (typeof WAITING_REASONS)[number];

export const TaskDetailSchema = z.strictObject({
  task: TaskRowSchema,
  payload: JsonValue,
  result: JsonValue.optional(),
  attempts: z.array(AttemptRowSchema),
  /** Reports that came too late or from the wrong place, and why they were not taken. */
  refusals: z.array(z.strictObject({ agentId: Name, token: count, code: z.string(), atMs: instantMs })),
  progress: ProgressSchema.optional(),
  /** Of a task that waits, with the number of agents that each holds for; 0 where it is about the task. */
  unschedulableReasons: z
    .array(z.strictObject({ reason: z.enum(WAITING_REASONS), count }))
    .max(WAITING_REASONS.length)
    .optional(),
});
export type TaskDetail = z.infer<typeof TaskDetailSchema>;

export const AgentRowSchema = z.strictObject({
  id: Name,
  pool: Name,
  kind: z.enum(AGENT_KINDS),
  enabled: z.boolean(),
  availability: AgentProfileSchema.shape.availability.unwrap(),
  capabilities: z.array(Label),
  roles: z.array(Label),
  specializations: z.array(Label),
  maxConcurrency: count,
  prefetch: count,
  presence: z.enum(PRESENCES),
  cordoned: z.boolean(),
  /** Its working hours are over. */
  offDuty: z.boolean(),
  /** Tasks it holds now. */
  load: count,
  completed: count,
  failed: count,
  registeredAtMs: instantMs,
});
export type AgentRow = z.infer<typeof AgentRowSchema>;

export const OrchestrationRowSchema = z.strictObject({
  id: Name,
  name: z.string(),
  status: z.enum(ORCHESTRATION_STATUSES),
  createdAtMs: instantMs,
  endedAtMs: instantMs.optional(),
});
export type OrchestrationRow = z.infer<typeof OrchestrationRowSchema>;

/** A node that has no task yet waits for others; one with `skipped` never gets one. */
export const NodeStateSchema = z.strictObject({
  key: Name,
  taskId: Name,
  pool: Name,
  state: z.enum([...TASK_STATUSES, 'waiting', 'skipped']),
});
export type NodeState = z.infer<typeof NodeStateSchema>;

export const PoolStatusSchema = z.strictObject({
  pool: Name,
  waiting: count,
  active: count,
  agents: count,
  online: count,
});
export type PoolStatus = z.infer<typeof PoolStatusSchema>;

/** How an agent has done in one work type. */
export const PerformanceRowSchema = z.strictObject({
  agentId: Name,
  workType: Label,
  successCount: count,
  failureCount: count,
  /** Of all its executions together. */
  totalDurationMs: z.number().min(0),
  lastExecutionAtMs: instantMs.optional(),
  /** Of the last one. */
  difficultyAssessment: z.enum(DIFFICULTIES).optional(),
});
export type PerformanceRow = z.infer<typeof PerformanceRowSchema>;

/** Agents of one pool that can't take a task for the same reason. */
export const ExplainedGroupSchema = z.strictObject({
  reason: z.enum(EXCLUSIONS),
  count,
  /** Some of them. */
  agents: z.array(Name),
  /** Why not, in words. */
  why: z.string(),
  /** What would have to change for one of them to get it. */
  change: z.string(),
});
export type ExplainedGroup = z.infer<typeof ExplainedGroupSchema>;

export const ExplanationSchema = z.strictObject({
  taskId: Name,
  pool: Name,
  status: z.enum(TASK_STATUSES),
  /** Where the task stands, in a sentence. */
  summary: z.string(),
  /** What to do about a task that waits, the most promising first. */
  advice: z.array(z.string()),
  /** The last decision, where there was one. */
  decision: RoutingDecisionSchema.optional(),
  /** Agents that could take it now, or could have at the decision, beside the chosen one. */
  others: z.array(z.strictObject({ agentId: Name, why: z.string(), change: z.string() })),
  groups: z.array(ExplainedGroupSchema),
  /** Whether `others` and `groups` are of the decision's moment, of now, or only counted. */
  asOf: z.enum(['decision', 'now', 'counts']),
});
export type Explanation = z.infer<typeof ExplanationSchema>;

export const ReplaySchema = z.strictObject({
  recorded: RoutingDecisionSchema,
  replayed: RoutingDecisionSchema.optional(),
  /** Whether both are the same, byte for byte. */
  same: z.boolean(),
});
export type Replay = z.infer<typeof ReplaySchema>;

/** Since this coordinator leads. */
export const MetricsSchema = z.strictObject({
  /** Its last row, and how many of its rows the tables lack. */
  journal: z.strictObject({ seq: count, lag: count }),
  sinceMs: instantMs,
  assignments: z.array(z.strictObject({ pool: Name, strategy: Strategy, count })),
  agents: z.array(z.strictObject({ pool: Name, agentId: Name, count })),
  fallbacks: z.array(z.strictObject({ pool: Name, kind: z.enum(FALLBACKS), count })),
  /** Offers that were refused or lapsed. */
  refusals: z.array(z.strictObject({ agentId: Name, count })),
  /** Most minus least assignments of the pool's online agents. */
  distribution: z.array(z.strictObject({ pool: Name, max: count, min: count, spread: count })),
  /** From when a task could be assigned to when it was: how many took at most `leMs`, cumulative. */
  latency: z.array(z.strictObject({ leMs: z.number().nullable(), count })),
  pending: z.array(z.strictObject({ pool: Name, reason: z.enum(WAITING_REASONS), count })),
});
export type MetricsReport = z.infer<typeof MetricsSchema>;

export const QueryReplies = {
  events: z.strictObject({ v, events: z.array(TaskEventSchema), unknown: z.array(Name) }),
  task: z.strictObject({ v, task: TaskDetailSchema }),
  tasks: z.strictObject({ v, tasks: z.array(TaskRowSchema) }),
  agents: z.strictObject({ v, agents: z.array(AgentRowSchema) }),
  orchestration: z.strictObject({ v, orchestration: OrchestrationRowSchema, nodes: z.array(NodeStateSchema) }),
  status: z.strictObject({
    v,
    state: z.enum(['leading', 'standby']),
    namespace: Name,
    epoch: count,
    store: z.string(),
    /** Rows of the journal that the tables lack; of a leader. */
    lag: count.optional(),
    version: z.string(),
    pools: z.array(PoolStatusSchema),
  }),
  decisions: z.strictObject({ v, decisions: z.array(RoutingDecisionSchema) }),
  performance: z.strictObject({ v, performance: z.array(PerformanceRowSchema) }),
  explain: z.strictObject({ v, explanation: ExplanationSchema }),
  replay: z.strictObject({ v, replay: ReplaySchema }),
  metrics: z.strictObject({ v, metrics: MetricsSchema }),
} as const;

/** What any request may be answered with instead. */
export const ErrorReply = z.strictObject({ v, error: WireErrorSchema });

// ── the coordinator to one principal ─────────────────────────────────────────────────────────────

export const AssignmentSchema = z.strictObject({
  taskId: Name,
  /** 1 for the first try. */
  attempt: z.number().int().min(1),
  token,
  pool: Name,
  workType: Label,
  payload: JsonValue,
  /** Results of the tasks it depends on, by key. */
  inputs: z.record(Name, JsonValue).optional(),
  timeoutMs: z.number().int().min(1).optional(),
  orchestrationId: Name.optional(),
  key: Name.optional(),
});
export type Assignment = z.infer<typeof AssignmentSchema>;

/**
 * `outcome` is the report's: an agent that finished at once has two of one task under way, and an ack
 * of the first must not settle the second. `accepted: false` is final too: the report is refused,
 * `code` says why, and it is not sent again.
 */
export const AckSchema = z.strictObject({
  taskId: Name,
  token,
  outcome: z.enum(['accepted', 'completed', 'failed', 'rejected']),
  accepted: z.boolean(),
  code: z.string().optional(),
});
export type Ack = z.infer<typeof AckSchema>;

export const CancelNoticeSchema = z.strictObject({
  taskId: Name,
  token,
  /** `lapsed`: the offer was not accepted in time. */
  reason: z.enum(['cancelled', 'timeout', 'lapsed']),
});
export type CancelNotice = z.infer<typeof CancelNoticeSchema>;

export const ProgressEventSchema = z.strictObject({ agentId: Name, ...ProgressSchema.shape });
export type ProgressEvent = z.infer<typeof ProgressEventSchema>;

export const OrchestrationEventSchema = z.strictObject({
  orchestrationId: Name,
  status: z.enum(ORCHESTRATION_STATUSES),
  /** Tasks that will never run, because one that they depend on did not complete. */
  skipped: z.array(Name),
  reason: z.string().optional(),
});
export type OrchestrationEvent = z.infer<typeof OrchestrationEventSchema>;

/**
 * `to.<principal>`: all that one turn has for one receiver, in one frame. An agent gets the
 * acknowledgement of a report and its next task together.
 */
export const ToFrame = z.strictObject({
  v,
  assignments: z.array(AssignmentSchema).optional(),
  acks: z.array(AckSchema).optional(),
  cancels: z.array(CancelNoticeSchema).optional(),
  events: z.array(TaskEventSchema).optional(),
  orchestrations: z.array(OrchestrationEventSchema).optional(),
  progress: z.array(ProgressEventSchema).optional(),
});
export type ToFrame = z.infer<typeof ToFrame>;
