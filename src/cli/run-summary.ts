import type { WireError } from '../protocol/errors.js';
import type { Json } from '../protocol/json.js';
import type { Client, OrchestrationOutcome } from '../sdk/index.js';
import type { Output } from './output.js';
import type { BoardRow, RunBoard } from './run-board.js';
import { count, durationText, fit, indented, oneLine, pad, valueLine, widthOf } from './text.js';

/** More than these are listed by `rota tasks`. */
const FAILED_MAX = 20;
const RESULTS_MAX = 20;
const FIELDS_MAX = 12;
const VALUE_CHARS = 300;

export interface Summary {
  readonly id: string;
  readonly name: string;
  readonly outcome: OrchestrationOutcome;
  readonly elapsedMs: number;
  readonly failed: readonly BoardRow[];
  /** Leaves that completed. */
  readonly results: readonly BoardRow[];
}

/** What happened in the end. Errors and results that no update told are asked for. */
export async function summarise(
  client: Client,
  board: RunBoard,
  run: Pick<Summary, 'id' | 'name' | 'outcome' | 'elapsedMs'>,
): Promise<Summary> {
  const failed = board.rows.filter((row) => row.state === 'failed');
  const results = board.leaves.filter((row) => row.state === 'completed');
  const unknown = [
    ...failed.slice(0, FAILED_MAX).filter((row) => row.error === undefined),
    ...results.slice(0, RESULTS_MAX).filter((row) => row.result === undefined),
  ];
  for (const row of unknown) {
    const { task, result } = await client.task(row.taskId);
    if (task.error !== undefined) row.error = task.error;
    if (result !== undefined) row.result = result;
  }
  return { ...run, failed, results };
}

const COUNTED = ['completed', 'failed', 'skipped', 'cancelled'] as const;

export function printSummaryJson(output: Output, board: RunBoard, summary: Summary): void {
  const { id, name, outcome, elapsedMs, failed, results } = summary;
  const errors: Record<string, WireError> = {};
  for (const { key, error } of failed) if (error !== undefined) errors[key] = error;
  const byKey: Record<string, Json> = {};
  for (const { key, result } of results) if (result !== undefined) byKey[key] = result;
  const counts = Object.fromEntries(COUNTED.map((state) => [state, board.count(state)]));
  const { status, nodes } = outcome;
  output.json({
    type: 'ended',
    id,
    name,
    status,
    elapsedMs: Math.round(elapsedMs),
    counts,
    errors,
    results: byKey,
    nodes,
  });
}

export function printSummary(output: Output, board: RunBoard, summary: Summary): void {
  const { name, outcome, elapsedMs, failed, results } = summary;
  const { line, paint } = output;
  const counts = COUNTED.map((state) => [state, board.count(state)] as const).filter(([, amount]) => amount > 0);
  const status = paint(outcome.status === 'completed' ? 'green' : 'red', outcome.status);
  line('');
  line(
    `${paint('bold', oneLine(name))} ${status} in ${durationText(elapsedMs)}: ` +
      `${counts.map(([state, amount]) => `${amount} ${state}`).join(', ')} of ${count(board.rows.length, 'task')}`,
  );
  for (const row of failed.slice(0, FAILED_MAX)) printFailure(output, row);
  if (failed.length > FAILED_MAX) line(`… and ${failed.length - FAILED_MAX} more that failed`);
  for (const row of results.slice(0, RESULTS_MAX)) printResult(output, row);
  if (results.length > RESULTS_MAX) line(`… and ${results.length - RESULTS_MAX} more results`);
}

function printFailure({ line, paint }: Output, { key, error }: BoardRow): void {
  line('');
  line(`${paint('red', key)} failed`);
  line(indented(error?.message ?? 'no reason is stored', '  '));
}

function printResult({ line, paint }: Output, { key, result }: BoardRow): void {
  if (result === null || result === undefined || result === '') return;
  line('');
  if (typeof result !== 'object' || Array.isArray(result)) {
    line(`${paint('green', key)}  ${fit(valueLine(result), VALUE_CHARS)}`);
    return;
  }
  line(paint('green', key));
  const fields = Object.entries(result).map(
    ([name, value]) => [oneLine(name), fit(valueLine(value), VALUE_CHARS)] as const,
  );
  const width = Math.max(0, ...fields.map(([name]) => widthOf(name)));
  for (const [name, value] of fields.slice(0, FIELDS_MAX)) line(`  ${paint('dim', pad(name, width))}  ${value}`);
  if (fields.length > FIELDS_MAX) line(`  … and ${fields.length - FIELDS_MAX} more fields`);
}
