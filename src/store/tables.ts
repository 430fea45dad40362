import { type Change, type Changes, standing } from './changes.js';
import { newestFirst as newestDecisionFirst } from './decision-row.js';
import { AFTER_TIME_SORTED, historySize, type LiveRows } from './images.js';
import { MemoryHistory } from './memory-history.js';
import { plus, tally } from './performance.js';
import {
  type AgentsTable,
  type AttemptsTable,
  type DecisionsTable,
  NEW_POOL,
  type OrchestrationsTable,
  type OrchestrationTasksTable,
  type PerformanceTable,
  type PoolsTable,
  type RefusalsTable,
  type RotationsTable,
  type TasksTable,
} from './schema.js';
import type { DecisionFilter, PerformanceFilter, TaskFilter } from './store.js';
import { type AgentCounts, type NodeTask, REFUSALS_SHOWN } from './views.js';

/**
 * The tables as maps: the same rows under the same keys as the database has.
 *
 * Owns its rows; those that it hands out are for reading at once, not for keeping. Of a task's
 * refusals it holds the newest alone, and of a task that it does not have it holds none.
 */
export class Tables {
  readonly #pools = new Map<string, PoolsTable>();
  /** By pool and rotation. */
  readonly #rotations = new Map<string, RotationsTable>();
  readonly #agents = new Map<string, AgentsTable>();
  /** By agent, then by work type. */
  readonly #performance = new Map<string, Map<string, PerformanceTable>>();
  readonly #tasks = new Map<string, TasksTable>();
  /** By task, then by token. */
  readonly #attempts = new Map<string, Map<number, AttemptsTable>>();
  /** By task, each task's by token. */
  readonly #decisions = new Map<string, DecisionsTable[]>();
  readonly #history = new MemoryHistory();
  readonly #refusals = new Map<string, RefusalsTable[]>();
  readonly #orchestrations = new Map<string, OrchestrationsTable>();
  readonly #nodes = new Map<string, OrchestrationTasksTable[]>();
  #monoMs = 0;

