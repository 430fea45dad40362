import * as frames from '#rota/protocol/frames.js';
import type { Json } from '#rota/protocol/json.js';
import { LIMITS } from '#rota/protocol/limits.js';
import { STRATEGIES } from '#rota/protocol/policy.js';
import { TASK_STATUSES } from '#rota/protocol/task.js';
import {
  atLeast,
  type Bound,
  bool,
  chars,
  difficulty,
  type FrameCase,
  held,
  heldBounds,
  instant,
  integer,
  items,
  label,
  longText,
  name,
  node,
  nonNegative,
  oneOf,
  profile,
  profileBounds,
  progress,
  progressBounds,
  session,
  task,
  taskFieldBounds,
  text,
  version,
  watch,
  wireError,
  wireErrorBounds,
  workingHours,
  workingHoursBounds,
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

const settlement = (action: string, more: { [key: string]: Json }, bounds: readonly Bound[]): FrameCase => ({
  schema: frames.SettleFrame,
  minimal: { v: 1, settlements: [{ action, ...held, ...more }] },
  bounds: [
    version,
    name('settlements', 0, 'taskId'),
    atLeast(1, 'settlements', 0, 'token'),
    items(1, LIMITS.tasksPerFrame, { action, ...held, ...more }, 'settlements'),
    { at: ['settlements', 0, 'action'], takes: [], refuses: ['accept', '', 'constructor', 1, null] },
    ...bounds,
  ],
});

const operation = (op: string, more: { [key: string]: Json }, bounds: readonly Bound[]): FrameCase => ({
  schema: frames.RegistryFrame,
  minimal: { v: 1, op, agentId: 'a', ...more },
  bounds: [
    version,
    name('agentId'),
    { at: ['op'], takes: [], refuses: ['drop', '', 'constructor', 1, null] },
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
    minimal: { v: 1, session: 's', profile, held: [] },
    bounds: [version, session, ...heldBounds('held'), ...profileBounds('profile')],
  },
  'RegisterFrame.workingHours': {
    schema: frames.RegisterFrame,
    minimal: { v: 1, session: 's', profile: { ...profile, workingHours }, held: [] },
    optional: ['workingHours'],
    bounds: workingHoursBounds('profile', 'workingHours'),
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
    difficulty('reports', 0, 'difficulty'),
    { at: ['reports', 0, 'result'], takes: [null, 'x', [1], { a: 1 }], refuses: [] },
  ]),
  'ReportFrame.failed': report('failed', { durationMs: 0, error: wireError }, [
    nonNegative('reports', 0, 'durationMs'),
    difficulty('reports', 0, 'difficulty'),
    ...wireErrorBounds('reports', 0, 'error'),
  ]),
  'ReportFrame.rejected': report('rejected', {}, [longText(LIMITS.errorChars, 'reports', 0, 'reason')]),
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
      oneOf(STRATEGIES, 'orchestration', 'strategy'),
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
  AssignFrame: {
    schema: frames.AssignFrame,
    minimal: { v: 1, task },
    bounds: [
      version,
      name('task', 'id'),
      ...taskFieldBounds('task'),
      name('fromAgent'),
      integer(0, LIMITS.excludedAgents, 'hops'),
      integer(1, LIMITS.durationMs, 'acceptTimeoutMs'),
    ],
  },
  AssignReply: {
    schema: frames.AssignReply,
    minimal: { v: 1, taskId: 't', agentId: 'a', token: 1, attempt: 1, reason: 'r', duplicate: false },
    bounds: [
      version,
      ...['taskId', 'agentId'].map((field) => name(field)),
      ...['token', 'attempt'].map((field) => atLeast(1, field)),
      text('reason'),
      bool('duplicate'),
    ],
  },
  'SettleFrame.confirm': settlement('confirm', {}, []),
  'SettleFrame.release': settlement('release', {}, [longText(LIMITS.errorChars, 'settlements', 0, 'reason')]),
  'SettleFrame.complete': settlement('complete', {}, [
    nonNegative('settlements', 0, 'durationMs'),
    difficulty('settlements', 0, 'difficulty'),
    { at: ['settlements', 0, 'result'], takes: [null, 'x', [1], { a: 1 }], refuses: [] },
  ]),
  'SettleFrame.fail': settlement('fail', { reason: 'r' }, [
    nonNegative('settlements', 0, 'durationMs'),
    longText(LIMITS.errorChars, 'settlements', 0, 'reason'),
  ]),
  SettleReply: {
    schema: frames.SettleReply,
    minimal: { v: 1, settled: [{ ...held, accepted: true }] },
    bounds: [
      version,
      name('settled', 0, 'taskId'),
      atLeast(1, 'settled', 0, 'token'),
      bool('settled', 0, 'accepted'),
      text('settled', 0, 'code'),
    ],
  },
  'RegistryFrame.register': operation('register', { profile }, profileBounds('profile')),
  'RegistryFrame.deregister': operation('deregister', {}, []),
  'RegistryFrame.cordon': operation('cordon', {}, []),
  'RegistryFrame.uncordon': operation('uncordon', {}, []),
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
  'QueryFrame.decisions': query('decisions', {}, [
    ...['taskId', 'agentId', 'pool'].map((field) => name(field)),
    label('workType'),
    ...['fromMs', 'toMs'].map((field) => instant(field)),
    integer(1, LIMITS.rowsPerQuery, 'limit'),
  ]),
  'QueryFrame.performance': query('performance', {}, [
    name('agentId'),
    label('workType'),
    integer(1, LIMITS.rowsPerQuery, 'limit'),
  ]),
  'QueryFrame.explain': query('explain', { taskId: 't' }, [name('taskId')]),
  'QueryFrame.replay': query('replay', { taskId: 't' }, [name('taskId'), atLeast(1, 'token')]),
  'QueryFrame.metrics': query('metrics', {}, []),
};
