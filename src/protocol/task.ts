import { z } from 'zod';
import { Embedding } from './agent.js';
import { WireErrorSchema } from './errors.js';
import { JsonValue } from './json.js';
import { LIMITS } from './limits.js';
import { Label, Name } from './names.js';
import { Strategy } from './policy.js';

/** A task waits, is offered, runs, and ends once. */
export const TASK_STATUSES = ['pending', 'assigned', 'running', 'completed', 'failed', 'cancelled'] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];
export const TERMINAL_STATUSES = ['completed', 'failed', 'cancelled'] as const satisfies readonly TaskStatus[];
export type TerminalStatus = (typeof TERMINAL_STATUSES)[number];

export function isTerminal(status: TaskStatus | OrchestrationStatus): status is TerminalStatus {
  return (TERMINAL_STATUSES as readonly string[]).includes(status);
}

const durationMs = z.number().int().min(1).max(LIMITS.durationMs);

const TASK_DEFAULTS = {
  workType: 'default',
  capabilities: [],
  roles: [],
  excludeAgents: [],
  priority: 3,
  payload: null,
  maxAttempts: 3,
  backoffMs: 1_000,
  dependsOn: [],
} as const;

/** A task without what goes without saying: frames hold twice as many. */
export function withoutDefaults<T extends object>(task: T): T {
  const defaults: Record<string, unknown> = TASK_DEFAULTS;
  const said = Object.entries(task).filter(([field, value]) => {
    const isEmptyList = Array.isArray(defaults[field]) && Array.isArray(value) && value.length === 0;
    return value !== undefined && value !== defaults[field] && !isEmptyList;
  });
  return Object.fromEntries(said) as T;
}

/** What every task says of itself, alone or inside an orchestration. */
const taskFields = {
  /** The kind of work, such as `deploy_service`; what an agent's performance is counted by. */
  workType: Label.default(TASK_DEFAULTS.workType),
  /** All of these an agent must have. */
  capabilities: z.array(Label).max(LIMITS.labels).default([]),
  /** One of these an agent must have, where there are any. */
  roles: z.array(Label).max(LIMITS.labels).default([]),
  /** The one agent that may take it. */
  assignee: Name.optional(),
  /** Agents that must not get it. */
  excludeAgents: z.array(Name).max(LIMITS.excludedAgents).default([]),
  /** Instead of the pool's. */
  strategy: Strategy.optional(),
  /** What the `semantic` scorer compares with the agents' embeddings. */
  embedding: Embedding.optional(),
  /** 1 goes first, 5 last. */
  priority: z.number().int().min(1).max(5).default(TASK_DEFAULTS.priority),
  /** What the handler gets. */
  payload: JsonValue.default(TASK_DEFAULTS.payload),
  /** Attempts before the task is failed for good. */
  maxAttempts: z.number().int().min(1).max(LIMITS.attempts).default(TASK_DEFAULTS.maxAttempts),
  /** Pause before the second attempt of a task that failed; doubles with each, with jitter. */
  backoffMs: z.number().int().min(0).max(LIMITS.durationMs).default(TASK_DEFAULTS.backoffMs),
  /** An attempt that runs longer is failed and its handler aborted. Without it there is no bound. */
  timeoutMs: durationMs.optional(),
};

/** A task as a client submits it; `id` makes a repeated submit harmless. */
export const TaskSpecSchema = z.strictObject({ id: Name, ...taskFields });
export type TaskSpec = z.infer<typeof TaskSpecSchema>;
export type TaskInput = z.input<typeof TaskSpecSchema>;

/** One task of a graph: its key names it inside the orchestration. */
export const NodeSpecSchema = z.strictObject({
  key: Name,
  pool: Name,
  /** Keys of the tasks whose completion it waits for; their results are its `inputs`. */
  dependsOn: z.array(Name).max(LIMITS.tasksPerOrchestration).default([]),
  ...taskFields,
});
export type NodeSpec = z.infer<typeof NodeSpecSchema>;

export const OrchestrationSpecSchema = z.strictObject({
  id: Name,
  name: z.string().min(1).max(200),
  /** Of its tasks that name none, instead of their pools'. */
  strategy: Strategy.optional(),
  tasks: z.array(NodeSpecSchema).min(1).max(LIMITS.tasksPerOrchestration),
});
export type OrchestrationSpec = z.infer<typeof OrchestrationSpecSchema>;
export type OrchestrationInput = z.input<typeof OrchestrationSpecSchema>;

/** `cancelling`: nothing more is started, and what runs has not ended yet. */
export const ORCHESTRATION_STATUSES = ['running', 'cancelling', ...TERMINAL_STATUSES] as const;
export type OrchestrationStatus = (typeof ORCHESTRATION_STATUSES)[number];

/** Whether a client is told of each change of its tasks, or of their end alone. */
export const Watch = z.enum(['end', 'all']);
export type Watch = z.infer<typeof Watch>;

/** A change of a task, as its submitter is told. `result` and `error` come with a terminal status. */
export const TaskEventSchema = z.strictObject({
  taskId: Name,
  status: z.enum(TASK_STATUSES),
  attempt: z.number().int().min(0),
  /** Of a task that its client hands over itself, while an agent has it: what `settle` names. */
  token: z.number().int().min(1).optional(),
  /** Wall clock of the coordinator. */
  atMs: z.number(),
  agentId: Name.optional(),
  orchestrationId: Name.optional(),
  /** Why this agent, or why it waits again, in words. */
  reason: z.string().optional(),
  result: JsonValue.optional(),
  error: WireErrorSchema.optional(),
});
export type TaskEvent = z.infer<typeof TaskEventSchema>;
