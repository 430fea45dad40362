import type { AttemptRow, TaskDetail } from '../protocol/frames.js';
import type { Json } from '../protocol/json.js';
import { isTerminal } from '../protocol/task.js';
import type { Cli } from './context.js';
import type { Output } from './output.js';
import { STATUS_COLOURS } from './status-colours.js';
import { durationText, indented, instantText, oneLine, pad } from './text.js';

const LABEL_WIDTH = 14;

/** All about one task, for people. */
export function showTask({ output, clock }: Cli, detail: TaskDetail): void {
  const { task, attempts, refusals, progress } = detail;
  const { line, paint } = output;
  const nowMs = clock.wallMs();
  const field = (label: string, value: string | undefined) => {
    if (value !== undefined && value !== '') line(`${paint('dim', pad(label, LABEL_WIDTH))}${value}`);
  };
  field('task', paint('bold', task.id));
  field('status', paint(STATUS_COLOURS[task.status], task.status));
  field('why', isTerminal(task.status) ? undefined : oneLine(task.reason ?? ''));
  field('progress', progress && `${progress.percent ?? '?'} % ${oneLine(progress.message ?? '')}`.trimEnd());
  field('pool', task.pool);
  field('work type', task.workType);
  field('capabilities', task.capabilities.join(', '));
  field('priority', `${task.priority}${task.priority === 1 ? ' (first)' : ''}`);
  field('orchestration', task.orchestrationId && `${task.orchestrationId}, as ${task.key}`);
  field('submitted', `${instantText(task.createdAtMs)} by ${task.submittedBy}`);
  if (task.startedAtMs !== undefined) field('started', instantText(task.startedAtMs));
  if (task.endedAtMs !== undefined) {
    field('ended', `${instantText(task.endedAtMs)}, after ${durationText(task.endedAtMs - task.createdAtMs)}`);
  } else field('age', durationText(nowMs - task.createdAtMs));
  field('attempts', `${task.attempt} of ${task.maxAttempts}`);
  for (const attempt of attempts) {
    // The last error of a failed task is the task's own, which is told below.
    const isTold = task.status === 'failed' && attempt === attempts.at(-1);
    printAttempt(output, attempt, { nowMs, isTold });
  }
  for (const { agentId, token, code, atMs } of refusals) {
    field('refused', `a report of ${agentId} at ${instantText(atMs)}: ${oneLine(code)} (token ${token})`);
  }
  printValue(output, 'payload', detail.payload);
  if (task.status === 'completed') printValue(output, 'result', detail.result ?? null);
  if (task.error !== undefined) {
    line(paint('dim', `error ${task.error.code}`));
    line(indented(task.error.message, '  '));
  }
}

function printAttempt(
  { line, paint }: Output,
  attempt: AttemptRow,
  { nowMs, isTold }: { readonly nowMs: number; readonly isTold: boolean },
): void {
  const { outcome, agentId, reason, strategy, candidates, assignedAtMs, endedAtMs, error } = attempt;
  const took = durationText((endedAtMs ?? nowMs) - assignedAtMs);
  line(`  ${attempt.attempt}  ${outcome === 'open' ? 'running' : outcome} on ${agentId}, ${took}`);
  line(paint('dim', `     ${oneLine(reason)} (${strategy}, ${candidates} could have taken it)`));
  if (error !== undefined && !isTold) line(indented(error.message, '     '));
}

function printValue({ line, paint }: Output, label: string, value: Json): void {
  if (value === null) return;
  line(paint('dim', label));
  line(indented(typeof value === 'string' ? value : JSON.stringify(value, null, 2), '  '));
}
