import type { RoutingDecision } from '#rota/protocol/decision.js';
import type { AgentRow, AttemptRow, PerformanceRow, TaskDetail, TaskRow } from '#rota/protocol/frames.js';
import type {
  EndedAttempt,
  JournalEvent,
  JournalRow,
  NodeImage,
  OrchestrationCreated,
  OrchestrationEnded,
  OrchestrationImage,
  PoolImage,
  TaskImage,
  TaskRecord,
} from '#rota/protocol/journal.js';
import type { Json } from '#rota/protocol/json.js';
import type { KnownTask, OrchestrationDetail } from '#rota/store/store.js';
import { PoolReplay } from './replay-pools.js';

/**
 * What a store should answer, found the slow and obvious way: the whole history is kept, and every
 * answer is worked out from all of it. Shares no code with the stores.
 */
export class Replay {
  readonly #events: JournalEvent[];
  readonly #pools: PoolReplay;

  constructor(rows: readonly JournalRow[]) {
    this.#events = rows.flatMap((row) => row.events);
    this.#pools = new PoolReplay(this.#events);
  }

  taskIds(): string[] {
    return this.#of('taskSubmitted').map((event) => event.task.id);
  }

  orchestrationIds(): string[] {
    return this.#of('orchestrationCreated').map((event) => event.spec.id);
  }

  known(taskId: string): KnownTask {
    const { record, row, result, last, changedAtMs } = this.#task(taskId);
    const { orchestrationId, handoff } = record;
    const isHeld = row.status === 'assigned' || row.status === 'running';
    const token = handoff !== undefined && isHeld ? last?.token : undefined;
    return {
      event: {
        taskId,
        status: row.status,
        attempt: row.attempt,
        atMs: changedAtMs,
        ...defined({ token, agentId: row.agentId, orchestrationId, reason: row.reason, error: row.error, result }),
      },
      token: last?.token ?? 0,
      ...defined({ agentId: last?.agentId, handedOverBy: handoff === undefined ? undefined : record.submittedBy }),
    };
  }

  detail(taskId: string): TaskDetail {
    const { record, row, result, attempts } = this.#task(taskId);
    const refusals = this.#of('reportRefused')
      .filter((event) => event.taskId === taskId)
      .map(({ agentId, token, code, atMs }) => ({ agentId, token, code, atMs }));
    return { task: row, payload: record.payload, ...defined({ result }), attempts, refusals };
  }

  /** All, newest first. */
  tasks(): TaskRow[] {
    const records = this.#of('taskSubmitted').map((event) => event.task);
    records.sort((a, b) => b.createdAtMs - a.createdAtMs || b.order - a.order || (a.id < b.id ? -1 : 1));
    return records.map(({ id }) => this.#task(id).row);
  }

  agents(): AgentRow[] {
    const tasks = this.tasks();
    const performance = this.performance();
    const rows = [...this.#pools.agents.values()].map(({ image, registeredAtMs }) => {
      const { id, profile, index, presence, isCordoned: cordoned, isOffDuty: offDuty } = image;
      const { workingHours: _hours, embedding: _embedding, ...said } = profile;
      const holds = (task: TaskRow) => task.agentId === id && ['assigned', 'running'].includes(task.status);
      const own = performance.filter(({ agentId }) => agentId === id);
      const counts = {
        load: tasks.filter(holds).length,
        completed: own.reduce((sum, row) => sum + row.successCount, 0),
        failed: own.reduce((sum, row) => sum + row.failureCount, 0),
      };
      return { index, row: { id, ...said, presence, cordoned, offDuty, ...counts, registeredAtMs } };
    });
    rows.sort((a, b) => (a.row.pool === b.row.pool ? a.index - b.index : a.row.pool < b.row.pool ? -1 : 1));
    return rows.map(({ row }) => row);
  }

  /** By agent and work type. */
  performance(): PerformanceRow[] {
    return this.#pools.performance().map(({ successes: _s, failures: _f, lastMonoMs: _m, ...row }) => row);
  }

