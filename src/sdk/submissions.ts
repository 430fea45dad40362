import type { Ids } from '../ids.js';
import { encodeBatches, validate } from '../protocol/codec.js';
import { CancelReply, OrchestrateReply, SubmitReply } from '../protocol/frames.js';
import { LIMITS } from '../protocol/limits.js';
import {
  type OrchestrationInput,
  OrchestrationSpecSchema,
  type TaskSpec,
  TaskSpecSchema,
  type TaskStatus,
  withoutDefaults,
} from '../protocol/task.js';
import type { Client, StartedOrchestration, SubmitOptions, SubmitTask } from './client-api.js';
import type { Line } from './line.js';
import type { Outcomes } from './outcomes.js';

/** What a client starts and stops. */
export type Submissions = Pick<Client, 'submit' | 'submitMany' | 'orchestrate' | 'cancel' | 'cancelOrchestration'>;

export function createSubmissions(line: Line, outcomes: Outcomes, ids: Ids): Submissions {
  const submitMany = async (tasks: readonly SubmitTask[], { watch = 'end' }: SubmitOptions = {}): Promise<string[]> => {
    const byPool = new Map<string, TaskSpec[]>();
    const specs = tasks.map(({ pool, ...task }) => {
      const spec = toSpec(task, ids);
      const specs = byPool.get(pool);
      if (specs === undefined) byPool.set(pool, [spec]);
      else specs.push(spec);
      return spec;
    });
    // All are encoded before one is sent: what can't be has sent nothing.
    const frames = [...byPool].flatMap(([pool, specs]) => {
      const subject = line.poolSubject('submit', pool);
      const said = specs.map(withoutDefaults);
      return encodeBatches(said, (items) => ({ watch, tasks: items }), LIMITS).map((bytes) => ({ subject, bytes }));
    });
    for (const spec of specs) outcomes.expectTask(spec.id);
    const requests = frames.map(({ subject, bytes }) => line.send(subject, bytes, SubmitReply));
    for (const reply of await Promise.all(requests)) {
      // What was submitted before may have ended before, and is told of no more.
      for (const { id, duplicate } of reply.tasks) if (duplicate) outcomes.forgetTask(id);
    }
    return specs.map((spec) => spec.id);
  };

  return {
    submitMany,
    async submit(task: SubmitTask, options?: SubmitOptions): Promise<string> {
      const [id] = await submitMany([task], options);
      return id as string;
    },
    async orchestrate(
      input: Omit<OrchestrationInput, 'id'> & { id?: string },
      { watch = 'end' }: SubmitOptions = {},
    ): Promise<StartedOrchestration> {
      const orchestration = validate(OrchestrationSpecSchema, { ...input, id: input.id ?? ids() });
      outcomes.expectOrchestration(orchestration.id);
      const frame = { watch, orchestration: { ...orchestration, tasks: orchestration.tasks.map(withoutDefaults) } };
      const { id, taskIds, duplicate } = await line.ask('orchestrate', frame, OrchestrateReply);
      if (duplicate) outcomes.forgetOrchestration(id);
      return { id, taskIds, duplicate };
    },
    async cancel(taskIds: string | readonly string[]): Promise<Record<string, TaskStatus | undefined>> {
      const all = typeof taskIds === 'string' ? [taskIds] : taskIds;
      const statuses: Record<string, TaskStatus | undefined> = {};
      for (let from = 0; from < all.length; from += LIMITS.tasksPerFrame) {
        const some = all.slice(from, from + LIMITS.tasksPerFrame);
        const { tasks } = await line.ask('cancel', { taskIds: some }, CancelReply);
        for (const { id, status } of tasks) statuses[id] = status;
      }
      return statuses;
    },
    async cancelOrchestration(id: string, mode: 'abort' | 'drain' = 'abort'): Promise<void> {
      await line.ask('cancel', { orchestrationId: id, mode }, CancelReply);
    },
  };
}

/**
 * A task with its id and all defaults.
 *
 * @throws RotaError INVALID_VALUE
 */
export function toSpec({ id, ...fields }: Omit<SubmitTask, 'pool'>, ids: Ids): TaskSpec {
  return validate(TaskSpecSchema, { ...fields, id: id ?? ids() });
}
