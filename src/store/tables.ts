import { type Change, type Changes, count } from './changes.js';
import { AFTER_TIME_SORTED, type LiveRows } from './images.js';
import {
  type AgentsTable,
  type AgentTotalsTable,
  type AttemptsTable,
  NEW_POOL,
  type OrchestrationsTable,
  type OrchestrationTasksTable,
  type PoolsTable,
  type RefusalsTable,
  type TasksTable,
} from './schema.js';
import type { TaskFilter } from './store.js';
import { type AgentCounts, type NodeTask, REFUSALS_SHOWN } from './views.js';

/**
 * The tables as maps: the same rows under the same keys as the database has.
 *
 * Owns its rows; those that it hands out are for reading at once, not for keeping. Of a task's
 * refusals it holds the newest alone, and of a task that it does not have it holds none.
 */
export class Tables {
  readonly #pools = new Map<string, PoolsTable>();
  readonly #agents = new Map<string, AgentsTable>();
  readonly #totals = new Map<string, Omit<AgentTotalsTable, 'agent_id'>>();
  readonly #tasks = new Map<string, TasksTable>();
  /** By task, then by token. */
  readonly #attempts = new Map<string, Map<number, AttemptsTable>>();
  readonly #refusals = new Map<string, RefusalsTable[]>();
  readonly #orchestrations = new Map<string, OrchestrationsTable>();
  readonly #nodes = new Map<string, OrchestrationTasksTable[]>();

  apply(changes: Changes): void {
    for (const [pool, values] of changes.pools) {
      this.#pools.set(pool, { ...(this.#pools.get(pool) ?? { pool, ...NEW_POOL }), ...values });
    }
    change(this.#agents, changes.agents);
    change(this.#tasks, changes.tasks);
    change(this.#orchestrations, changes.orchestrations);
    for (const row of changes.orchestrationTasks) list(this.#nodes, row.orchestration_id).push(row);
    this.#applyAttempts(changes);
    for (const row of changes.refusals) this.#refuse(row);
  }

  #applyAttempts({ attempts, ends, counts }: Changes): void {
    for (const row of attempts.values()) {
      const ofTask = this.#attempts.get(row.task_id) ?? new Map<number, AttemptsTable>();
      this.#attempts.set(row.task_id, ofTask.set(row.token, row));
    }
    const totals = new Map(counts);
    for (const { end, agentId } of ends.values()) {
      const begun = this.#attempts.get(end.task_id)?.get(end.token);
      if (begun?.outcome !== 'open') continue;
      Object.assign(begun, end);
      if (agentId !== undefined) count(totals, agentId, end.outcome);
    }
    for (const [agentId, { completed, failed }] of totals) {
      const before = this.#totals.get(agentId) ?? { completed: 0, failed: 0 };
      this.#totals.set(agentId, { completed: before.completed + completed, failed: before.failed + failed });
    }
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

  /** Newest first. Sorts no more than it must: there may be a million. */
  tasks({ status, pool, orchestrationId, limit }: TaskFilter): TasksTable[] {
    let newest: TasksTable[] = [];
    const keepNewest = () => {
      newest = newest.sort(newestFirst).slice(0, limit);
    };
    for (const row of this.#tasks.values()) {
      if (status !== undefined && row.status !== status) continue;
      if (pool !== undefined && row.pool !== pool) continue;
      if (orchestrationId !== undefined && row.orchestration_id !== orchestrationId) continue;
      newest.push(row);
      if (newest.length > 4 * limit) keepNewest();
    }
    keepNewest();
    return newest;
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
    return (id) => ({ load: loads.get(id) ?? 0, ...(this.#totals.get(id) ?? { completed: 0, failed: 0 }) });
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
    return {
      pools: [...this.#pools.values()].sort((a, b) => compare(a.pool, b.pool)),
      agents: this.agents(),
      tasks: [...this.#tasks.values()]
        .filter((row) => row.ended_at_ms === null)
        .sort((a, b) => a.pool_order - b.pool_order),
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

function newestFirst(a: TasksTable, b: TasksTable): number {
  return b.created_at_ms - a.created_at_ms || b.pool_order - a.pool_order || compare(a.id, b.id);
}

/** The order of the databases: by code, not by language. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
