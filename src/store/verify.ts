import { type Kysely, sql } from 'kysely';
import { RotaError } from '../protocol/errors.js';
import type { JournalRow } from '../protocol/journal.js';
import { Batches } from './batches.js';
import type { Changes } from './changes.js';
import { fold } from './fold.js';
import type { Schema } from './schema.js';
import { endsEarly } from './whole.js';

/** Compares the tables with what the journal says they should be. */

export interface Verification {
  /** The last row of the journal that the tables hold: both sides were made of the rows up to it. */
  readonly seq: number;
  readonly tables: readonly TableVerification[];
}

export interface TableVerification {
  readonly table: string;
  readonly rows: number;
  readonly differing: number;
  /** The first of them, without what they hold. */
  readonly differences: readonly Difference[];
}

export interface Difference {
  readonly key: string;
  /** `missing`: the journal has it and the table does not; `unexpected`: the other way round. */
  readonly problem: 'missing' | 'unexpected' | 'differs';
  /** Of a row that differs. */
  readonly columns?: readonly string[];
}

/** Where the tables are made anew. */
export interface Scratch {
  readonly db: Kysely<Schema>;
  apply(changes: Changes, seq: number): Promise<void>;
}

/** The tables that are made of the journal alone, each with what a row of it is known by. */
const TABLES = {
  pools: ['pool'],
  rotations: ['pool', 'rotation'],
  agents: ['id'],
  agent_performance: ['agent_id', 'work_type'],
  tasks: ['id'],
  attempts: ['task_id', 'token'],
  routing_decisions: ['task_id', 'token'],
  refusals: ['task_id', 'seq', 'position'],
  orchestrations: ['id'],
  orchestration_tasks: ['orchestration_id', 'position'],
} as const satisfies Partial<Record<keyof Schema, readonly string[]>>;

type Table = keyof typeof TABLES;

/** The database's own numbers are not of the journal. */
const UNCOMPARED = new Set(['id of agent_performance', 'id of routing_decisions']);

const EVENTS_PER_BATCH = 4_096;
const ROWS_PER_PAGE = 500;
const DIFFERENCES_SHOWN = 10;

/**
 * Makes the tables anew in `scratch`, from all rows of the journal up to `seq`, and compares; of the rows behind it sees
 * that none is missing. `db` and `rows` have to see one moment of the store throughout, in which its tables stand at `seq`.
 *
 * @throws RotaError NOT_REPLAYABLE when the journal was trimmed; STORE_FAILED when a row is missing in the middle of it.
 */
export async function verifyTables(
  source: {
    readonly db: Kysely<Schema>;
    readonly seq: number;
    rows(after: number, limit: number, bytes: number): Promise<JournalRow[]>;
  },
  scratch: Scratch,
  onProgress: (seq: number) => void,
): Promise<Verification> {
  await rebuild(source, scratch, onProgress);
  const tables: TableVerification[] = [];
  for (const table of Object.keys(TABLES) as Table[]) tables.push(await compareTable(table, source.db, scratch.db));
  return { seq: source.seq, tables };
}

async function rebuild(
  { seq, rows }: Parameters<typeof verifyTables>[0],
  scratch: Scratch,
  onProgress: (seq: number) => void,
): Promise<void> {
  const [first] = await rows(0, 1, 0);
  if (first !== undefined && first.seq > 1) throw trimmed(first.seq);
  const batches = new Batches(EVENTS_PER_BATCH);
  let at = 0;
  for (;;) {
    const isMade = at >= seq;
    const batch = await batches.next(at, (after, limit, bytes) =>
      rows(after, isMade ? limit : Math.min(limit, seq - after), bytes),
    );
    const last = batch.at(-1)?.seq;
    if (last === undefined) break;
    at = last;
    if (isMade) continue;
    await scratch.apply(fold(batch), at);
    onProgress(at);
  }
  if (at < seq) throw endsEarly(at, seq);
}

function trimmed(first: number): RotaError {
  const problem = `Row 1 of the journal is not there: it begins with row ${first}.`;
  return new RotaError('NOT_REPLAYABLE', problem, { remedy: 'Only a journal that was never trimmed can be verified.' });
}

type Row = Record<string, unknown>;

/** Page by page: what is between two keys on one side is looked for on the other. */
async function compareTable(table: Table, stored: Kysely<Schema>, made: Kysely<Schema>): Promise<TableVerification> {
  const found: Difference[] = [];
  let rows = 0;
  let differing = 0;
  for (let after: Row | undefined, isLast = false; !isLast; ) {
    const page = await readRows(stored, table, after, undefined, ROWS_PER_PAGE);
    isLast = page.length < ROWS_PER_PAGE;
    const upTo = isLast ? undefined : page.at(-1);
    const same = await readRows(made, table, after, upTo, undefined);
    rows += page.length;
    after = upTo;
    for (const difference of compareRows(table, page, same)) {
      differing++;
      if (found.length < DIFFERENCES_SHOWN) found.push(difference);
    }
  }
  return { table, rows, differing, differences: found };
}

/** Rows with keys behind `after` and up to `upTo`, in the order of their keys. */
async function readRows(
  db: Kysely<Schema>,
  table: Table,
  after: Row | undefined,
  upTo: Row | undefined,
  limit: number | undefined,
): Promise<Row[]> {
  const key = TABLES[table];
  const columns = sql.join(key.map((column) => sql.ref(column)));
  const values = (row: Row) => sql.join(key.map((column) => sql.val(row[column])));
  const behind = after === undefined ? sql`1 = 1` : sql`(${columns}) > (${values(after)})`;
  const within = upTo === undefined ? sql`1 = 1` : sql`(${columns}) <= (${values(upTo)})`;
  const bound = limit === undefined ? sql`` : sql`LIMIT ${sql.lit(limit)}`;
  const query = sql<Row>`SELECT * FROM ${sql.table(table)} WHERE ${behind} AND ${within} ORDER BY ${columns} ${bound}`;
  return (await query.execute(db)).rows;
}

function compareRows(table: Table, stored: readonly Row[], made: readonly Row[]): Difference[] {
  const keyOf = (row: Row) => TABLES[table].map((column) => String(row[column])).join(' ');
  const unmatched = new Map(made.map((row) => [keyOf(row), row]));
  const differences: Difference[] = [];
  for (const row of stored) {
    const key = keyOf(row);
    const other = unmatched.get(key);
    unmatched.delete(key);
    if (other === undefined) {
      differences.push({ key, problem: 'unexpected' });
      continue;
    }
    const columns = Object.keys(row).filter(
      (column) => row[column] !== other[column] && !UNCOMPARED.has(`${column} of ${table}`),
    );
    if (columns.length > 0) differences.push({ key, problem: 'differs', columns });
  }
  return [...differences, ...[...unmatched.keys()].map((key): Difference => ({ key, problem: 'missing' }))];
}
