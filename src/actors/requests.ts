import { isDeepStrictEqual } from 'node:util';
import type { Task } from '../machines/pool-task.js';
import { toTaskEvent } from '../machines/pool-task.js';
import type { ElsewhereTask, NewTask } from '../machines/selector-events.js';
import { decode, fieldPath, packedSize } from '../protocol/codec.js';
import { RotaError, type WireError } from '../protocol/errors.js';
import {
  CancelFrame,
  HeartbeatFrame,
  type Held,
  LeaveFrame,
  type NodeState,
  OrchestrateFrame,
  ProgressFrame,
  type Query,
  QueryFrame,
  RegisterFrame,
  type Report,
  ReportFrame,
  SubmitFrame,
  type TaskDetail,
} from '../protocol/frames.js';
import { LIMITS } from '../protocol/limits.js';
import type { Sender, Verb } from '../protocol/subjects.js';
import { isTerminal, type OrchestrationSpec, type TaskEvent, type TaskStatus } from '../protocol/task.js';
import type { KnownTask, OrchestrationDetail } from '../store/store.js';
import { checkGraph } from '../workflow/graph.js';
import type { Leader } from './leader.js';

/**
 * What each verb does. A handler decodes and checks everything first, looks up what it must, and then
 * acts in one `turn`: whatever it refuses has changed nothing. An answer given inside a turn leaves
 * after the commit of that turn.
 *
 * @throws RotaError which goes to the sender as an error reply.
 */
export const HANDLERS: Record<
  Verb,
  (leader: Leader, sender: Sender, bytes: Uint8Array, answer: (frame: object) => void) => void | Promise<void>
