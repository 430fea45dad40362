import type Database from 'libsql';
import { type AttemptEnd, type Change, type Changes, standing } from './changes.js';
import { tally } from './performance.js';
import { AGENT_KEEPS, NEW_POOL, type PoolsTable, SHARD } from './schema.js';
import type { Connection } from './sqlite-connection.js';
import { addPerformanceSql, insertSql, updateSql } from './sqlite-statements.js';
import type { KnownTask } from './store.js';
import { KNOWN_COLUMNS, type KnownColumns, knownTask } from './views.js';

const END_ATTEMPT = `
  UPDATE attempts SET outcome = ?, error = ?, ended_at_ms = ?
  WHERE task_id = ? AND token = ? AND outcome = 'open'`;

const RESET = 'DELETE FROM rotations WHERE pool = ?';

const DEREGISTER = 'DELETE FROM agents WHERE id = ?';

const SET_MATERIALISED = `
  INSERT INTO materialised (shard, seq, mono_ms) VALUES (?, ?, ?)
  ON CONFLICT (shard) DO UPDATE SET seq = excluded.seq, mono_ms = max(mono_ms, excluded.mono_ms)`;

const KNOWN = `
  SELECT ${KNOWN_COLUMNS.map((column) => `tasks.${column}`).join(', ')}, attempts.agent_id AS last_agent_id
  FROM tasks LEFT JOIN attempts ON attempts.task_id = tasks.id AND attempts.token = tasks.token
  WHERE tasks.id IN (SELECT value FROM json_each(?))`;

/** A call of the driver costs as much as writing a row or two. */
const ROWS_AT_ONCE = 8;

const KEYS = {
  pools: 'pool',
  rotations: 'pool, rotation',
  agents: 'id',
  tasks: 'id',
  attempts: 'task_id, token',
  routing_decisions: 'task_id, token',
  refusals: 'task_id, seq, position',
  orchestrations: 'id',
  orchestration_tasks: 'orchestration_id, position',
} as const;

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
    for (const [pool, values] of changes.pools) this.#changePool(pool, values);
    for (const pool of changes.reset) this.#prepare(RESET).run([pool]);
    this.#insert('rotations', [...changes.rotations.values()]);
    // What refers to an agent goes or is cut with it: before anything is written that refers to one of its id.
    for (const agentId of changes.deregistered) this.#prepare(DEREGISTER).run([agentId]);
    this.#change('agents', changes.agents);
    this.#change('tasks', changes.tasks);
    this.#change('orchestrations', changes.orchestrations);
    this.#insert('orchestration_tasks', changes.orchestrationTasks);
    this.#insert('attempts', [...changes.attempts.values()]);
    this.#insert('routing_decisions', changes.decisions);
    this.#insert('refusals', changes.refusals);
    const executions = standing(changes.ends, (end) => this.#endAttempt(end));
    for (const row of tally(executions)) {
      this.#prepare('add performance', () => addPerformanceSql(Object.keys(row))).run(Object.values(row));
    }
    this.#prepare(SET_MATERIALISED).run([SHARD, seq, changes.monoMs]);
  }

  known(taskIds: readonly string[]): Map<string, KnownTask> {
    const rows = this.#prepare(KNOWN).all([JSON.stringify(taskIds)]) as (KnownColumns & {
      last_agent_id: string | null;
    })[];
    return new Map(rows.map((row) => [row.id, knownTask(row, row.last_agent_id)]));
  }

  /** Whether it was open. */
  #endAttempt(end: AttemptEnd): boolean {
    const { outcome, error, ended_at_ms, task_id, token } = end;
    return this.#prepare(END_ATTEMPT).run([outcome, error, ended_at_ms, task_id, token]).changes === 1;
  }

  #changePool(pool: string, values: Partial<PoolsTable>): void {
    const columns = Object.keys(values);
    const row = { pool, ...NEW_POOL, ...values };
    const sql = () => insertSql('pools', KEYS.pools, Object.keys(row), columns, 1);
    this.#prepare(`change pool ${columns}`, sql).run(Object.values(row));
  }

  #change<Row extends object>(table: keyof typeof KEYS, changes: Map<string, Change<Row>>): void {
    const inserted: Row[] = [];
    for (const [id, change] of changes) {
      if (change.kind === 'insert') inserted.push(change.row);
      else this.#update(table, id, change.values);
    }
    this.#insert(table, inserted);
  }

  #insert(table: keyof typeof KEYS, rows: readonly object[]): void {
    const whole = rows.length - (rows.length % ROWS_AT_ONCE);
    for (let from = 0; from < whole; from += ROWS_AT_ONCE) {
      this.#insertAtOnce(table, rows.slice(from, from + ROWS_AT_ONCE));
    }
    for (const row of rows.slice(whole)) this.#insertAtOnce(table, [row]);
  }

  /** Rows of one table have the same columns in the same order; those that are there already are replaced. */
  #insertAtOnce(table: keyof typeof KEYS, rows: readonly object[]): void {
    const sql = () => {
      const columns = Object.keys(rows[0] ?? {});
      const kept: readonly string[] = table === 'agents' ? AGENT_KEEPS : [];
      const replaced = columns.filter((column) => !kept.includes(column));
      return insertSql(table, KEYS[table], columns, replaced, rows.length);
    };
    this.#prepare(`insert ${table} ${rows.length}`, sql).run(rows.flatMap((row) => Object.values(row)));
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
