import type { AgentProfile, Presence } from '#rota/protocol/agent.js';
import type { JournalEvent, TaskAssigned, TaskRecord } from '#rota/protocol/journal.js';
import type { Policy } from '#rota/protocol/policy.js';
import type { OrchestrationSpec, TaskStatus } from '#rota/protocol/task.js';

/** What every fact so far adds up to, in plain maps: nothing of it is shared with the code under test. */

export interface ModelTask {
  readonly record: TaskRecord;
  status: TaskStatus;
  /** Attempts that count, the one under way included. */
  attempt: number;
  token: number;
  /** Who holds it, while it is held. */
  agentId: string | undefined;
  /** Who held it last. */
  lastAgentId: string | undefined;
  /** Not before this instant of the leaders' clock. */
  notBeforeMs: number;
  /** Since when it waits, by virtual time, and how long its pause is. */
  waitsSinceMs: number;
  backoffMs: number;
  readonly grants: { readonly token: number; readonly attempt: number; readonly agentId: string }[];
  readonly tried: Set<string>;
  readonly refusals: Map<string, number>;
  result: unknown;
}

export interface ModelAgent {
  readonly id: string;
  session: string;
  profile: AgentProfile;
  index: number;
  presence: Presence;
  isCordoned: boolean;
  isOffDuty: boolean;
}

export interface ModelPool {
  policy: Policy | undefined;
  readonly rotations: Map<string, number>;
  history: { readonly agentId: string; readonly monoMs: number }[];
}

export interface ModelOrchestration {
  readonly spec: OrchestrationSpec;
  readonly taskIds: Readonly<Record<string, string>>;
  status: 'running' | 'cancelling' | 'completed' | 'failed' | 'cancelled';
}

export type Ended = 'completed' | 'failed' | 'cancelled';

