import { toElsewhere } from '../machines/pool-task.js';
import type { ElsewhereTask } from '../machines/selector-events.js';
import { workTypesFull } from '../machines/why-waiting.js';
import { packedSize } from '../protocol/codec.js';
import { RotaError } from '../protocol/errors.js';
import { LIMITS } from '../protocol/limits.js';
import type { KnownTask } from '../store/store.js';
import type { Leader } from './leader.js';

/** What handlers of requests find out before they act. */

/**
 * What the store knows of the tasks that memory has forgotten, or never had. A task that is forgotten while the store
 * is being asked is asked for as well, and what is submitted meanwhile is memory's, which knows it better: when this
 * resolves, each is in one of the two at most.
 */
export async function knownTasks(leader: Leader, ids: readonly string[]): Promise<ReadonlyMap<string, KnownTask>> {
  const known = new Map<string, KnownTask>();
  const asked = new Set<string>();
  for (;;) {
    const missing = ids.filter((id) => !asked.has(id) && leader.system.task(id) === undefined);
    if (missing.length === 0) break;
    for (const id of missing) asked.add(id);
    for (const [id, task] of await leader.store.known(missing)) known.set(id, task);
  }
  for (const id of known.keys()) if (leader.system.task(id) !== undefined) known.delete(id);
  return known;
}

export function assertSize(field: string, value: unknown): void {
  const size = packedSize(value);
  if (size <= LIMITS.payloadBytes) return;
  throw new RotaError('FRAME_TOO_LARGE', `${field} has ${size} bytes, the limit is ${LIMITS.payloadBytes}.`, { field });
}

/**
 * Whether the pool may have the work types of these tasks, beside those that it has.
 *
 * @throws RotaError WORK_TYPES_FULL
 */
export function assertWorkTypes(leader: Leader, pool: string, tasks: readonly { readonly workType: string }[]): void {
  const workTypes = new Set(tasks.map(({ workType }) => workType));
  const roster = leader.system.selector(pool)?.roster;
  const hasRoom = roster?.hasRoomForWorkTypes(workTypes) ?? workTypes.size <= LIMITS.workTypesPerPool;
  if (!hasRoom) throw workTypesFull(pool);
}

/** The same as a selector is told of it. Within the turn: what other pools have in memory is added. */
export function elsewhereOf(
  leader: Leader,
  pool: string,
  ids: readonly string[],
  known: ReadonlyMap<string, KnownTask>,
): Map<string, ElsewhereTask> {
  const elsewhere = new Map<string, ElsewhereTask>();
  for (const [id, task] of known) elsewhere.set(id, { ...task, status: task.event.status });
  for (const id of ids) {
    const task = leader.system.task(id);
    if (task !== undefined && task.record.pool !== pool) elsewhere.set(id, toElsewhere(task));
  }
  return elsewhere;
}

/** The ids of the tasks in memory, by pool. */
export function byPool(leader: Leader, taskIds: readonly string[]): Map<string, string[]> {
  const pools = new Map<string, string[]>();
  for (const id of taskIds) {
    const pool = leader.system.task(id)?.record.pool;
    if (pool === undefined) continue;
    const ids = pools.get(pool);
    if (ids === undefined) pools.set(pool, [id]);
    else ids.push(id);
  }
  return pools;
}

export function unknownAgent(agentId: string): RotaError {
  return new RotaError('UNKNOWN_AGENT', `Agent ${agentId} is not registered.`);
}

export function unknownTask(taskId: string): RotaError {
  return new RotaError('UNKNOWN_TASK', `There is no task ${taskId}.`, { field: 'taskId' });
}

export function unknownOrchestration(id: string): RotaError {
  return new RotaError('UNKNOWN_ORCHESTRATION', `There is no orchestration ${id}.`, { field: 'orchestrationId' });
}
