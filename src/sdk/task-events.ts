import { RotaError } from '../protocol/errors.js';
import { QueryReplies } from '../protocol/frames.js';
import { LIMITS } from '../protocol/limits.js';
import type { TaskEvent } from '../protocol/task.js';
import type { Line } from './line.js';

/** Where some tasks stand; those that can't be told of, with the reason. */
export interface Standing {
  readonly events: readonly TaskEvent[];
  readonly failed: readonly (readonly [taskId: string, error: RotaError])[];
}

/** Asks where tasks stand, in as few frames as the tasks and their results fit. */
export async function* askWhereTheyStand(line: Line, taskIds: readonly string[]): AsyncGenerator<Standing> {
  for (let from = 0; from < taskIds.length; from += LIMITS.tasksPerFrame) {
    yield* askInHalves(line, taskIds.slice(from, from + LIMITS.tasksPerFrame));
  }
}

async function* askInHalves(line: Line, taskIds: readonly string[]): AsyncGenerator<Standing> {
  let answer: Standing;
  try {
    const { events, unknown } = await line.ask('query', { query: 'events', taskIds }, QueryReplies.events);
    answer = { events, failed: unknown.map((id) => [id, unknownTask(id)]) };
  } catch (error) {
    // Their results together fit no frame: ask for fewer.
    if (!(error instanceof RotaError) || error.code !== 'FRAME_TOO_LARGE') throw error;
    const [only] = taskIds;
    if (taskIds.length > 1 || only === undefined) {
      const middle = Math.ceil(taskIds.length / 2);
      yield* askInHalves(line, taskIds.slice(0, middle));
      yield* askInHalves(line, taskIds.slice(middle));
      return;
    }
    answer = { events: [], failed: [[only, error]] };
  }
  yield answer;
}

function unknownTask(id: string): RotaError {
  return new RotaError('UNKNOWN_TASK', `There is no task ${id}.`, { field: 'taskId' });
}
