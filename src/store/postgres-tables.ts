import { type AttemptEnd, type Change, type Changes, type EndChange, standing } from './changes.js';
import type { Execution } from './performance.js';
import { tally } from './performance.js';
import type { Session } from './postgres-session.js';
import {
  asGiven,
  asSums,
  columnsOf,
  endAttemptsSql,
  type Insert,
  insertSql,
  type TableColumns,
  updateSql,
} from './postgres-statements.js';
import { AGENT_KEEPS, NEW_POOL, type PerformanceTable, type PoolsTable, SHARD } from './schema.js';
import type { KnownTask } from './store.js';
import { KNOWN_COLUMNS, type KnownColumns, knownTask } from './views.js';

/** Where there is a row, whoever is moving it is not waited for. */
const BEGIN = `
  INSERT INTO materialised (shard, seq, mono_ms)
  SELECT $1::bigint, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM materialised WHERE shard = $1::bigint)
  ON CONFLICT DO NOTHING`;
const LOCK = 'SELECT seq FROM materialised WHERE shard = $1 FOR UPDATE';
const REACHED = 'UPDATE materialised SET seq = $2, mono_ms = greatest(mono_ms, $3) WHERE shard = $1';
const DEREGISTER = 'DELETE FROM agents WHERE id = ANY($1::text[])';
const RESET = 'DELETE FROM rotations WHERE pool = ANY($1::text[])';

/** One row at least, of what the tables hold by which row of the journal. */
const KNOWN = `
  SELECT ${KNOWN_COLUMNS.map((column) => `tasks.${column}`).join(', ')}, attempts.agent_id AS last_agent_id, materialised.seq AS standing
  FROM materialised LEFT JOIN tasks ON tasks.id = ANY($2::text[])
    LEFT JOIN attempts ON attempts.task_id = tasks.id AND attempts.token = tasks.token
  WHERE materialised.shard = $1`;

const COLUMNS = `
  SELECT c.relname AS "table", a.attname AS "column", format_type(a.atttypid, a.atttypmod) AS type
  FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
  WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped`;

const ROWS_AT_ONCE = 200;
/**
 * Payloads and results may be of many kilobytes each, and links may be slow. The tables are locked while a statement is
 * on its way, so the database does not wait for long.
 */
const CHARS_AT_ONCE = 256 * 1024;

/** What makes two rows of a table the same. An index has no room for the name of a rotation. */
const KEYS = {
  pools: ['pool'],
  rotations: ['pool', 'md5(rotation)'],
  agents: ['id'],
  tasks: ['id'],
  attempts: ['task_id', 'token'],
  routing_decisions: ['task_id', 'token'],
  refusals: ['task_id', 'seq', 'position'],
  orchestrations: ['id'],
  orchestration_tasks: ['orchestration_id', 'position'],
} as const;

type Written = keyof typeof KEYS;

type KnownRow = KnownColumns & { readonly last_agent_id: string | null; readonly standing: number };

/** Says that the tables stand before the first row, where nothing says yet where they stand. */
export async function beginTables(session: Session): Promise<void> {
  await session.run(BEGIN, [SHARD]);
}

/** The tables, written in batches. Holds nothing but the types of their columns. */
export class PostgresTables {
  #columns: ReadonlyMap<string, TableColumns> | undefined;

  /**
   * The last row of the journal that the tables hold. Until the transaction ends nobody else moves them: nothing is to
   * be done in it that could be done before.
   */
  async lock(session: Session): Promise<number> {
    const [row] = await session.rows<{ seq: number }>(LOCK, [SHARD]);
    return row?.seq ?? 0;
  }

  /** Writes what rows up to `seq` change. To be called in the transaction that has the lock. */
  async apply(session: Session, changes: Changes, seq: number): Promise<void> {
    const batch = new Batch(session, await this.#columnsOf(session));
    await batch.changePools(changes.pools);
    if (changes.reset.size > 0) await session.run(RESET, [[...changes.reset]]);
    await batch.insert('rotations', [...changes.rotations.values()]);
    // What refers to an agent goes or is cut with it: before anything is written that refers to one of its id.
    if (changes.deregistered.size > 0) await session.run(DEREGISTER, [[...changes.deregistered]]);
    await batch.change('agents', changes.agents);
    await batch.change('tasks', changes.tasks);
    await batch.change('orchestrations', changes.orchestrations);
    await batch.insert('orchestration_tasks', changes.orchestrationTasks);
    await batch.insert('attempts', [...changes.attempts.values()]);
    await batch.insert('routing_decisions', changes.decisions);
    await batch.insert('refusals', changes.refusals);
    await batch.addPerformance(tally(await batch.endAttempts(changes.ends)));
    await session.run(REACHED, [SHARD, seq, changes.monoMs]);
  }

  /** What the tables hold of these tasks, where they stand. */
  async known(
    session: Session,
    taskIds: readonly string[],
  ): Promise<{ standing: number; tasks: Map<string, KnownTask> }> {
    const rows = await session.rows<KnownRow>(KNOWN, [SHARD, taskIds]);
    const found = rows.filter((row) => row.id !== null);
    return {
      standing: rows[0]?.standing ?? 0,
      tasks: new Map(found.map((row) => [row.id, knownTask(row, row.last_agent_id)])),
    };
  }

  async #columnsOf(session: Session): Promise<ReadonlyMap<string, TableColumns>> {
    if (this.#columns) return this.#columns;
    const tables = new Map<string, Map<string, string>>();
    for (const { table, column, type } of await session.rows<Record<'table' | 'column' | 'type', string>>(COLUMNS)) {
      tables.set(table, (tables.get(table) ?? new Map()).set(column, type));
    }
    this.#columns = tables;
    return tables;
  }
}

/** One transaction's writes. */
class Batch {
  readonly #session: Session;
  readonly #types: ReadonlyMap<string, TableColumns>;

