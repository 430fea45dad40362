import { toTaskEvent } from '../machines/pool-task.js';
import { waitsByItself } from '../machines/why-waiting.js';
import { packedSize } from '../protocol/codec.js';
import type { NodeState, Query, TaskDetail, TaskRow } from '../protocol/frames.js';
import { LIMITS } from '../protocol/limits.js';
import { isTerminal, type TaskEvent, type TaskStatus } from '../protocol/task.js';
import type { OrchestrationDetail } from '../store/store.js';
import { explainStored, explainTask } from './explanation.js';
import { knownTasks, unknownOrchestration, unknownTask } from './knowledge.js';
import type { Leader } from './leader.js';
import { type Reader, replayDecision } from './replay.js';

/** What the coordinator is asked: from its tables, and from memory where that knows it better. */

/** @throws RotaError which goes to the sender as an error reply. */
export async function answerQuery(leader: Leader, query: Query): Promise<object> {
  switch (query.query) {
    case 'events':
      return taskEvents(leader, query.taskIds);
    case 'task':
      return { task: await taskDetail(leader, query.taskId) };
    case 'tasks': {
      const { v: _, query: __, ...filter } = query;
      return { tasks: asManyAsFit(withReasons(leader, await leader.store.tasks(filter))) };
    }
    case 'explain':
      return { explanation: await explainTask(leader, query.taskId) };
    case 'status':
      return leader.status();
    case 'metrics':
      return { metrics: leader.metrics() };
    default:
      return answerStored(leader, query);
  }
}

/** The same from the store alone; undefined for what it can't answer. */
export async function answerFromStore(reader: Reader, query: Query): Promise<object | undefined> {
  switch (query.query) {
    case 'task': {
      const task = await reader.store.task(query.taskId);
      if (task === undefined) throw unknownTask(query.taskId);
      return { task };
    }
    case 'tasks': {
      const { v: _, query: __, ...filter } = query;
      return { tasks: asManyAsFit(await reader.store.tasks(filter)) };
    }
    case 'explain':
      return { explanation: await explainStored(reader, query.taskId) };
    case 'events':
    case 'status':
    case 'metrics':
      return undefined;
    default:
      return answerStored(reader, query);
  }
}

type StoredQuery = Exclude<Query, { query: 'events' | 'task' | 'tasks' | 'explain' | 'status' | 'metrics' }>;

/** What the store knows as well as any leader. */
async function answerStored(reader: Reader, query: StoredQuery): Promise<object> {
  const { store } = reader;
  switch (query.query) {
    case 'agents':
      return { agents: asManyAsFit(await store.agents(query.pool)) };
    case 'orchestration': {
      const stored = await store.orchestration(query.orchestrationId);
      if (stored === undefined) throw unknownOrchestration(query.orchestrationId);
      return { orchestration: stored.orchestration, nodes: nodeStates(stored) };
    }
    case 'decisions': {
      const { v: _, query: __, ...filter } = query;
      return { decisions: asManyAsFit(await store.decisions(filter)) };
    }
    case 'performance': {
      const { v: _, query: __, ...filter } = query;
      return { performance: asManyAsFit(await store.performance(filter)) };
    }
    case 'replay':
      return { replay: await replayDecision(reader, query.taskId, query.token) };
  }
}

async function taskEvents(leader: Leader, ids: readonly string[]): Promise<object> {
  const known = await knownTasks(leader, ids);
  const events: TaskEvent[] = [];
  const unknown: string[] = [];
  for (const id of ids) {
    const task = leader.system.task(id);
    const event = task === undefined ? known.get(id)?.event : toTaskEvent(task);
    if (event === undefined) unknown.push(id);
    else events.push(event);
  }
  return { events, unknown };
}

async function taskDetail(leader: Leader, taskId: string): Promise<TaskDetail> {
  const detail = await leader.store.task(taskId);
  if (detail === undefined) throw unknownTask(taskId);
  const task = leader.system.task(taskId);
  if (task === undefined || isTerminal(task.status)) return detail;
  const selector = leader.system.selectorOf(task.record.pool);
  const reason = selector.whyWaiting(task);
  return {
    ...detail,
    ...(reason === undefined
      ? {}
      : { task: { ...detail.task, reason }, unschedulableReasons: selector.unschedulableReasons(task) }),
    ...(task.progress === undefined ? {} : { progress: task.progress }),
  };
}

/** Each task that waits with why, as things are now. Those of a pool that ask for the same wait for the same. */
function withReasons(leader: Leader, rows: readonly TaskRow[]): TaskRow[] {
  const known = new Map<string, string | undefined>();
  return rows.map((row) => {
    const task = leader.system.task(row.id);
    // The table may be a moment behind: it is told as it is there.
    if (task?.status !== 'pending' || row.status !== 'pending') return row;
    const key = waitsByItself(task, leader.monoMs) ? row.id : `${row.pool} ${task.requirement.key}`;
    if (!known.has(key)) known.set(key, leader.system.selectorOf(row.pool).whyWaiting(task));
    const reason = known.get(key);
    return reason === undefined ? row : { ...row, reason };
  });
}

/** Rows share a frame with their envelope. */
export const ROWS_BYTES = LIMITS.frameBytes - 1_024;

/** The first of the rows, if not all fit a frame. */
function asManyAsFit<T>(rows: readonly T[]): readonly T[] {
  return packedSize(rows) <= ROWS_BYTES ? rows : asManyAsFit(rows.slice(0, rows.length >> 1));
}

function nodeStates({ tasks, nodes, skipped }: OrchestrationDetail): NodeState[] {
  const states = new Map<string, TaskStatus>(nodes.map((node) => [node.key, node.status]));
  return tasks.map((task) => ({
    ...task,
    state: skipped.includes(task.key) ? 'skipped' : (states.get(task.key) ?? 'waiting'),
  }));
}
