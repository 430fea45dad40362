import { z } from 'zod';
import { LIMITS } from '../protocol/limits.js';
import { Name } from '../protocol/names.js';
import { NodeSpecSchema, type OrchestrationInput, OrchestrationSpecSchema } from '../protocol/task.js';

const node = NodeSpecSchema.shape;

/** The wire's fields without the wire's defaults, so that the file's own `defaults` come before them. */
const shared = {
  workType: node.workType.unwrap().optional(),
  strategy: node.strategy,
  priority: node.priority.unwrap().optional(),
  maxAttempts: node.maxAttempts.unwrap().optional(),
  backoffMs: node.backoffMs.unwrap().optional(),
  timeoutMs: node.timeoutMs,
};

const FileTaskSchema = z.strictObject({
  pool: node.pool,
  dependsOn: node.dependsOn.unwrap().optional(),
  capabilities: node.capabilities.unwrap().optional(),
  roles: node.roles.unwrap().optional(),
  assignee: node.assignee,
  excludeAgents: node.excludeAgents.unwrap().optional(),
  embedding: node.embedding,
  payload: node.payload.unwrap().optional(),
  ...shared,
});

const taskCount = (tasks: object) => Object.keys(tasks).length;

/** What an orchestration file holds: a graph of tasks, each under its key. */
export const OrchestrationFileSchema = z.strictObject({
  name: OrchestrationSpecSchema.shape.name,
  /** How the pools pick for its tasks, instead of as their policies say. */
  strategy: OrchestrationSpecSchema.shape.strategy,
  /** What every task gets that does not say otherwise. */
  defaults: z.strictObject(shared).optional(),
  tasks: z
    .record(Name, FileTaskSchema)
    .refine((tasks) => taskCount(tasks) > 0, 'expected at least one task')
    .refine(
      (tasks) => taskCount(tasks) <= LIMITS.tasksPerOrchestration,
      `expected at most ${LIMITS.tasksPerOrchestration} tasks`,
    ),
});
export type OrchestrationFile = z.infer<typeof OrchestrationFileSchema>;

/** The orchestration that a file describes, ready to be submitted as `id`. */
export function toOrchestration(file: OrchestrationFile, id: string): OrchestrationInput {
  return {
    id,
    name: file.name,
    ...(file.strategy === undefined ? {} : { strategy: file.strategy }),
    tasks: Object.entries(file.tasks).map(([key, task]) => ({ key, ...file.defaults, ...task })),
  };
}