export function hasEnded(status: string): status is Ended {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

export function isHeld({ status }: ModelTask): boolean {
  return status === 'assigned' || status === 'running';
}

export class Model {
  readonly tasks = new Map<string, ModelTask>();
  readonly agents = new Map<string, ModelAgent>();
  readonly pools = new Map<string, ModelPool>();
  readonly orchestrations = new Map<string, ModelOrchestration>();
  readonly refused = new Set<string>();
  seq = 0;
  epoch = 0;
  /** The latest of the leaders' monotonic clock. */
  monoMs = 0;

  pool(name: string): ModelPool {
    let pool = this.pools.get(name);
    if (pool === undefined) {
      pool = { policy: undefined, rotations: new Map(), history: [] };
      this.pools.set(name, pool);
    }
    return pool;
  }

  load(agentId: string): number {
    let load = 0;
    for (const task of this.tasks.values()) if (task.agentId === agentId) load++;
    return load;
  }

  /** Names a refused report, as it is told and as it is recorded. */
  static refusal({ taskId, agentId, token, code }: { taskId: string; agentId: string; token: number; code: string }) {
    return `${taskId} ${agentId} ${token} ${code}`;
  }

  apply(event: JournalEvent, nowMs: number): void {
    const monoMs = monoMsOf(event);
    if (monoMs !== undefined) this.monoMs = Math.max(this.monoMs, monoMs);
    switch (event.type) {
      case 'taskSubmitted':
        return void this.tasks.set(event.task.id, newTask(event.task, nowMs));
      case 'taskAssigned':
        return this.#assign(event);
      case 'taskAccepted':
      case 'taskReleased':
      case 'taskCompleted':
      case 'taskFailed':
      case 'taskCancelled':
        return this.#change(event, nowMs);
      case 'reportRefused':
        return void this.refused.add(Model.refusal(event));
      case 'agentRegistered': {
        const { agentId: id, session, profile, index, presence, isCordoned, isOffDuty } = event;
        return void this.agents.set(id, { id, session, profile, index, presence, isCordoned, isOffDuty });
      }
      case 'agentPresence':
      case 'agentFlagged':
      case 'agentDeregistered':
        return this.#changeAgent(event);
      case 'policySet':
        this.pool(event.pool).policy = event.policy;
        return this.#cutHistory(event.pool);
      case 'rotationReset':
        this.pool(event.pool).rotations.clear();
        this.pool(event.pool).history = [];
        return;
      case 'orchestrationCreated': {
        const { spec, taskIds } = event;
        return void this.orchestrations.set(spec.id, { spec, taskIds, status: 'running' });
      }
      case 'orchestrationCancelling':
      case 'orchestrationEnded': {
        const known = this.orchestrations.get(event.orchestrationId);
        if (known !== undefined) known.status = event.type === 'orchestrationEnded' ? event.status : 'cancelling';
      }
    }
  }

  #assign({ taskId, attempt, token, agentId, pool, rotation, monoMs }: TaskAssigned): void {
    const task = this.tasks.get(taskId);
    if (task !== undefined) {
      Object.assign(task, { status: 'assigned', attempt, token, agentId, lastAgentId: agentId });
      task.grants.push({ token, attempt, agentId });
    }
    const { rotations, history } = this.pool(pool);
    rotations.set(rotation, this.agents.get(agentId)?.index ?? -1);
    history.push({ agentId, monoMs });
    this.#cutHistory(pool);
  }

  #change(
    event: Extract<
      JournalEvent,
      { type: 'taskAccepted' | 'taskReleased' | 'taskCompleted' | 'taskFailed' | 'taskCancelled' }
    >,
    nowMs: number,
  ): void {
    const task = this.tasks.get(event.taskId);
    if (task === undefined) return;
    if (event.type === 'taskAccepted') {
      task.status = 'running';
      return;
    }
    task.agentId = undefined;
    if (event.type === 'taskCompleted') task.result = event.result;
    if (event.type !== 'taskReleased') {
      task.status = event.type === 'taskCompleted' ? 'completed' : event.type === 'taskFailed' ? 'failed' : 'cancelled';
      return;
    }
    task.status = 'pending';
    task.notBeforeMs = event.monoMs + event.backoffMs;
    task.waitsSinceMs = nowMs;
    task.backoffMs = event.backoffMs;
    task.tried.add(event.agentId);
    if (event.outcome !== 'rejected') return;
    task.attempt--;
    task.refusals.set(event.agentId, (task.refusals.get(event.agentId) ?? 0) + 1);
  }

  #changeAgent(event: Extract<JournalEvent, { type: 'agentPresence' | 'agentFlagged' | 'agentDeregistered' }>): void {
    const agent = this.agents.get(event.agentId);
    if (agent === undefined) return;
    if (event.type === 'agentPresence') agent.presence = event.presence;
    else if (event.type === 'agentFlagged') {
      if (event.flag === 'cordoned') agent.isCordoned = event.isSet;
      else agent.isOffDuty = event.isSet;
    } else {
      this.agents.delete(agent.id);
      for (const pool of this.pools.values()) {
        pool.history = pool.history.map((one) => (one.agentId === agent.id ? { ...one, agentId: '' } : one));
      }
    }
  }

  #cutHistory(name: string): void {
    const pool = this.pool(name);
    if (pool.policy !== undefined) pool.history = pool.history.slice(-pool.policy.historySize);
  }
}

function newTask(record: TaskRecord, nowMs: number): ModelTask {
  return {
    record,
    status: 'pending',
    attempt: 0,
    token: 0,
    agentId: undefined,
    lastAgentId: undefined,
    notBeforeMs: Number.NEGATIVE_INFINITY,
    waitsSinceMs: nowMs,
    backoffMs: 0,
    grants: [],
    tried: new Set(),
    refusals: new Map(),
    result: undefined,
  };
}

/** The instant of the leaders' clock at which a fact was decided, where it says so. */
export function monoMsOf(event: JournalEvent): number | undefined {
  if ('monoMs' in event) return event.monoMs;
  return event.type === 'taskFailed' ? event.last?.monoMs : undefined;
}