  /** All, newest first. */
  decisions(): RoutingDecision[] {
    const made = this.#of('taskAssigned').reverse();
    made.sort((a, b) => b.atMs - a.atMs);
    return made.map(({ taskId, token, attempt, workType, pool, agentId, atMs, decision }) => ({
      ...{ taskId, token, attempt, workType, pool, agentId, atMs },
      ...decision,
    }));
  }

  orchestration(id: string): OrchestrationDetail {
    const { created, ended, nodes, isCancelling } = this.#orchestration(id);
    const { spec, taskIds, atMs } = created;
    return {
      spec,
      orchestration: {
        id,
        name: spec.name,
        status: ended?.status ?? (isCancelling ? 'cancelling' : 'running'),
        createdAtMs: atMs,
        ...defined({ endedAtMs: ended?.atMs }),
      },
      skipped: ended?.skipped ?? [],
      tasks: spec.tasks.map(({ key, pool }) => ({ key, taskId: taskIds[key] ?? '', pool })),
      nodes,
    };
  }

  images(): { monoMs: number; pools: PoolImage[]; orchestrations: OrchestrationImage[]; newestId: string } {
    const running = this.orchestrationIds()
      .map((id) => this.#orchestration(id))
      .filter(({ ended }) => ended === undefined);
    running.sort(({ created: a }, { created: b }) => a.atMs - b.atMs || (a.spec.id < b.spec.id ? -1 : 1));
    return {
      monoMs: this.#pools.monoMs,
      pools: [...this.#pools.pools].sort().map((pool) => this.#pool(pool)),
      orchestrations: running.map(({ created: { spec, submittedBy, watch, taskIds }, nodes, isCancelling }) => ({
        spec,
        submittedBy,
        watch,
        taskIds,
        isCancelling,
        nodes,
      })),
      newestId:
        this.taskIds()
          .filter((id) => /^[0-7]/.test(id))
          .sort()
          .at(-1) ?? '',
    };
  }

  #pool(pool: string): PoolImage {
    const records = this.#of('taskSubmitted').filter((event) => event.task.pool === pool);
    const agents = [...this.#pools.agents.values()]
      .map(({ image }) => image)
      .filter((one) => one.profile.pool === pool);
    const isOwn = ({ agentId }: { agentId: string }) => agents.some(({ id }) => id === agentId);
    return {
      pool,
      rotations: this.#pools.rotations(pool),
      lastOrder: Math.max(0, ...records.map((event) => event.task.order)),
      ...defined({ policy: this.#pools.policies.get(pool) }),
      history: this.#pools.history(pool),
      performance: this.#pools
        .performance()
        .filter(isOwn)
        .map(({ agentId, workType, successes, failures, lastMonoMs }) => ({
          ...{ agentId, workType, successes, failures, lastMonoMs },
        })),
      agents: agents.sort((a, b) => a.index - b.index),
      tasks: records.flatMap((event) => this.#image(event.task)),
    };
  }

  #image(record: TaskRecord): TaskImage[] {
    const { row, last, backoffMs, assignedMonoMs, ended } = this.#task(record.id);
    const { status, attempt } = row;
    const image = { task: record, attempt, token: last?.token ?? 0, backoffMs, ended };
    if (status === 'pending') return [{ ...image, status, ...defined({ reason: row.reason }) }];
    if (status === 'assigned' || status === 'running') {
      return [{ ...image, status, ...defined({ agentId: row.agentId, assignedMonoMs }) }];
    }
    return [];
  }

  #orchestration(id: string): {
    created: OrchestrationCreated;
    ended: OrchestrationEnded | undefined;
    nodes: NodeImage[];
    isCancelling: boolean;
  } {
    const created = found(this.#of('orchestrationCreated').find((event) => event.spec.id === id));
    const ended = this.#of('orchestrationEnded').find((event) => event.orchestrationId === id);
    const isCancelling = this.#of('orchestrationCancelling').some((event) => event.orchestrationId === id);
    const submitted = new Set(this.taskIds());
    const nodes = created.spec.tasks.flatMap(({ key }) => {
      const taskId = created.taskIds[key] ?? '';
      if (!submitted.has(taskId)) return [];
      const { row, result } = this.#task(taskId);
      return [{ key, status: row.status, ...defined({ result, error: row.error }) }];
    });
    return { created, ended, nodes, isCancelling };
  }

  /** Walks the whole life of one task. */
  #task(taskId: string) {
    const { task: record, atMs } = found(this.#of('taskSubmitted').find((event) => event.task.id === taskId));
    let row: TaskRow = {
      id: taskId,
      pool: record.pool,
      workType: record.workType,
      capabilities: record.capabilities,
      roles: record.roles,
      excludeAgents: record.excludeAgents,
      priority: record.priority,
      status: 'pending',
      attempt: 0,
      maxAttempts: record.maxAttempts,
      submittedBy: record.submittedBy,
      createdAtMs: record.createdAtMs,
      ...defined({ assignee: record.assignee, strategy: record.strategy }),
      ...defined({ orchestrationId: record.orchestrationId, key: record.key }),
    };
    const ended: EndedAttempt[] = [];
    let assignedMonoMs: number | undefined;
    const attempts: AttemptRow[] = [];
    let result: Json | undefined;
    let last: { token: number; agentId: string } | undefined;
    let backoffMs = 0;
    let changedAtMs = atMs;
    const endAttempt = (end: Pick<AttemptRow, 'outcome' | 'error' | 'endedAtMs'>) => {
      const attempt = attempts.pop();
      if (attempt) attempts.push(attempt.outcome === 'open' ? { ...attempt, ...end } : attempt);
    };
    for (const event of this.#events) {
      if (!('taskId' in event) || event.taskId !== taskId || event.type === 'reportRefused') continue;
      changedAtMs = event.atMs;
      const { reason: _reason, agentId: _agentId, ...bare } = row;
      switch (event.type) {
        case 'taskAssigned': {
          const { agentId, attempt, token, decision } = event;
          const { strategy, reason, candidates } = decision;
          last = { token, agentId };
          assignedMonoMs = event.monoMs;
          row = { ...bare, status: 'assigned', attempt, agentId, reason: decision.reason, startedAtMs: event.atMs };
          attempts.push({
            ...{ attempt, token, agentId, strategy, reason, candidates },
            outcome: 'open',
            assignedAtMs: event.atMs,
          });
          break;
        }
        case 'taskAccepted':
          row = { ...row, status: 'running' };
          break;
        case 'taskReleased':
          backoffMs = event.backoffMs;
          row = { ...bare, status: 'pending', reason: event.error.message };
          if (event.outcome === 'rejected') row.attempt--;
          ended.push({
            attempt: event.attempt,
            agentId: event.agentId,
            outcome: event.outcome,
            error: event.error,
          });
          endAttempt({ outcome: event.outcome, error: event.error, endedAtMs: event.atMs });
          break;
        case 'taskCompleted':
          result = event.result;
          row = { ...bare, status: 'completed', agentId: event.agentId, endedAtMs: event.atMs };
          endAttempt({ outcome: 'completed', endedAtMs: event.atMs });
          break;
        case 'taskFailed': {
          const { error, last: lost, atMs: endedAtMs } = event;
          row = { ...bare, status: 'failed', error, endedAtMs, ...defined({ agentId: lost?.agentId }) };
          if (lost) endAttempt({ outcome: lost.outcome, error, endedAtMs });
          break;
        }
        case 'taskCancelled': {
          const { agentId, atMs: endedAtMs } = event;
          row = { ...bare, status: 'cancelled', endedAtMs, ...defined({ agentId }) };
          endAttempt({ outcome: 'cancelled', endedAtMs });
          break;
        }
      }
    }
    return { record, row, attempts, ended, result, last, backoffMs, assignedMonoMs, changedAtMs };
  }

  #of<Type extends JournalEvent['type']>(type: Type): Extract<JournalEvent, { type: Type }>[] {
    return this.#events.filter((event): event is Extract<JournalEvent, { type: Type }> => event.type === type);
  }
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the history does not have it');
  return value;
}

function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
