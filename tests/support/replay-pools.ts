import type { PerformanceRow } from '#rota/protocol/frames.js';
import type {
  AgentImage,
  AttemptEnded,
  HistoryEntry,
  JournalEvent,
  PerformanceImage,
  PoolImage,
} from '#rota/protocol/journal.js';

type Performance = PerformanceRow & PerformanceImage;

interface Agent {
  readonly image: AgentImage;
  readonly registeredAtMs: number;
  /** By work type. */
  readonly performance: ReadonlyMap<string, Performance>;
}

interface Execution extends Pick<AttemptEnded, 'workType' | 'monoMs' | 'durationMs' | 'difficulty'> {
  readonly agentId: string;
  readonly atMs: number;
  readonly isSuccess: boolean;
}

/** Who is registered, how each has done, and what each pool remembers, after all events one by one. */
export class PoolReplay {
  readonly agents = new Map<string, Agent>();
  /** Every one that was ever named. */
  readonly pools = new Set<string>();
  #moves: { readonly pool: string; readonly rotation: string; readonly cursor: number }[] = [];
  readonly policies = new Map<string, Required<PoolImage>['policy']>();
  #history: { readonly pool: string; agentId: string; readonly taskId: string; readonly monoMs: number }[] = [];
  /** The attempt that each task is in, as token and agent. */
  readonly #open = new Map<string, number>();
  monoMs = 0;

  constructor(events: readonly JournalEvent[]) {
    for (const event of events) this.#take(event);
  }

  /** Oldest first. */
  history(pool: string): HistoryEntry[] {
    const size = this.policies.get(pool)?.policy.historySize ?? 1_000;
    const own = this.#history.filter((entry) => entry.pool === pool).slice(-size);
    return own.map(({ agentId, taskId, monoMs }) => ({ agentId, taskId, monoMs }));
  }

  /** The last move of each since the pool was last reset. */
  rotations(pool: string): Record<string, number> {
    const own = this.#moves.filter((move) => move.pool === pool);
    return Object.fromEntries(own.map(({ rotation, cursor }) => [rotation, cursor]));
  }

  /** By agent and work type. */
  performance(): Performance[] {
    const rows = [...this.agents.values()].flatMap((agent) => [...agent.performance.values()]);
    const key = (row: Performance) => `${row.agentId} ${row.workType}`;
    return rows.sort((a, b) => (key(a) < key(b) ? -1 : 1));
  }

  #take(event: JournalEvent): void {
    if ('monoMs' in event) this.monoMs = event.monoMs;
    switch (event.type) {
      case 'agentRegistered': {
        const { agentId: id, session, profile, index, presence, isCordoned, isOffDuty, atMs } = event;
        const performance = this.agents.get(id)?.performance ?? new Map();
        const image = { id, session, profile, index, presence, isCordoned, isOffDuty };
        this.agents.set(id, { image, registeredAtMs: atMs, performance });
        this.pools.add(profile.pool);
        break;
      }
      case 'agentPresence':
        this.#changeAgent(event.agentId, { presence: event.presence });
        break;
      case 'agentFlagged': {
        const { agentId, flag, isSet } = event;
        this.#changeAgent(agentId, flag === 'cordoned' ? { isCordoned: isSet } : { isOffDuty: isSet });
        break;
      }
      case 'agentDeregistered':
        this.agents.delete(event.agentId);
        for (const entry of this.#history) if (entry.agentId === event.agentId) entry.agentId = '';
        break;
      case 'policySet':
        this.pools.add(event.pool);
        this.policies.set(event.pool, { version: event.version, policy: event.policy });
        break;
      case 'rotationReset':
        this.pools.add(event.pool);
        this.#moves = this.#moves.filter((move) => move.pool !== event.pool);
        this.#history = this.#history.filter((entry) => entry.pool !== event.pool);
        break;
      default:
        this.#takeOfTask(event);
    }
  }

  #takeOfTask(event: JournalEvent): void {
    switch (event.type) {
      case 'taskSubmitted':
        this.pools.add(event.task.pool);
        break;
      case 'taskAssigned': {
        const { taskId, token, pool, agentId, monoMs, rotation, cursor } = event;
        this.#open.set(taskId, token);
        this.#history.push({ pool, agentId: this.agents.has(agentId) ? agentId : '', taskId, monoMs });
        this.#moves.push({ pool, rotation, cursor });
        break;
      }
      case 'taskCompleted':
        this.#end(event.taskId, event.token, { ...event, isSuccess: true });
        break;
      case 'taskReleased':
        this.#end(event.taskId, event.token, failure(event, event.atMs));
        break;
      case 'taskFailed':
        if (event.last === undefined) break;
        this.monoMs = event.last.monoMs;
        this.#end(event.taskId, event.last.token, failure(event.last, event.atMs));
        break;
      case 'taskCancelled':
        this.#open.delete(event.taskId);
        break;
    }
  }

  #end(taskId: string, token: number, execution: Execution | undefined): void {
    if (this.#open.get(taskId) !== token) return;
    this.#open.delete(taskId);
    const agent = execution && this.agents.get(execution.agentId);
    if (!execution || !agent) return;
    const { agentId, workType, atMs, monoMs, durationMs, difficulty, isSuccess } = execution;
    const before = agent.performance.get(workType);
    const successes = (before?.successes ?? 0) + (isSuccess ? 1 : 0);
    const failures = (before?.failures ?? 0) + (isSuccess ? 0 : 1);
    const row: Performance = {
      agentId,
      workType,
      successes,
      failures,
      successCount: successes,
      failureCount: failures,
      totalDurationMs: (before?.totalDurationMs ?? 0) + (durationMs ?? 0),
      lastExecutionAtMs: atMs,
      lastMonoMs: monoMs,
      difficultyAssessment: difficulty ?? 'failed',
    };
    this.agents.set(agentId, { ...agent, performance: new Map(agent.performance).set(workType, row) });
  }

  #changeAgent(id: string, change: Partial<AgentImage>): void {
    const agent = this.agents.get(id);
    if (agent) this.agents.set(id, { ...agent, image: { ...agent.image, ...change } });
  }
}

function failure(ended: AttemptEnded, atMs: number): Execution | undefined {
  return ended.outcome === 'failed' ? { ...ended, atMs, isSuccess: false } : undefined;
}