  constructor(session: Session, types: ReadonlyMap<string, TableColumns>) {
    this.#session = session;
    this.#types = types;
  }

  async changePools(pools: Changes['pools']): Promise<void> {
    const changed = [...pools].map(([pool, values]) => ({ pool, values }));
    for (const [columns, rows] of alike(changed, ({ values }) => Object.keys(values))) {
      const whole = rows.map(({ pool, values }): PoolsTable => ({ pool, ...NEW_POOL, ...values }));
      await this.insert('pools', whole, columns);
    }
  }

  async change<Row extends object>(table: Written, changes: Map<string, Change<Row>>): Promise<void> {
    const inserted: Row[] = [];
    const patched: (Partial<Row> & { id: string })[] = [];
    for (const [id, change] of changes) {
      if (change.kind === 'insert') inserted.push(change.row);
      else patched.push({ id, ...change.values });
    }
    for (const [columns, rows] of alike(patched, Object.keys)) {
      const values = columns.filter((column) => column !== 'id');
      await this.#write(rows, ['id', ...values], updateSql(table, this.#typesOf(table), values));
    }
    await this.insert(table, inserted);
  }

  /** Of rows that are there already, `replaced` is replaced: all but what is kept, where it is not named. */
  async insert(table: Written, rows: readonly object[], replaced?: readonly string[]): Promise<void> {
    const [first] = rows;
    if (first === undefined) return;
    const columns = Object.keys(first);
    const kept: readonly string[] = table === 'agents' ? AGENT_KEEPS : [];
    const key = KEYS[table].join(', ');
    const changing = asGiven(replaced ?? columns.filter((column) => !kept.includes(column)));
    await this.#insert(
      { table, types: this.#typesOf(table), key, columns, replaced: changing },
      lastOfEach(table, rows),
    );
  }

  /** Executions that count. Of several ends of one attempt the first is its end. */
  async endAttempts(ends: readonly EndChange[]): Promise<Execution[]> {
    const first = new Map<string, AttemptEnd>();
    for (const { end, isApplied } of ends) {
      const key = keyOf(end);
      if (!isApplied && !first.has(key)) first.set(key, end);
    }
    const columns = ['task_id', 'token', 'outcome', 'error', 'ended_at_ms'];
    const open = new Set<AttemptEnd | undefined>();
    for (const some of chunks([...first.values()])) {
      const sql = endAttemptsSql(this.#typesOf('attempts'), columns);
      const ended = await this.#session.rows<Pick<AttemptEnd, 'task_id' | 'token'>>(sql, columnsOf(some, columns));
      for (const row of ended) open.add(first.get(keyOf(row)));
    }
    return standing(ends, (end) => open.has(end));
  }

  /** An agent that is not registered has no performance. */
  async addPerformance(rows: readonly PerformanceTable[]): Promise<void> {
    const [first] = rows;
    if (first === undefined) return;
    const table = 'agent_performance';
    const sums = ['success_count', 'failure_count', 'total_duration_ms'];
    const latest = ['last_execution_at_ms', 'last_mono_ms', 'difficulty_assessment', 'updated_at_ms'];
    const insert: Insert = {
      ...{ table, types: this.#typesOf(table), key: 'agent_id, work_type', columns: Object.keys(first) },
      replaced: [...asSums(table, sums), ...asGiven(latest)],
      where: 'EXISTS (SELECT 1 FROM agents WHERE agents.id = given.agent_id)',
    };
    await this.#insert(insert, rows);
  }

  #insert(insert: Insert, rows: readonly object[]): Promise<void> {
    return this.#write(rows, insert.columns, insertSql(insert));
  }

  async #write(rows: readonly object[], columns: readonly string[], sql: string): Promise<void> {
    for (const some of chunks(rows)) await this.#session.run(sql, columnsOf(some, columns));
  }

  #typesOf(table: string): TableColumns {
    return this.#types.get(table) ?? new Map();
  }
}

/** Rows that differ in nothing but values, so that one statement writes them. */
function alike<Row>(rows: readonly Row[], columnsOf: (row: Row) => string[]): [columns: string[], rows: Row[]][] {
  const groups = new Map<string, [string[], Row[]]>();
  for (const row of rows) {
    const columns = columnsOf(row).sort();
    const group = groups.get(columns.join()) ?? [columns, []];
    groups.set(columns.join(), group);
    group[1].push(row);
  }
  return [...groups.values()];
}

/** One statement writes a row once: of several with one key the last is what would be there in the end. */
function lastOfEach(table: Written, rows: readonly object[]): object[] {
  const columns = KEYS[table].map((part) => (part === 'md5(rotation)' ? 'rotation' : part));
  const byKey = new Map<string, object>();
  for (const row of rows) byKey.set(columns.map((column) => (row as Record<string, unknown>)[column]).join(' '), row);
  return [...byKey.values()];
}

function* chunks<Row extends object>(rows: readonly Row[]): Generator<readonly Row[]> {
  let chunk: Row[] = [];
  let chars = 0;
  for (const row of rows) {
    chunk.push(row);
    chars += charsOf(row);
    if (chunk.length < ROWS_AT_ONCE && chars < CHARS_AT_ONCE) continue;
    yield chunk;
    chunk = [];
    chars = 0;
  }
  if (chunk.length > 0) yield chunk;
}

function charsOf(row: object): number {
  let chars = 0;
  for (const value of Object.values(row)) if (typeof value === 'string') chars += value.length;
  return chars;
}

function keyOf({ task_id, token }: Pick<AttemptEnd, 'task_id' | 'token'>): string {
  return `${task_id} ${token}`;
}
