import type { Report } from '../protocol/frames.js';
import { isTerminal } from '../protocol/task.js';
import { isRepeated, type Task } from './pool-task.js';
import type { ElsewhereTask } from './selector-events.js';
import { isHeld } from './task.js';

/**
 * What becomes of a report: it is taken, or it says what was said or noticed before and is answered as then,
 * or it is refused for a reason.
 *
 * @param known what memory or the store has of its task
 * @param here the task, where it is in the memory of this selector and not only known of
 */
export function verdictOn(
  report: Report,
  agentId: string,
  known: ElsewhereTask | undefined,
  here: Task | undefined,
): 'take' | 'repeated' | { readonly code: string } {
  if (known === undefined) return { code: 'UNKNOWN_TASK' };
  const { status } = known;
  if (known.agentId !== agentId || known.token !== report.token) {
    return { code: isTerminal(status) ? 'TASK_ENDED' : 'STALE_LEASE' };
  }
  if (isTerminal(status)) return isRepeated(report, status) ? 'repeated' : { code: 'TASK_ENDED' };
  if (here !== undefined && status === 'pending' && isSaid(report, here)) return 'repeated';
  return here !== undefined && isHeld(status) ? 'take' : { code: 'STALE_LEASE' };
}

/**
 * Its attempt ended and the task waits again: said before, or noticed before it was said. A client that fails a task for
 * good whose offer has lapsed must hear that it is too late: others are asked by now.
 */
function isSaid({ outcome }: Report, { record, ended }: Task): boolean {
  if (outcome !== 'failed' && outcome !== 'rejected') return false;
  return record.handoff === undefined || ended.at(-1)?.outcome === outcome;
}
