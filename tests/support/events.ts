import { RotaError } from '#rota/protocol/errors.js';
import type {
  AgentRegistered,
  TaskAssigned,
  TaskCompleted,
  TaskRecord,
  TaskReleased,
  TaskSubmitted,
} from '#rota/protocol/journal.js';

/** Single events for tests that tell one story, with only what matters named by the test. */

export const AT_MS = 1_700_000_000_000;

export function registered(agentId: string, index = 0): AgentRegistered {
  const profile = { pool: 'alpha', kind: 'bot' as const, capabilities: [], maxConcurrency: 1, prefetch: 0 };
  return { type: 'agentRegistered', atMs: AT_MS, agentId, session: 's-1', profile, index };
}

export function submitted(id: string, order: number, more: Partial<TaskRecord> = {}): TaskSubmitted {
  const task: TaskRecord = {
    id,
    pool: 'alpha',
    workType: 'default',
    capabilities: [],
    priority: 3,
    payload: { n: order },
    maxAttempts: 3,
    backoffMs: 0,
    submittedBy: 'client',
    watch: 'end',
    order,
    createdAtMs: AT_MS + order,
    ...more,
  };
  return { type: 'taskSubmitted', atMs: task.createdAtMs, task };
}

export function assigned(taskId: string, agentId: string, token = 1): TaskAssigned {
  const decision = { strategy: 'round-robin', reason: `${agentId} is next`, candidates: 1 };
  const atMs = AT_MS + 100;
  return { type: 'taskAssigned', atMs, taskId, pool: 'alpha', attempt: token, token, agentId, cursor: 0, decision };
}

export function released(
  taskId: string,
  agentId: string,
  outcome: TaskReleased['outcome'],
  message = 'The handler threw.',
): TaskReleased {
  const error = new RotaError('HANDLER_FAILED', message).toWire();
  return { type: 'taskReleased', atMs: AT_MS + 200, taskId, token: 1, agentId, outcome, error, backoffMs: 500 };
}

export function completed(taskId: string, agentId: string, token = 1): TaskCompleted {
  return { type: 'taskCompleted', atMs: AT_MS + 300, taskId, token, agentId, result: null, durationMs: 2.5 };
}
