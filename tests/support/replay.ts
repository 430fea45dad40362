import type { AgentRow, AttemptRow, TaskDetail, TaskRow } from '#rota/protocol/frames.js';
import type {
  AgentRegistered,
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

/**
 * What a store should answer, found the slow and obvious way: the whole history is kept, and every
 * answer is worked out from all of it. Shares no code with the stores.
 */
export class Replay {
  readonly #events: JournalEvent[];

  constructor(rows: readonly JournalRow[]) {
    this.#events = rows.flatMap((row) => row.events);
  }

  taskIds(): string[] {
    return this.#of('taskSubmitted').map((event) => event.task.id);
  }

  orchestrationIds(): string[] {
    return this.#of('orchestrationCreated').map((event) => event.spec.id);
  }

  known(taskId: string): KnownTask {
    const { record, row, result, last, changedAtMs } = this.#task(taskId);
    const { orchestrationId } = record;
    return {
      event: {
        taskId,
        status: row.status,
        attempt: row.attempt,
        atMs: changedAtMs,
        ...defined({ agentId: row.agentId, orchestrationId, reason: row.reason, error: row.error, result }),
      },
      token: last?.token ?? 0,
      ...defined({ agentId: last?.agentId }),
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
    const attempts = this.taskIds().flatMap((id) => this.#task(id).attempts);
    const rows = this.#agents().map(({ agentId, profile, index, atMs, presence }) => {
      const ended = (outcome: AttemptRow['outcome']) =>
        attempts.filter((attempt) => attempt.agentId === agentId && attempt.outcome === outcome).length;
      const holds = (task: TaskRow) => task.agentId === agentId && ['assigned', 'running'].includes(task.status);
      const load = tasks.filter(holds).length;
      const counts = { load, completed: ended('completed'), failed: ended('failed') };
      return { index, row: { id: agentId, ...profile, presence, ...counts, registeredAtMs: atMs } };
    });
    rows.sort((a, b) => (a.row.pool === b.row.pool ? a.index - b.index : a.row.pool < b.row.pool ? -1 : 1));
    return rows.map(({ row }) => row);
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

  images(): { pools: PoolImage[]; orchestrations: OrchestrationImage[]; newestId: string } {
    const running = this.orchestrationIds()
      .map((id) => this.#orchestration(id))
      .filter(({ ended }) => ended === undefined);
    running.sort(({ created: a }, { created: b }) => a.atMs - b.atMs || (a.spec.id < b.spec.id ? -1 : 1));
    return {
      pools: this.#pools().map((pool) => this.#pool(pool)),
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

  #pools(): string[] {
    const named = [
      ...this.#of('agentRegistered').map((event) => event.profile.pool),
      ...this.#of('taskSubmitted').map((event) => event.task.pool),
    ];
    return [...new Set(named)].sort();
  }

  #pool(pool: string): PoolImage {
    const records = this.#of('taskSubmitted').filter((event) => event.task.pool === pool);
    const cursors = this.#of('taskAssigned').filter((event) => event.pool === pool);
    const agents = this.#agents().filter(({ profile }) => profile.pool === pool);
    return {
      pool,
      cursor: cursors.at(-1)?.cursor ?? -1,
      lastOrder: Math.max(0, ...records.map((event) => event.task.order)),
      agents: agents
        .sort((a, b) => a.index - b.index)
        .map(({ agentId, session, profile, index, presence }) => ({ id: agentId, session, profile, index, presence })),
      tasks: records.flatMap((event) => this.#image(event.task)),
    };
  }

  #image(record: TaskRecord): TaskImage[] {
    const { row, last, backoffMs } = this.#task(record.id);
    const { status, attempt } = row;
    const image = { task: record, attempt, token: last?.token ?? 0, backoffMs };
    if (status === 'pending') return [{ ...image, status, ...defined({ reason: row.reason }) }];
    if (status === 'assigned' || status === 'running') {
      return [{ ...image, status, ...defined({ agentId: row.agentId }) }];
    }
    return [];
  }

  #agents(): (AgentRegistered & { presence: AgentRow['presence'] })[] {
    const latest = new Map(this.#of('agentRegistered').map((event) => [event.agentId, event]));
    return [...latest.values()].map((registered) => {
      const after = this.#events.slice(this.#events.lastIndexOf(registered));
      const said = after.filter((event) => event.type === 'agentPresence' && event.agentId === registered.agentId);
      const last = said.at(-1);
      return { ...registered, presence: last?.type === 'agentPresence' ? last.presence : 'online' };
    });
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
      priority: record.priority,
      status: 'pending',
      attempt: 0,
      maxAttempts: record.maxAttempts,
      submittedBy: record.submittedBy,
      createdAtMs: record.createdAtMs,
      ...defined({ orchestrationId: record.orchestrationId, key: record.key }),
    };
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
          last = { token, agentId };
          row = { ...bare, status: 'assigned', attempt, agentId, reason: decision.reason, startedAtMs: event.atMs };
          attempts.push({ attempt, token, agentId, ...decision, outcome: 'open', assignedAtMs: event.atMs });
          break;
        }
        case 'taskAccepted':
          row = { ...row, status: 'running' };
          break;
        case 'taskReleased':
          backoffMs = event.backoffMs;
          row = { ...bare, status: 'pending', reason: event.error.message };
          endAttempt({ outcome: event.outcome, error: event.error, endedAtMs: event.atMs });
          break;
        case 'taskCompleted':
          result = event.result;
          row = { ...bare, status: 'completed', agentId: event.agentId, endedAtMs: event.atMs };
          endAttempt({ outcome: 'completed', endedAtMs: event.atMs });
          break;
        case 'taskFailed': {
          const { error, agentId, atMs: endedAtMs } = event;
          row = { ...bare, status: 'failed', error, endedAtMs, ...defined({ agentId }) };
          endAttempt({ outcome: 'failed', error, endedAtMs });
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
    return { record, row, attempts, result, last, backoffMs, changedAtMs };
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