  apply(changes: Changes): void {
    this.#monoMs = Math.max(this.#monoMs, changes.monoMs);
    this.#deregister(changes.deregistered);
    this.#register(changes.agents);
    change(this.#tasks, changes.tasks);
    change(this.#orchestrations, changes.orchestrations);
    for (const row of changes.orchestrationTasks) list(this.#nodes, row.orchestration_id).push(row);
    this.#applyAttempts(changes);
    for (const row of changes.decisions) this.#decide(row);
    for (const row of changes.refusals) this.#refuse(row);
    for (const [pool, values] of changes.pools) this.#changePool(pool, values);
    this.#rotate(changes);
  }

  /** What refers to an agent goes or is cut with it. */
  #deregister(agentIds: ReadonlySet<string>): void {
    if (agentIds.size === 0) return;
    for (const id of agentIds) {
      this.#agents.delete(id);
      this.#performance.delete(id);
    }
    for (const row of [...this.#decisions.values()].flat()) {
      if (row.selected_agent_id !== null && agentIds.has(row.selected_agent_id)) row.selected_agent_id = null;
    }
    this.#history.forget(agentIds);
  }

  #register(agents: Changes['agents']): void {
    for (const [id, made] of agents) {
      const known = this.#agents.get(id);
      if (made.kind === 'insert' && known !== undefined) made.row.created_at_ms = known.created_at_ms;
    }
    change(this.#agents, agents);
  }

  #applyAttempts({ attempts, ends }: Changes): void {
    for (const row of attempts.values()) {
      const ofTask = this.#attempts.get(row.task_id) ?? new Map<number, AttemptsTable>();
      this.#attempts.set(row.task_id, ofTask.set(row.token, row));
    }
    const executions = standing(ends, (end) => {
      const begun = this.#attempts.get(end.task_id)?.get(end.token);
      if (begun?.outcome !== 'open') return false;
      Object.assign(begun, end);
      return true;
    });
    for (const row of tally(executions)) {
      if (!this.#agents.has(row.agent_id)) continue;
      const ofAgent = this.#performance.get(row.agent_id) ?? new Map<string, PerformanceTable>();
      this.#performance.set(row.agent_id, ofAgent.set(row.work_type, plus(ofAgent.get(row.work_type), row)));
    }
  }

  #decide(row: DecisionsTable): void {
    const isRegistered = this.#agents.has(row.agent_id);
    const kept = isRegistered ? row : { ...row, selected_agent_id: null };
    list(this.#decisions, row.task_id).push(kept);
    this.#history.add(kept);
  }

  #changePool(pool: string, values: Partial<PoolsTable>): void {
    const row = { ...(this.#pools.get(pool) ?? { pool, ...NEW_POOL }), ...values };
    this.#pools.set(pool, row);
    if (values.history_after_seq !== undefined) this.#history.cut(row);
  }

  #rotate({ reset, rotations }: Changes): void {
    if (reset.size > 0) {
      for (const [key, { pool }] of this.#rotations) if (reset.has(pool)) this.#rotations.delete(key);
    }
    for (const [key, row] of rotations) this.#rotations.set(key, row);
  }

  #refuse(row: RefusalsTable): void {
    if (!this.#tasks.has(row.task_id)) return;
    const rows = list(this.#refusals, row.task_id);
    rows.push(row);
    if (rows.length > REFUSALS_SHOWN) rows.shift();
  }

  task(id: string): TasksTable | undefined {
    return this.#tasks.get(id);
  }

  /** By token. */
  attempts(taskId: string): AttemptsTable[] {
    return [...(this.#attempts.get(taskId)?.values() ?? [])].sort((a, b) => a.token - b.token);
  }

  attempt(taskId: string, token: number): AttemptsTable | undefined {
    return this.#attempts.get(taskId)?.get(token);
  }

  /** Oldest first. */
  refusals(taskId: string): readonly RefusalsTable[] {
    return this.#refusals.get(taskId) ?? [];
  }

  /** Newest first. */
  tasks({ status, pool, orchestrationId, limit }: TaskFilter): TasksTable[] {
    const matches = (row: TasksTable) =>
      (status === undefined || row.status === status) &&
      (pool === undefined || row.pool === pool) &&
      (orchestrationId === undefined || row.orchestration_id === orchestrationId);
    return first(this.#tasks.values(), matches, newestFirst, limit);
  }

  /** Newest first. */
  decisions({ taskId, agentId, workType, pool, fromMs, toMs, limit }: DecisionFilter): DecisionsTable[] {
    const matches = (row: DecisionsTable) =>
      (agentId === undefined || row.agent_id === agentId) &&
      (workType === undefined || row.work_type === workType) &&
      (pool === undefined || row.agent_pool === pool) &&
      (fromMs === undefined || row.created_at_ms >= fromMs) &&
      (toMs === undefined || row.created_at_ms <= toMs);
    const rows = taskId === undefined ? [...this.#decisions.values()].flat() : (this.#decisions.get(taskId) ?? []);
    return first(rows, matches, newestDecisionFirst, limit);
  }

  /** By agent and work type. */
  performance({ agentId, workType, limit }: PerformanceFilter): PerformanceTable[] {
    const matches = (row: PerformanceTable) =>
      (agentId === undefined || row.agent_id === agentId) && (workType === undefined || row.work_type === workType);
    const rows = [...this.#performance.values()].flatMap((ofAgent) => [...ofAgent.values()]);
    return first(rows, matches, byAgent, limit);
  }

  /** By pool and place in the rotation. */
  agents(pool?: string): AgentsTable[] {
    const rows = [...this.#agents.values()].filter((row) => pool === undefined || row.pool === pool);
    return rows.sort((a, b) => compare(a.pool, b.pool) || a.pool_index - b.pool_index || compare(a.id, b.id));
  }

  agentCounts(): (agentId: string) => AgentCounts {
    const loads = new Map<string, number>();
    for (const { status, agent_id } of this.#tasks.values()) {
      if (agent_id === null || (status !== 'assigned' && status !== 'running')) continue;
      loads.set(agent_id, (loads.get(agent_id) ?? 0) + 1);
    }
    return (id) => {
      const rows = [...(this.#performance.get(id)?.values() ?? [])];
      return {
        load: loads.get(id) ?? 0,
        completed: rows.reduce((sum, row) => sum + row.success_count, 0),
        failed: rows.reduce((sum, row) => sum + row.failure_count, 0),
      };
    };
  }

  orchestration(id: string): OrchestrationsTable | undefined {
    return this.#orchestrations.get(id);
  }

  /** In the order of the graph. */
  nodes(orchestrationId: string): readonly OrchestrationTasksTable[] {
    return this.#nodes.get(orchestrationId) ?? [];
  }

  /** Those that were submitted, in the order of the graph. */
  nodeTasks(orchestrationId: string): (NodeTask & OrchestrationTasksTable)[] {
    return this.nodes(orchestrationId).flatMap((node) => {
      const task = this.#tasks.get(node.task_id);
      if (task?.orchestration_id !== orchestrationId) return [];
      return [{ ...node, status: task.status, result: task.result, error: task.error }];
    });
  }

  /** All that has not ended. */
  live(): LiveRows {
    const orchestrations = [...this.#orchestrations.values()]
      .filter((row) => row.ended_at_ms === null)
      .sort((a, b) => a.created_at_ms - b.created_at_ms || compare(a.id, b.id));
    const pools = [...this.#pools.values()].sort((a, b) => compare(a.pool, b.pool));
    const tasks = [...this.#tasks.values()]
      .filter((row) => row.ended_at_ms === null)
      .sort((a, b) => a.pool_order - b.pool_order);
    return {
      monoMs: this.#monoMs,
      pools,
      rotations: [...this.#rotations.values()],
      history: new Map(pools.map((row) => [row.pool, this.#history.newest(row.pool, historySize(row))])),
      performance: this.performance({ limit: Number.POSITIVE_INFINITY }),
      agents: this.agents(),
      tasks,
      ended: tasks.flatMap(({ id }) => this.attempts(id)).filter(({ outcome }) => outcome !== 'open'),
      orchestrations,
      newestId: [...this.#tasks.keys()].reduce<string | null>(
        (newest, id) => (id < AFTER_TIME_SORTED && id > (newest ?? '') ? id : newest),
        null,
      ),
      nodes: orchestrations.flatMap((row) => this.nodes(row.id)),
      nodeTasks: orchestrations.flatMap((row) => this.nodeTasks(row.id)),
    };
  }

  dropTask(id: string): void {
    this.#tasks.delete(id);
    this.#attempts.delete(id);
    this.#decisions.delete(id);
    this.#refusals.delete(id);
  }

  dropOrchestration(id: string): void {
    this.#orchestrations.delete(id);
    this.#nodes.delete(id);
  }
}

function change<Row extends object>(table: Map<string, Row>, changes: Map<string, Change<Row>>): void {
  for (const [key, made] of changes) {
    if (made.kind === 'insert') {
      table.set(key, made.row);
      continue;
    }
    const row = table.get(key);
    if (row !== undefined) Object.assign(row, made.values);
  }
}

function list<Row>(table: Map<string, Row[]>, key: string): Row[] {
  const rows = table.get(key) ?? [];
  table.set(key, rows);
  return rows;
}

/** The first that match. Sorts no more than it must: there may be a million. */
function first<Row>(
  rows: Iterable<Row>,
  matches: (row: Row) => boolean,
  order: (a: Row, b: Row) => number,
  limit: number,
): Row[] {
  let found: Row[] = [];
  for (const row of rows) {
    if (!matches(row)) continue;
    found.push(row);
    if (found.length > 4 * limit) found = found.sort(order).slice(0, limit);
  }
  return found.sort(order).slice(0, limit);
}

function byAgent(a: PerformanceTable, b: PerformanceTable): number {
  return compare(a.agent_id, b.agent_id) || compare(a.work_type, b.work_type);
}

function newestFirst(a: TasksTable, b: TasksTable): number {
  return b.created_at_ms - a.created_at_ms || b.pool_order - a.pool_order || compare(a.id, b.id);
}

/** The order of the databases: by code, not by language. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
