import type { AgentProfile } from '#rota/protocol/agent.js';
import type { Decision } from '#rota/protocol/decision.js';
import { RotaError } from '#rota/protocol/errors.js';
import type {
  AgentDeregistered,
  AgentRegistered,
  AttemptEnded,
  TaskAssigned,
  TaskCompleted,
  TaskFailed,
  TaskRecord,
  TaskReleased,
  TaskSubmitted,
} from '#rota/protocol/journal.js';

/** Single events for tests that tell one story, with only what matters named by the test. */

export const AT_MS = 1_700_000_000_000;

export const PROFILE: AgentProfile = {
  pool: 'alpha',
  kind: 'bot',
  enabled: true,
  availability: 'heartbeat',
  capabilities: [],
  roles: [],
  specializations: [],
  maxConcurrency: 1,
  prefetch: 0,
};

export function registered(agentId: string, index = 0, more: Partial<AgentRegistered> = {}): AgentRegistered {
  return {
    type: 'agentRegistered',
    atMs: AT_MS,
    agentId,
    session: 's-1',
    profile: PROFILE,
    index,
    presence: 'online',
    isCordoned: false,
    isOffDuty: false,
    ...more,
  };
}

export function deregistered(agentId: string): AgentDeregistered {
  return { type: 'agentDeregistered', atMs: AT_MS, agentId };
}

export function submitted(id: string, order: number, more: Partial<TaskRecord> = {}): TaskSubmitted {
  const task: TaskRecord = {
    id,
    pool: 'alpha',
    workType: 'default',
    capabilities: [],
    roles: [],
    excludeAgents: [],
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

export function decision(agentId: string, more: Partial<Decision> = {}): Decision {
  return {
    strategy: 'round-robin',
    policyVersion: '0123456789ab',
    reason: `${agentId} is next`,
    candidates: 1,
    excluded: {},
    successRatePercent: 50,
    specializationMatch: false,
    recentContextMatch: false,
    retried: false,
    latencyMs: 0.5,
    ...more,
  };
}

export function assigned(taskId: string, agentId: string, token = 1, more: Partial<TaskAssigned> = {}): TaskAssigned {
  return {
    type: 'taskAssigned',
    atMs: AT_MS + 100,
    monoMs: 100,
    workType: 'default',
    taskId,
    pool: 'alpha',
    attempt: token,
    token,
    agentId,
    rotation: '',
    cursor: 0,
    decision: decision(agentId),
    ...more,
  };
}

function ended(agentId: string, outcome: AttemptEnded['outcome']): AttemptEnded {
  return { attempt: 1, workType: 'default', monoMs: 200, token: 1, agentId, outcome };
}

export function released(
  taskId: string,
  agentId: string,
  outcome: TaskReleased['outcome'],
  message = 'The handler threw.',
): TaskReleased {
  const error = new RotaError('HANDLER_FAILED', message).toWire();
  return { type: 'taskReleased', atMs: AT_MS + 200, taskId, ...ended(agentId, outcome), error, backoffMs: 500 };
}

export function failed(taskId: string, agentId: string, more: Partial<AttemptEnded> = {}): TaskFailed {
  const error = new RotaError('HANDLER_FAILED', 'The handler threw.').toWire();
  return { type: 'taskFailed', atMs: AT_MS + 400, taskId, error, last: { ...ended(agentId, 'failed'), ...more } };
}

export function completed(
  taskId: string,
  agentId: string,
  token = 1,
  more: Partial<TaskCompleted> = {},
): TaskCompleted {
  return {
    type: 'taskCompleted',
    atMs: AT_MS + 300,
    monoMs: 300,
    workType: 'default',
    taskId,
    token,
    agentId,
    result: null,
    durationMs: 2.5,
    difficulty: 'straightforward',
    ...more,
  };
}