> = {
  async register(leader, { principal }, bytes, answer) {
    const { session, profile, held } = decode(RegisterFrame, bytes);
    // Before the checks: nothing may come between them and the turn.
    await confirmRevocations(leader, profile.pool, principal, held);
    const pool = leader.system.poolOf(principal);
    if (pool !== undefined && pool !== profile.pool) {
      throw new RotaError('POOL_MISMATCH', `Agent ${principal} is in pool ${pool}, not ${profile.pool}.`, {
        field: 'profile.pool',
      });
    }
    const roster = leader.system.selector(profile.pool)?.roster;
    if (pool === undefined && (roster?.size ?? 0) >= LIMITS.agentsPerPool) {
      throw new RotaError('POOL_FULL', `Pool ${profile.pool} has ${LIMITS.agentsPerPool} agents.`);
    }
    leader.turn(() => {
      leader.system.toPool(profile.pool, { type: 'REGISTER', agentId: principal, session, profile });
      leader.system.agentRegistered(principal, profile.pool);
      leader.system.toPool(profile.pool, { type: 'HEARTBEAT', agentId: principal, held });
      const { heartbeatMs, leaseMs } = leader.timing;
      const revoked = leader.system.selectorOf(profile.pool).revoked(principal, held);
      answer({ heartbeatMs, leaseMs, revoked });
    });
  },

  async heartbeat(leader, { principal }, bytes, answer) {
    const { session, held } = decode(HeartbeatFrame, bytes);
    await confirmRevocations(leader, presentPool(leader, principal, session), principal, held);
    const pool = presentPool(leader, principal, session);
    leader.turn(() => {
      leader.system.toAgent(principal, { type: 'HEARTBEAT', monoMs: leader.clock.monoMs() });
      leader.system.toPool(pool, { type: 'HEARTBEAT', agentId: principal, held });
      answer({ revoked: leader.system.selectorOf(pool).revoked(principal, held) });
    });
  },

  async report(leader, { principal }, bytes, answer) {
    const { session, reports: sent } = decode(ReportFrame, bytes);
    const reports = bytes.length > LIMITS.errorChars ? sent.map(withinBounds) : sent;
    const pool = leader.system.poolOf(principal);
    if (pool === undefined) throw unknownAgent(principal);
    const ids = reports.map((report) => report.taskId);
    const known = await knownTasks(leader, ids);
    const elsewhere = new Map<string, ElsewhereTask>(
      [...known].map(([id, task]) => [id, { ...task, status: task.event.status }] as const),
    );
    leader.turn(() => {
      for (const id of ids) {
        const task = leader.system.task(id);
        if (task !== undefined && task.record.pool !== pool) elsewhere.set(id, toKnown(task));
      }
      leader.weigh(bytes.length);
      // A new leader hears of an agent by its reports as well as by its heartbeats.
      if (isSuspect(leader, pool, principal, session)) {
        leader.system.toAgent(principal, { type: 'HEARTBEAT', monoMs: leader.clock.monoMs() });
      }
      leader.system.toPool(pool, { type: 'REPORT', agentId: principal, session, reports, elsewhere });
      answer({});
    });
  },

  progress(leader, { principal }, bytes, answer) {
    const { session, progress } = decode(ProgressFrame, bytes);
    const pool = memberPool(leader, principal, session);
    leader.turn(() => {
      leader.system.toPool(pool, { type: 'PROGRESS', agentId: principal, progress });
      answer({});
    });
  },

  leave(leader, { principal }, bytes, answer) {
    const { session, presence } = decode(LeaveFrame, bytes);
    if (presence === 'draining') presentPool(leader, principal, session);
    else memberPool(leader, principal, session);
    leader.turn(() => {
      leader.system.toAgent(principal, { type: presence === 'offline' ? 'LEAVE' : 'DRAIN' });
      answer({});
    });
  },

  async submit(leader, { principal, pool = '' }, bytes, answer) {
    const { tasks, watch } = decode(SubmitFrame, bytes);
    if (bytes.length > LIMITS.payloadBytes) {
      for (const [i, task] of tasks.entries()) assertSize(`tasks[${i}].payload`, task.payload);
    }
    leader.assertRoom();
    const ids = tasks.map((task) => task.id).filter((id) => !leader.newestId.isNew(id));
    const known = await knownTasks(leader, ids);
    leader.turn(() => {
      const fresh = new Set<string>();
      for (const { id } of tasks) if (!known.has(id) && !leader.system.isTaken(id)) fresh.add(id);
      const added: NewTask[] = [];
      const seen = new Set<string>();
      const duplicates = tasks.map((task) => {
        const isDuplicate = !fresh.has(task.id) || seen.has(task.id);
        seen.add(task.id);
        if (!isDuplicate) added.push({ ...task, pool, submittedBy: principal, watch });
        return isDuplicate;
      });
      if (added.length > 0) leader.weigh(bytes.length);
      leader.system.toPool(pool, { type: 'SUBMIT', tasks: added });
      answer({
        tasks: tasks.map(({ id }, i) => ({
          id,
          status: leader.system.task(id)?.status ?? known.get(id)?.event.status ?? 'pending',
          duplicate: duplicates[i],
        })),
      });
    });
  },

  async orchestrate(leader, { principal }, bytes, answer) {
    const { orchestration: spec, watch } = decode(OrchestrateFrame, bytes);
    assertGraph(spec);
    assertAnswerable(spec);
    leader.assertRoom();
    const stored = await leader.store.orchestration(spec.id);
    leader.turn(() => {
      const running = leader.system.orchestration(spec.id);
      const known = running?.spec ?? stored?.spec;
      if (known !== undefined) assertSame(spec, known);
      else leader.weigh(bytes.length);
      const taskIds = running?.taskIds ?? (stored && taskIdsOf(stored));
      answer({
        id: spec.id,
        duplicate: known !== undefined,
        taskIds: taskIds ?? leader.createOrchestration(spec, principal, watch),
      });
    });
  },

  async cancel(leader, _sender, bytes, answer) {
    const { taskIds, orchestrationId, mode } = decode(CancelFrame, bytes);
    if (orchestrationId !== undefined && leader.system.orchestration(orchestrationId) === undefined) {
      const stored = await leader.store.orchestration(orchestrationId);
      if (stored === undefined) throw unknownOrchestration(orchestrationId);
    }
    const known = await knownTasks(leader, taskIds);
    leader.turn(() => {
      if (orchestrationId !== undefined) leader.system.toOrchestration(orchestrationId, { type: 'CANCEL', mode });
      for (const [pool, ids] of byPool(leader, taskIds)) {
        leader.system.toPool(pool, { type: 'CANCEL', taskIds: ids, mode });
      }
      answer({
        tasks: taskIds.map((id) => {
          const status = leader.system.task(id)?.status ?? known.get(id)?.event.status;
          return status === undefined ? { id } : { id, status };
        }),
      });
    });
  },

  async query(leader, _sender, bytes, answer) {
    const query = decode(QueryFrame, bytes);
    const found = await answerQuery(leader, query);
    // In a turn, so that it leaves behind the commit of whatever it has seen in memory.
    leader.turn(() => answer(found));
  },
};

