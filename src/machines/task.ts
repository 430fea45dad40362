import type { TaskStatus } from '../protocol/task.js';

/** What can happen to a task. */
export const TASK_TRANSITIONS = ['assign', 'accept', 'release', 'complete', 'fail', 'cancel'] as const;
export type TaskTransition = (typeof TASK_TRANSITIONS)[number];

/**
 * The whole life of a task. This table is the transition function: what it does not list does not
 * happen. Terminal states absorb.
 */
export const TASK_TABLE: Record<TaskStatus, Record<TaskTransition, TaskStatus | 'refused'>> = {
  pending: {
    assign: 'assigned',
    accept: 'refused',
    release: 'refused',
    complete: 'refused',
    fail: 'failed',
    cancel: 'cancelled',
  },
  assigned: {
    assign: 'refused',
    accept: 'running',
    release: 'pending',
    complete: 'completed',
    fail: 'failed',
    cancel: 'cancelled',
  },
  running: {
    assign: 'refused',
    accept: 'running',
    release: 'pending',
    complete: 'completed',
    fail: 'failed',
    cancel: 'cancelled',
  },
  completed: refuseAll(),
  failed: refuseAll(),
  cancelled: refuseAll(),
};

function refuseAll(): Record<TaskTransition, 'refused'> {
  return {
    assign: 'refused',
    accept: 'refused',
    release: 'refused',
    complete: 'refused',
    fail: 'refused',
    cancel: 'refused',
  };
}

/** @throws Error on a transition that the table refuses: the caller had to check, so it is a fault of ours. */
export function nextStatus(status: TaskStatus, transition: TaskTransition): TaskStatus {
  const next = TASK_TABLE[status][transition];
  if (next === 'refused') throw new Error(`A ${status} task can't ${transition}.`);
  return next;
}

/** Whether an agent holds the task: it has a live lease. */
export function isHeld(status: TaskStatus): boolean {
  return status === 'assigned' || status === 'running';
}
