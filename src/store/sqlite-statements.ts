/** How rows are written: SQL of the columns that a row has, whose values are bound in their order. */

/** An agent that is not registered is not referred to: no batch may fail for it. */
const REFERENCES: Record<string, string> = { selected_agent_id: '(SELECT id FROM agents WHERE id = ?)' };

/** Writes `count` rows at once. Of those that are there already, the columns of `replaced` are replaced. */
export function insertSql(
  table: string,
  key: string,
  columns: readonly string[],
  replaced: readonly string[],
  count: number,
): string {
  const row = `(${columns.map((column) => REFERENCES[column] ?? '?').join(', ')})`;
  const replace = replaced.map((column) => `${column} = excluded.${column}`);
  return `
    INSERT INTO ${table} (${columns.join(', ')}) VALUES ${Array<string>(count).fill(row).join(', ')}
    ON CONFLICT (${key}) DO ${replace.length === 0 ? 'NOTHING' : `UPDATE SET ${replace.join(', ')}`}`;
}

export function updateSql(table: string, columns: readonly string[]): string {
  return `UPDATE ${table} SET ${columns.map((column) => `${column} = ?`).join(', ')} WHERE id = ?`;
}

/** Adds as `plus` does. An agent that is not registered has no performance. */
export function addPerformanceSql(columns: readonly string[]): string {
  const agentId = `?${columns.indexOf('agent_id') + 1}`;
  return `
    INSERT INTO agent_performance (${columns.join(', ')})
    SELECT ${columns.map((_, i) => `?${i + 1}`).join(', ')} WHERE EXISTS (SELECT 1 FROM agents WHERE id = ${agentId})
    ON CONFLICT (agent_id, work_type) DO UPDATE SET
      success_count = success_count + excluded.success_count,
      failure_count = failure_count + excluded.failure_count,
      total_duration_ms = total_duration_ms + excluded.total_duration_ms,
      last_execution_at_ms = excluded.last_execution_at_ms,
      last_mono_ms = excluded.last_mono_ms,
      difficulty_assessment = excluded.difficulty_assessment,
      updated_at_ms = excluded.updated_at_ms`;
}