/**
 * What the store knows of the tasks that memory has forgotten, or never had. A task that is forgotten
 * while the store is being asked is asked for as well: when this resolves, each is in one of the two.
 */
async function knownTasks(leader: Leader, ids: readonly string[]): Promise<ReadonlyMap<string, KnownTask>> {
  const known = new Map<string, KnownTask>();
  const asked = new Set<string>();
  for (;;) {
    const missing = ids.filter((id) => !asked.has(id) && leader.system.task(id) === undefined);
    if (missing.length === 0) return known;
    for (const id of missing) asked.add(id);
    for (const [id, task] of await leader.store.known(missing)) known.set(id, task);
  }
}

function toKnown({ status, token, agentId }: Task): ElsewhereTask {
  return agentId === undefined ? { status, token } : { status, token, agentId };
}

function memberPool(leader: Leader, agentId: string, session: string): string {
  const pool = leader.system.poolOf(agentId);
  const member = pool === undefined ? undefined : leader.system.selector(pool)?.roster.get(agentId);
  if (pool === undefined || member === undefined) throw unknownAgent(agentId);
  if (member.session !== session) {
    throw new RotaError('SESSION_REPLACED', `Agent ${agentId} registered again as another process.`);
  }
  return pool;
}

/** The pool of an agent that is not offline. One that is has lost its tasks, and must register to come back. */
function presentPool(leader: Leader, agentId: string, session: string): string {
  const pool = memberPool(leader, agentId, session);
  if (leader.system.selector(pool)?.roster.get(agentId)?.presence === 'offline') throw unknownAgent(agentId);
  return pool;
}

function isSuspect(leader: Leader, pool: string, agentId: string, session: string): boolean {
  const member = leader.system.selector(pool)?.roster.get(agentId);
  return member?.presence === 'suspect' && member.session === session;
}

/**
 * An agent is told to drop a task only by one that leads: one that was deposed, and does not know yet,
 * would take from the agent what its successor gave it.
 */
async function confirmRevocations(leader: Leader, pool: string, agentId: string, held: readonly Held[]): Promise<void> {
  if (held.length === 0) return;
  const revoked = leader.system.selector(pool)?.revoked(agentId, held) ?? held;
  if (revoked.length > 0) await leader.confirm();
}

function byPool(leader: Leader, taskIds: readonly string[]): Map<string, string[]> {
  const pools = new Map<string, string[]>();
  for (const id of taskIds) {
    const pool = leader.system.task(id)?.record.pool;
    if (pool === undefined) continue;
    const ids = pools.get(pool);
    if (ids === undefined) pools.set(pool, [id]);
    else ids.push(id);
  }
  return pools;
}

async function answerQuery(leader: Leader, query: Query): Promise<object> {
  switch (query.query) {
    case 'events':
      return taskEvents(leader, query.taskIds);
    case 'task':
      return { task: await taskDetail(leader, query.taskId) };
    case 'tasks': {
      const { v: _, query: __, ...filter } = query;
      return { tasks: asManyAsFit(await leader.store.tasks(filter)) };
    }
    case 'agents':
      return { agents: asManyAsFit(await leader.store.agents(query.pool)) };
    case 'orchestration': {
      const stored = await leader.store.orchestration(query.orchestrationId);
      if (stored === undefined) throw unknownOrchestration(query.orchestrationId);
      return { orchestration: stored.orchestration, nodes: nodeStates(stored) };
    }
    case 'status':
      return leader.status();
  }
}

async function taskEvents(leader: Leader, ids: readonly string[]): Promise<object> {
  const known = await knownTasks(leader, ids);
  const events: TaskEvent[] = [];
  const unknown: string[] = [];
  for (const id of ids) {
    const task = leader.system.task(id);
    const event = task === undefined ? known.get(id)?.event : toTaskEvent(task);
    if (event === undefined) unknown.push(id);
    else events.push(event);
  }
  return { events, unknown };
}

async function taskDetail(leader: Leader, taskId: string): Promise<TaskDetail> {
  const detail = await leader.store.task(taskId);
  if (detail === undefined) throw new RotaError('UNKNOWN_TASK', `There is no task ${taskId}.`, { field: 'taskId' });
  const task = leader.system.task(taskId);
  if (task === undefined || isTerminal(task.status)) return detail;
  const reason = leader.system.selector(task.record.pool)?.whyWaiting(task);
  return {
    ...detail,
    task: { ...detail.task, ...(reason === undefined ? {} : { reason }) },
    ...(task.progress === undefined ? {} : { progress: task.progress }),
  };
}

