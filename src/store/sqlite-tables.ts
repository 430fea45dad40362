import type Database from 'libsql';
import { type AttemptEnd, type Change, type Changes, count } from './changes.js';
import { NEW_POOL, SHARD, type TasksTable } from './schema.js';
import type { Connection } from './sqlite-connection.js';
import type { KnownTask } from './store.js';
import { knownTask } from './views.js';

const POOL = `
  INSERT INTO pools (pool, cursor, last_order)
  VALUES (?1, coalesce(?2, ${NEW_POOL.cursor}), coalesce(?3, ${NEW_POOL.last_order}))
  ON CONFLICT (pool) DO UPDATE SET cursor = coalesce(?2, cursor), last_order = coalesce(?3, last_order)`;

const END_ATTEMPT = `
  UPDATE attempts SET outcome = ?, error = ?, ended_at_ms = ?
  WHERE task_id = ? AND token = ? AND outcome = 'open'`;

const ADD_TOTALS = `
  INSERT INTO agent_totals (agent_id, completed, failed) VALUES (?, ?, ?)
  ON CONFLICT (agent_id) DO UPDATE
  SET completed = completed + excluded.completed, failed = failed + excluded.failed`;

const SET_MATERIALISED = `
  INSERT INTO materialised (shard, seq) VALUES (?, ?)
  ON CONFLICT (shard) DO UPDATE SET seq = excluded.seq`;

const KNOWN = `
  SELECT tasks.*, attempts.agent_id AS last_agent_id
  FROM tasks LEFT JOIN attempts ON attempts.task_id = tasks.id AND attempts.token = tasks.token
  WHERE tasks.id IN (SELECT value FROM json_each(?))`;

/** The tables, written in batches. Needs the schema; holds nothing but its prepared statements. */
export class SqliteTables {
  readonly #raw: Database.Database;
  readonly #statements = new Map<string, Database.Statement>();

  constructor({ raw }: Connection) {
    this.#raw = raw;
  }

  /** The last row of the journal that the tables hold. */
  materialised(): number {
    const rows = this.#prepare('SELECT seq FROM materialised WHERE shard = ?').all([SHARD]) as { seq: number }[];
    return rows[0]?.seq ?? 0;
  }

  /** Writes what rows up to `seq` change. To be called in a transaction. */
  apply(changes: Changes, seq: number): void {
    for (const [pool, values] of changes.pools) {
      this.#prepare(POOL).run([pool, values.cursor ?? null, values.last_order ?? null]);
    }
    this.#change('agents', changes.agents);
    this.#change('tasks', changes.tasks);
    this.#change('orchestrations', changes.orchestrations);
    for (const row of changes.orchestrationTasks) {
      this.#insert('orchestration_tasks', 'orchestration_id, position', row);
    }
    for (const row of changes.attempts.values()) this.#insert('attempts', 'task_id, token', row);
    for (const row of changes.refusals) this.#insert('refusals', 'task_id, seq, position', row);
    this.#addTotals(changes);
    this.#prepare(SET_MATERIALISED).run([SHARD, seq]);
  }

  known(taskIds: readonly string[]): Map<string, KnownTask> {
    const rows = this.#prepare(KNOWN).all([JSON.stringify(taskIds)]) as (TasksTable & {
      last_agent_id: string | null;
    })[];
    return new Map(rows.map((row) => [row.id, knownTask(row, row.last_agent_id)]));
  }

  #addTotals({ counts, ends }: Changes): void {
    const totals = new Map(counts);
    for (const { end, agentId } of ends.values()) {
      if (this.#endAttempt(end) && agentId !== undefined) count(totals, agentId, end.outcome);
    }
    for (const [agentId, { completed, failed }] of totals) {
      this.#prepare(ADD_TOTALS).run([agentId, completed, failed]);
    }
  }

  /** Whether it was open. */
  #endAttempt(end: AttemptEnd): boolean {
    const { outcome, error, ended_at_ms, task_id, token } = end;
    return this.#prepare(END_ATTEMPT).run([outcome, error, ended_at_ms, task_id, token]).changes === 1;
  }

  #change<Row extends object>(table: string, changes: Map<string, Change<Row>>): void {
    for (const [id, change] of changes) {
      if (change.kind === 'insert') this.#insert(table, 'id', change.row);
      else this.#update(table, id, change.values);
    }
  }

  /** A row that is there already is replaced. */
  #insert(table: string, key: string, row: object): void {
    const columns = Object.keys(row);
    this.#prepare(`insert ${table} ${columns}`, () => insertSql(table, key, columns)).run(Object.values(row));
  }

  #update(table: string, id: string, values: object): void {
    const columns = Object.keys(values);
    this.#prepare(`update ${table} ${columns}`, () => updateSql(table, columns)).run([...Object.values(values), id]);
  }

  /** There are few different statements: one for each combination of columns that `fold` writes. */
  #prepare(name: string, sql: () => string = () => name): Database.Statement {
    const found = this.#statements.get(name);
    if (found) return found;
    const statement = this.#raw.prepare(sql());
    this.#statements.set(name, statement);
    return statement;
  }
}

function insertSql(table: string, key: string, columns: readonly string[]): string {
  const places = columns.map(() => '?').join(', ');
  const replace = columns.map((column) => `${column} = excluded.${column}`).join(', ');
  return `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places}) ON CONFLICT (${key}) DO UPDATE SET ${replace}`;
}

function updateSql(table: string, columns: readonly string[]): string {
  return `UPDATE ${table} SET ${columns.map((column) => `${column} = ?`).join(', ')} WHERE id = ?`;
}
