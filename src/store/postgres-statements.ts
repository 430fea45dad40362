/**
 * How rows are written, many at once: each column is bound as one array of its values, and `unnest` makes rows of
 * them again, in their order.
 */

/** Columns of one table, each with its type. */
export type TableColumns = ReadonlyMap<string, string>;

/** An agent that is not registered is not referred to: no batch may fail for it. */
const REFERENCES: Record<string, string> = {
  selected_agent_id: '(SELECT agents.id FROM agents WHERE agents.id = given.selected_agent_id)',
};

export interface Insert {
  readonly table: string;
  readonly types: TableColumns;
  /** What two rows of one key have in common. */
  readonly key: string;
  readonly columns: readonly string[];
  /** Of rows that are there already: what each column becomes. */
  readonly replaced: readonly (readonly [column: string, value: string])[];
  readonly where?: string;
}

/** Rows are numbered, where the database numbers them, in the order in which they are given. */
export function insertSql({ table, types, key, columns, replaced, where = 'true' }: Insert): string {
  const update = replaced.map(([column, value]) => `${quoted(column)} = ${value}`);
  return `
    INSERT INTO ${table} (${columns.map(quoted).join(', ')})
    SELECT ${columns.map((column) => REFERENCES[column] ?? `given.${quoted(column)}`).join(', ')}
    FROM ${given(table, types, columns)}
    WHERE ${where} ORDER BY given.place_in_line
    ON CONFLICT (${key}) DO ${update.length === 0 ? 'NOTHING' : `UPDATE SET ${update.join(', ')}`}`;
}

/** Replaces values by those that are given. */
export function asGiven(columns: readonly string[]): [string, string][] {
  return columns.map((column) => [column, `excluded.${quoted(column)}`]);
}

/** Adds to what is there, as `plus` does. */
export function asSums(table: string, columns: readonly string[]): [string, string][] {
  return columns.map((column) => [column, `${table}.${quoted(column)} + excluded.${quoted(column)}`]);
}

/** Rows of the same changed columns, found by their id. */
export function updateSql(table: string, types: TableColumns, columns: readonly string[]): string {
  const values = columns.map((column) => `${quoted(column)} = given.${quoted(column)}`);
  return `
    UPDATE ${table} SET ${values.join(', ')}
    FROM ${given(table, types, ['id', ...columns])}
    WHERE ${table}.id = given.id`;
}

/** Ends open attempts; gives back which were open. */
export function endAttemptsSql(types: TableColumns, columns: readonly string[]): string {
  return `
    UPDATE attempts SET outcome = given.outcome, error = given.error, ended_at_ms = given.ended_at_ms
    FROM ${given('attempts', types, columns)}
    WHERE attempts.task_id = given.task_id AND attempts.token = given.token AND attempts.outcome = 'open'
    RETURNING attempts.task_id, attempts.token`;
}

/** The values of each column, as they are bound. Rows have the same columns. */
export function columnsOf(rows: readonly object[], columns: readonly string[]): unknown[][] {
  return columns.map((column) => rows.map((row) => (row as Record<string, unknown>)[column]));
}

function given(table: string, types: TableColumns, columns: readonly string[]): string {
  const arrays = columns.map((column, i) => {
    const type = types.get(column);
    if (type === undefined) throw new Error(`its table ${table} has no column ${column}.`);
    return `$${i + 1}::${type}[]`;
  });
  return `unnest(${arrays.join(', ')}) WITH ORDINALITY AS given (${columns.map(quoted).join(', ')}, place_in_line)`;
}

/** Some columns have names that are words of SQL. */
function quoted(column: string): string {
  return `"${column}"`;
}
