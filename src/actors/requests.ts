import { isDeepStrictEqual } from 'node:util';
import type { NewTask } from '../machines/selector-events.js';
import { decode, fieldPath, packedSize } from '../protocol/codec.js';
import { RotaError, type WireError } from '../protocol/errors.js';
import {
  CancelFrame,
  HeartbeatFrame,
  type Held,
  LeaveFrame,
  OrchestrateFrame,
  ProgressFrame,
  QueryFrame,
  RegisterFrame,
  type Report,
  ReportFrame,
  SubmitFrame,
} from '../protocol/frames.js';
import { LIMITS } from '../protocol/limits.js';
import type { Verb } from '../protocol/subjects.js';
import type { OrchestrationSpec } from '../protocol/task.js';
import type { OrchestrationDetail } from '../store/store.js';
import { checkGraph } from '../workflow/graph.js';
import type { Handler } from './handler.js';
import { assign, settle } from './handoffs.js';
import {
  assertSize,
  assertWorkTypes,
  byPool,
  elsewhereOf,
  knownTasks,
  unknownAgent,
  unknownOrchestration,
} from './knowledge.js';
import type { Leader } from './leader.js';
import { answerQuery, ROWS_BYTES } from './queries.js';
import { assertRoom, registry } from './registry.js';

/**
 * What each verb does. A handler decodes and checks everything first, looks up what it must, and then
 * acts in one `turn`: whatever it refuses has changed nothing. An answer given inside a turn leaves
 * after the commit of that turn.
 *
 * @throws RotaError which goes to the sender as an error reply.
 */
export const HANDLERS: Record<Verb, Handler> = {
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
    if (profile.availability === 'source') {
      const problem = 'profile.availability is source, but this agent registers itself and sends heartbeats.';
      const remedy = 'Leave it out, or have a client register the agent.';
      throw new RotaError('INVALID_VALUE', problem, { field: 'profile.availability', remedy });
    }
    assertRoom(leader, principal, profile);
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
      leader.system.toAgent(principal, { type: 'HEARTBEAT', monoMs: leader.monoMs });
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
    leader.turn(() => {
      const elsewhere = elsewhereOf(leader, pool, ids, known);
      leader.weigh(bytes.length);
      // A new leader hears of an agent by its reports as well as by its heartbeats.
      if (isSuspect(leader, pool, principal, session)) {
        leader.system.toAgent(principal, { type: 'HEARTBEAT', monoMs: leader.monoMs });
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
    leader.limitRate(principal, () => tasks.filter(({ id }) => leader.system.task(id) === undefined).length);
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
      assertWorkTypes(leader, pool, added);
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

  assign,
  settle,
  registry,

  async orchestrate(leader, { principal }, bytes, answer) {
    const { orchestration: spec, watch } = decode(OrchestrateFrame, bytes);
    assertGraph(spec);
    assertAnswerable(spec);
    leader.limitRate(principal, () => (leader.system.orchestration(spec.id) === undefined ? spec.tasks.length : 0));
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

/** Of an id that the coordinator makes. */
const ID_CHARS = 26;

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
