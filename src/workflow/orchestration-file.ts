import { z } from 'zod';
import { LIMITS } from '../protocol/limits.js';
import { Name } from '../protocol/names.js';
import { NodeSpecSchema, type OrchestrationInput, OrchestrationSpecSchema } from '../protocol/task.js';

const { pool, dependsOn, workType, capabilities, priority, payload, maxAttempts, backoffMs, timeoutMs } =
  NodeSpecSchema.shape;

/** The wire's fields without the wire's defaults, so that the file's own `defaults` come before them. */
const shared = {
  workType: workType.unwrap().optional(),
  priority: priority.unwrap().optional(),
  maxAttempts: maxAttempts.unwrap().optional(),
  backoffMs: backoffMs.unwrap().optional(),
  timeoutMs,
};

const FileTaskSchema = z.strictObject({
  pool,
  dependsOn: dependsOn.unwrap().optional(),
  capabilities: capabilities.unwrap().optional(),
  payload: payload.unwrap().optional(),
  ...shared,
});

const taskCount = (tasks: object) => Object.keys(tasks).length;

/** What an orchestration file holds: a graph of tasks, each under its key. */
export const OrchestrationFileSchema = z.strictObject({
  name: OrchestrationSpecSchema.shape.name,
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
    tasks: Object.entries(file.tasks).map(([key, task]) => ({ key, ...file.defaults, ...task })),
  };
}