/** Of an id that the coordinator makes. */
const ID_CHARS = 26;

/** Rows share a frame with their envelope. */
const ROWS_BYTES = LIMITS.frameBytes - 1_024;

/** The first of the rows, if not all fit a frame. */
function asManyAsFit<T>(rows: readonly T[]): readonly T[] {
  return packedSize(rows) <= ROWS_BYTES ? rows : asManyAsFit(rows.slice(0, rows.length >> 1));
}

function nodeStates({ tasks, nodes, skipped }: OrchestrationDetail): NodeState[] {
  const states = new Map<string, TaskStatus>(nodes.map((node) => [node.key, node.status]));
  return tasks.map((task) => ({
    ...task,
    state: skipped.includes(task.key) ? 'skipped' : (states.get(task.key) ?? 'waiting'),
  }));
}

function taskIdsOf({ tasks }: OrchestrationDetail): Record<string, string> {
  return Object.fromEntries(tasks.map((task) => [task.key, task.taskId]));
}

/** The file that a graph came from was checked already; this holds for those that came without one. */
function assertGraph(spec: OrchestrationSpec): void {
  const keys = new Set<string>();
  for (const [i, { key }] of spec.tasks.entries()) {
    if (keys.has(key)) {
      const field = `orchestration.tasks[${i}].key`;
      throw new RotaError('INVALID_VALUE', `${field} is ${key}, which another task has too.`, { field });
    }
    keys.add(key);
  }
  const [first] = checkGraph(spec.tasks);
  if (first === undefined) return;
  const field = `orchestration.${fieldPath(first.path)}`;
  throw new RotaError('INVALID_VALUE', `${field}: ${first.problem}.`, { field });
}

/** A repeated request is answered; another graph under the same id is not taken for one. */
function assertSame(spec: OrchestrationSpec, known: OrchestrationSpec): void {
  if (isDeepStrictEqual(spec, known)) return;
  const problem = `orchestration.id is ${spec.id}, which another orchestration has: its name or tasks differ.`;
  const remedy = 'Send the same again to resume it, or use another id.';
  throw new RotaError('INVALID_VALUE', problem, { field: 'orchestration.id', remedy });
}

/** Whoever asks for an orchestration gets all its tasks in one frame. */
function assertAnswerable({ tasks }: OrchestrationSpec): void {
  const nodes = tasks.map(({ key, pool }) => ({ key, pool, taskId: 'x'.repeat(ID_CHARS), state: 'completed' }));
  const size = packedSize(nodes);
  if (size <= ROWS_BYTES) return;
  const problem = `orchestration.tasks: a list of the ${tasks.length} tasks has ${size} bytes, the limit is ${ROWS_BYTES}.`;
  const remedy = 'Split the orchestration, or give its tasks shorter keys.';
  throw new RotaError('FRAME_TOO_LARGE', problem, { field: 'orchestration.tasks', remedy });
}

/**
 * A result that is too large ends its attempt: the agent would only send it again. An error is kept as
 * far as it fits an answer beside others.
 */
function withinBounds(report: Report): Report {
  if (report.outcome === 'failed') return { ...report, error: boundedError(report.error) };
  if (report.outcome !== 'completed' || packedSize(report.result) <= LIMITS.payloadBytes) return report;
  const { taskId, token, durationMs, result } = report;
  const problem = `The result has ${packedSize(result)} bytes, the limit is ${LIMITS.payloadBytes}.`;
  return { outcome: 'failed', taskId, token, durationMs, error: new RotaError('RESULT_TOO_LARGE', problem).toWire() };
}

function boundedError({ message, field, ...error }: WireError): WireError {
  const { errorChars, nameChars } = LIMITS;
  const place = field === undefined ? {} : { field: field.slice(0, nameChars) };
  return { ...error, message: message.slice(0, errorChars), ...place };
}

function assertSize(field: string, value: unknown): void {
  const size = packedSize(value);
  if (size <= LIMITS.payloadBytes) return;
  throw new RotaError('FRAME_TOO_LARGE', `${field} has ${size} bytes, the limit is ${LIMITS.payloadBytes}.`, { field });
}

function unknownAgent(agentId: string): RotaError {
  return new RotaError('UNKNOWN_AGENT', `Agent ${agentId} is not registered.`);
}

function unknownOrchestration(id: string): RotaError {
  return new RotaError('UNKNOWN_ORCHESTRATION', `There is no orchestration ${id}.`, { field: 'orchestrationId' });
}
