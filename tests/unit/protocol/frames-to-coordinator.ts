import * as frames from '#rota/protocol/frames.js';
import type { Json } from '#rota/protocol/json.js';
import { LIMITS } from '#rota/protocol/limits.js';
import { TASK_STATUSES } from '#rota/protocol/task.js';
import {
  atLeast,
  type Bound,
  bool,
  chars,
  type FrameCase,
  held,
  heldBounds,
  integer,
  items,
  label,
  name,
  node,
  nonNegative,
  oneOf,
  progress,
  progressBounds,
  session,
  task,
  taskFieldBounds,
  version,
  watch,
  wireError,
  wireErrorBounds,
} from './frame-bounds.js';

const report = (outcome: string, more: { [key: string]: Json }, bounds: readonly Bound[]): FrameCase => ({
  schema: frames.ReportFrame,
  minimal: { v: 1, session: 's', reports: [{ outcome, ...held, ...more }] },
  bounds: [
    version,
    session,
    name('reports', 0, 'taskId'),
    atLeast(1, 'reports', 0, 'token'),
    items(1, LIMITS.tasksPerFrame, { outcome, ...held, ...more }, 'reports'),
    { at: ['reports', 0, 'outcome'], takes: [], refuses: ['done', '', 'constructor', 1, null] },
    ...bounds,
  ],
});

const query = (kind: string, more: { [key: string]: Json }, bounds: readonly Bound[]): FrameCase => ({
  schema: frames.QueryFrame,
  minimal: { v: 1, query: kind, ...more },
  bounds: [version, { at: ['query'], takes: [], refuses: ['drop', '', 'constructor', 1, null] }, ...bounds],
});

/** What agents and clients send, and the short replies to it. */
export const TO_COORDINATOR: Readonly<Record<string, FrameCase>> = {
  RegisterFrame: {
    schema: frames.RegisterFrame,
    minimal: { v: 1, session: 's', profile: { pool: 'p' }, held: [] },
    bounds: [
      version,
      session,
      ...heldBounds('held'),
      name('profile', 'pool'),
      oneOf(['ai', 'human', 'bot'], 'profile', 'kind'),
      items(0, LIMITS.labels, 'a', 'profile', 'capabilities'),
      label('profile', 'capabilities', 0),
      integer(1, LIMITS.creditPerAgent, 'profile', 'maxConcurrency'),
      integer(0, LIMITS.creditPerAgent, 'profile', 'prefetch'),
    ],
  },
  RegisterReply: {
    schema: frames.RegisterReply,
    minimal: { v: 1, heartbeatMs: 1, leaseMs: 1, revoked: [] },
    bounds: [version, atLeast(1, 'heartbeatMs'), atLeast(1, 'leaseMs'), ...heldBounds('revoked')],
  },
  HeartbeatFrame: {
    schema: frames.HeartbeatFrame,
    minimal: { v: 1, session: 's', held: [held] },
    bounds: [version, session, name('held', 0, 'taskId'), atLeast(1, 'held', 0, 'token'), ...heldBounds('held')],
  },
  HeartbeatReply: {
    schema: frames.HeartbeatReply,
    minimal: { v: 1, revoked: [held] },
    bounds: [version, name('revoked', 0, 'taskId'), atLeast(1, 'revoked', 0, 'token'), ...heldBounds('revoked')],
  },
  'ReportFrame.accepted': report('accepted', {}, []),
  'ReportFrame.completed': report('completed', { durationMs: 0 }, [
    nonNegative('reports', 0, 'durationMs'),
    { at: ['reports', 0, 'result'], takes: [null, 'x', [1], { a: 1 }], refuses: [] },
  ]),
  'ReportFrame.failed': report('failed', { durationMs: 0, error: wireError }, [
    nonNegative('reports', 0, 'durationMs'),
    ...wireErrorBounds('reports', 0, 'error'),
  ]),
  ProgressFrame: {
    schema: frames.ProgressFrame,
    minimal: { v: 1, session: 's', progress: [progress] },
    bounds: [version, session, items(1, LIMITS.tasksPerFrame, progress, 'progress'), ...progressBounds('progress', 0)],
  },
  LeaveFrame: {
    schema: frames.LeaveFrame,
    minimal: { v: 1, session: 's', presence: 'draining' },
    bounds: [version, session, oneOf(['draining', 'offline'], 'presence')],
  },
  OkReply: { schema: frames.OkReply, minimal: { v: 1 }, bounds: [version] },
  SubmitFrame: {
    schema: frames.SubmitFrame,
    minimal: { v: 1, tasks: [task] },
    bounds: [
      version,
      watch,
      items(1, LIMITS.tasksPerFrame, task, 'tasks'),
      name('tasks', 0, 'id'),
      ...taskFieldBounds('tasks', 0),
    ],
  },
  SubmitReply: {
    schema: frames.SubmitReply,
    minimal: { v: 1, tasks: [{ id: 't', status: 'pending', duplicate: false }] },
    bounds: [
      version,
      name('tasks', 0, 'id'),
      oneOf(TASK_STATUSES, 'tasks', 0, 'status'),
      bool('tasks', 0, 'duplicate'),
    ],
  },
  OrchestrateFrame: {
    schema: frames.OrchestrateFrame,
    minimal: { v: 1, orchestration: { id: 'o', name: 'n', tasks: [node] } },
    bounds: [
      version,
      watch,
      name('orchestration', 'id'),
      { at: ['orchestration', 'name'], takes: ['n', chars(200)], refuses: ['', chars(201), 1, null] },
      items(1, LIMITS.tasksPerOrchestration, node, 'orchestration', 'tasks'),
      name('orchestration', 'tasks', 0, 'key'),
      name('orchestration', 'tasks', 0, 'pool'),
      items(0, LIMITS.tasksPerOrchestration, 'k', 'orchestration', 'tasks', 0, 'dependsOn'),
      name('orchestration', 'tasks', 0, 'dependsOn', 0),
      ...taskFieldBounds('orchestration', 'tasks', 0),
    ],
  },
  OrchestrateReply: {
    schema: frames.OrchestrateReply,
    minimal: { v: 1, id: 'o', duplicate: false, taskIds: { k: 't' } },
    bounds: [version, name('id'), bool('duplicate'), name('taskIds', 'k')],
  },
  CancelFrame: {
    schema: frames.CancelFrame,
    minimal: { v: 1 },
    bounds: [
      version,
      oneOf(['abort', 'drain'], 'mode'),
      items(0, LIMITS.tasksPerFrame, 't', 'taskIds'),
      name('taskIds', 0),
      name('orchestrationId'),
    ],
  },
  CancelReply: {
    schema: frames.CancelReply,
    minimal: { v: 1, tasks: [{ id: 't' }] },
    bounds: [version, name('tasks', 0, 'id'), oneOf(TASK_STATUSES, 'tasks', 0, 'status')],
  },
  'QueryFrame.events': query('events', { taskIds: ['t'] }, [
    items(1, LIMITS.tasksPerFrame, 't', 'taskIds'),
    name('taskIds', 0),
  ]),
  'QueryFrame.task': query('task', { taskId: 't' }, [name('taskId')]),
  'QueryFrame.tasks': query('tasks', {}, [
    oneOf(TASK_STATUSES, 'status'),
    name('pool'),
    name('orchestrationId'),
    integer(1, LIMITS.rowsPerQuery, 'limit'),
  ]),
  'QueryFrame.agents': query('agents', {}, [name('pool')]),
  'QueryFrame.orchestration': query('orchestration', { orchestrationId: 'o' }, [name('orchestrationId')]),
  'QueryFrame.status': query('status', {}, []),
};
