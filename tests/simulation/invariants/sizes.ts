import type { ActorSystem } from '#rota/actors/system.js';
import { hasEnded } from '../model.js';
import type { Process } from '../process.js';

/** Timers that a process may have, with one for each refusal that waits a second, and for each task of a run. */
const TIMERS = 200;
const TIMERS_PER_TASK = 4;
/** What ended is kept for ten seconds, and goes with one of the next ticks. */
const KEPT_MS = 10_000 + 3_000;

/** Whether what must stay bounded has. Answers with what has not. */
export function i12Process({ name, timers }: Process, tasks: number): string | undefined {
  const most = TIMERS + TIMERS_PER_TASK * tasks;
  return timers <= most ? undefined : `${name} has ${timers} timers, with ${tasks} tasks`;
}

/** `endedMs`: when each task ended, by virtual time. */
export function i12Leader(
  system: ActorSystem,
  { nowMs, healthyMs, endedMs }: { nowMs: number; healthyMs: number; endedMs: ReadonlyMap<string, number> },
): string | undefined {
  for (const selector of system.selectors()) {
    const { pool, state } = selector;
    const remembered = state.history.entries().length;
    if (remembered > state.policy.historySize) {
      return `the history of pool ${pool} has ${remembered} entries, and ${state.policy.historySize} at most`;
    }
    if (healthyMs < KEPT_MS) continue;
    for (const task of selector.tasks()) {
      const ended = endedMs.get(task.record.id);
      if (ended === undefined || !hasEnded(task.status) || nowMs - ended < KEPT_MS) continue;
      return `${task.record.id} ended ${nowMs - ended} ms ago and is still in memory`;
    }
  }
  return undefined;
}
