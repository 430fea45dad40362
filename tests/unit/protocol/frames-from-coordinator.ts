import * as frames from '#rota/protocol/frames.js';
import { TASK_STATUSES } from '#rota/protocol/task.js';
import {
  atLeast,
  type Bound,
  bool,
  type FrameCase,
  held,
  instant,
  label,
  name,
  oneOf,
  type Path,
  progress,
  progressBounds,
  text,
  version,
  wireError,
  wireErrorBounds,
} from './frame-bounds.js';

const taskEvent = { taskId: 't', status: 'completed', attempt: 1, atMs: 0 };
const taskEventBounds = (...at: Path): Bound[] => [
  name(...at, 'taskId'),
  oneOf(TASK_STATUSES, ...at, 'status'),
  atLeast(0, ...at, 'attempt'),
  instant(...at, 'atMs'),
  name(...at, 'agentId'),
  name(...at, 'orchestrationId'),
  text(...at, 'reason'),
];
const taskRow = {
  id: 't',
  pool: 'p',
  workType: 'w',
  capabilities: [],
  priority: 3,
  status: 'pending',
  attempt: 0,
  maxAttempts: 3,
  submittedBy: 'c',
  createdAtMs: 0,
};
const taskRowBounds = (...at: Path): Bound[] => [
  ...['id', 'pool', 'submittedBy', 'agentId', 'orchestrationId', 'key'].map((field) => name(...at, field)),
  ...['priority', 'attempt', 'maxAttempts'].map((field) => atLeast(0, ...at, field)),
  ...['createdAtMs', 'startedAtMs', 'endedAtMs'].map((field) => instant(...at, field)),
  label(...at, 'workType'),
  oneOf(TASK_STATUSES, ...at, 'status'),
  text(...at, 'reason'),
];
const attempt = {
  attempt: 1,
  token: 1,
  agentId: 'a',
  reason: 'r',
  strategy: 's',
  candidates: 1,
  outcome: 'open',
  assignedAtMs: 0,
};
const agentRow = {
  id: 'a',
  pool: 'p',
  kind: 'bot',
  capabilities: [],
  maxConcurrency: 1,
  prefetch: 0,
  presence: 'online',
  load: 0,
  completed: 0,
  failed: 0,
  registeredAtMs: 0,
};
const assignment = { taskId: 't', attempt: 1, token: 1, pool: 'p', workType: 'w', payload: null };
/** What queries answer, and what goes to one principal. */
export const FROM_COORDINATOR: Readonly<Record<string, FrameCase>> = {
  'QueryReplies.events': {
    schema: frames.QueryReplies.events,
    minimal: { v: 1, events: [taskEvent], unknown: ['t'] },
    bounds: [version, name('unknown', 0), ...taskEventBounds('events', 0)],
  },
  'QueryReplies.task': {
    schema: frames.QueryReplies.task,
    minimal: {
      v: 1,
      task: {
        task: taskRow,
        payload: null,
        attempts: [attempt],
        refusals: [{ agentId: 'a', token: 1, code: 'STALE_LEASE', atMs: 0 }],
      },
    },
    bounds: [
      version,
      ...taskRowBounds('task', 'task'),
      ...['attempt', 'candidates'].map((field) => atLeast(0, 'task', 'attempts', 0, field)),
      atLeast(1, 'task', 'attempts', 0, 'token'),
      name('task', 'attempts', 0, 'agentId'),
      oneOf(['open', 'completed', 'failed', 'released', 'cancelled'], 'task', 'attempts', 0, 'outcome'),
      ...['reason', 'strategy'].map((field) => text('task', 'attempts', 0, field)),
      ...['assignedAtMs', 'endedAtMs'].map((field) => instant('task', 'attempts', 0, field)),
      name('task', 'refusals', 0, 'agentId'),
      atLeast(0, 'task', 'refusals', 0, 'token'),
      text('task', 'refusals', 0, 'code'),
      instant('task', 'refusals', 0, 'atMs'),
    ],
  },
  'QueryReplies.tasks': {
    schema: frames.QueryReplies.tasks,
    minimal: { v: 1, tasks: [taskRow] },
    bounds: [version, ...taskRowBounds('tasks', 0)],
  },
  'QueryReplies.agents': {
    schema: frames.QueryReplies.agents,
    minimal: { v: 1, agents: [agentRow] },
    bounds: [
      version,
      name('agents', 0, 'id'),
      name('agents', 0, 'pool'),
      oneOf(['ai', 'human', 'bot'], 'agents', 0, 'kind'),
      oneOf(['online', 'suspect', 'draining', 'offline'], 'agents', 0, 'presence'),
      ...['maxConcurrency', 'prefetch', 'load', 'completed', 'failed'].map((field) => atLeast(0, 'agents', 0, field)),
      instant('agents', 0, 'registeredAtMs'),
    ],
  },
  'QueryReplies.orchestration': {
    schema: frames.QueryReplies.orchestration,
    minimal: {
      v: 1,
      orchestration: { id: 'o', name: 'n', status: 'running', createdAtMs: 0 },
      nodes: [{ key: 'k', taskId: 't', pool: 'p', state: 'waiting' }],
    },
    bounds: [
      version,
      name('orchestration', 'id'),
      text('orchestration', 'name'),
      oneOf(['running', 'cancelling', 'completed', 'failed', 'cancelled'], 'orchestration', 'status'),
      ...['createdAtMs', 'endedAtMs'].map((field) => instant('orchestration', field)),
      ...['key', 'taskId', 'pool'].map((field) => name('nodes', 0, field)),
      oneOf([...TASK_STATUSES, 'waiting', 'skipped'], 'nodes', 0, 'state'),
    ],
  },
  'QueryReplies.status': {
    schema: frames.QueryReplies.status,
    minimal: {
      v: 1,
      namespace: 'rota',
      epoch: 1,
      store: 'memory',
      version: '0.1.0',
      pools: [{ pool: 'p', waiting: 0, active: 0, agents: 0, online: 0 }],
    },
    bounds: [
      version,
      name('namespace'),
      atLeast(0, 'epoch'),
      text('store'),
      text('version'),
      name('pools', 0, 'pool'),
      ...['waiting', 'active', 'agents', 'online'].map((field) => atLeast(0, 'pools', 0, field)),
    ],
  },
  ErrorReply: {
    schema: frames.ErrorReply,
    minimal: { v: 1, error: wireError },
    bounds: [version, ...wireErrorBounds('error')],
  },
  ToFrame: { schema: frames.ToFrame, minimal: { v: 1 }, bounds: [version] },
  'ToFrame.assignments': {
    schema: frames.ToFrame,
    minimal: { v: 1, assignments: [assignment] },
    bounds: [
      ...['taskId', 'pool', 'orchestrationId', 'key'].map((field) => name('assignments', 0, field)),
      ...['attempt', 'token', 'timeoutMs'].map((field) => atLeast(1, 'assignments', 0, field)),
      label('assignments', 0, 'workType'),
      { at: ['assignments', 0, 'inputs'], takes: [{}, { k: null }, { constructor: 1 }], refuses: [[], 'x', null] },
      { at: ['assignments', 0, 'inputs'], takes: [], refuses: [{ 'a b': 1 }], names: 'assignments[0].inputs.?' },
    ],
  },
  'ToFrame.acks': {
    schema: frames.ToFrame,
    minimal: { v: 1, acks: [{ ...held, outcome: 'completed', accepted: true }] },
    bounds: [
      name('acks', 0, 'taskId'),
      atLeast(1, 'acks', 0, 'token'),
      oneOf(['accepted', 'completed', 'failed'], 'acks', 0, 'outcome'),
      bool('acks', 0, 'accepted'),
      text('acks', 0, 'code'),
    ],
  },
  'ToFrame.cancels': {
    schema: frames.ToFrame,
    minimal: { v: 1, cancels: [{ ...held, reason: 'cancelled' }] },
    bounds: [
      name('cancels', 0, 'taskId'),
      atLeast(1, 'cancels', 0, 'token'),
      oneOf(['cancelled', 'timeout'], 'cancels', 0, 'reason'),
    ],
  },
  'ToFrame.events': {
    schema: frames.ToFrame,
    minimal: { v: 1, events: [taskEvent] },
    bounds: taskEventBounds('events', 0),
  },
  'ToFrame.orchestrations': {
    schema: frames.ToFrame,
    minimal: { v: 1, orchestrations: [{ orchestrationId: 'o', status: 'running', skipped: ['k'] }] },
    bounds: [
      name('orchestrations', 0, 'orchestrationId'),
      oneOf(['running', 'cancelling', 'completed', 'failed', 'cancelled'], 'orchestrations', 0, 'status'),
      name('orchestrations', 0, 'skipped', 0),
      text('orchestrations', 0, 'reason'),
    ],
  },
  'ToFrame.progress': {
    schema: frames.ToFrame,
    minimal: { v: 1, progress: [{ agentId: 'a', ...progress }] },
    bounds: [name('progress', 0, 'agentId'), ...progressBounds('progress', 0)],
  },
};
