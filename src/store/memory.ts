import { type Clock, systemClock } from '../clock.js';
import { pack } from '../protocol/codec.js';
import type { RoutingDecision } from '../protocol/decision.js';
import { RotaError } from '../protocol/errors.js';
import type { AgentRow, PerformanceRow, TaskDetail, TaskRow } from '../protocol/frames.js';
import type { JournalRow, Recovered } from '../protocol/journal.js';
import { LIMITS } from '../protocol/limits.js';
import { routingDecision } from './decision-row.js';
import { closed, deposed, gap, type Leader } from './errors.js';
import { fold } from './fold.js';
import { images } from './images.js';
import { Retention } from './retention.js';
import type {
  DecisionFilter,
  KnownTask,
  Leadership,
  OrchestrationDetail,
  PerformanceFilter,
  Store,
  TaskFilter,
} from './store.js';
import { Tables } from './tables.js';
import { agentRow, knownTask, orchestrationDetail, performanceRow, taskDetail, taskRow } from './views.js';

export interface MemoryStoreOptions {
  /** How many ended tasks it keeps, the newest; those of running orchestrations come on top. */
  readonly keepEnded?: number;
  /** Times the lease of the leader. */
  readonly clock?: Pick<Clock, 'monoMs'>;
}

/** A store that ends with its process: for embedding without durability, and for tests. */
export function createMemoryStore(options: MemoryStoreOptions = {}): Store {
  return new MemoryStore(options.keepEnded ?? 10_000, options.clock ?? systemClock);
}

/**
 * Owns the tables and, of the journal, its last row alone, to know it when it is appended again.
 * The tables are never behind: an append is applied before it resolves.
 */
class MemoryStore implements Store {
  readonly description = 'memory (nothing outlives the process)';
  readonly #tables = new Tables();
  readonly #retention: Retention;
  #last: JournalRow = { seq: 0, epoch: 0, events: [] };
  #leader: (Leader & { untilMs: number }) | undefined;
  readonly #clock: Pick<Clock, 'monoMs'>;
  #closed = false;

  constructor(keepEnded: number, clock: Pick<Clock, 'monoMs'>) {
    this.#clock = clock;
    this.#retention = new Retention(this.#tables, keepEnded);
  }

  get materialisedSeq(): number {
    return this.#last.seq;
  }

  async lead(holder: string, leaseMs: number): Promise<Recovered | undefined> {
    this.#assertOpen();
    const leader = this.#leadership();
    if (leader?.isHeld && leader.holder !== holder) return undefined;
    const epoch = (leader?.epoch ?? 0) + 1;
    this.#leader = { epoch, holder, untilMs: this.#clock.monoMs() + leaseMs };
    return { epoch, seq: this.#last.seq, ...images(this.#tables.live()), tail: [] };
  }

  async append(row: JournalRow): Promise<void> {
    this.#assertOpen();
    if (this.#isLast(row)) return;
    if (row.epoch !== this.#leader?.epoch) throw deposed(row.epoch, this.#leader);
    if (row.seq !== this.#last.seq + 1) throw gap(row.seq, this.#last.seq);
    this.#tables.apply(fold([row]));
    this.#last = row;
    for (const event of row.events) this.#retention.note(event);
  }

  async renew(epoch: number, leaseMs: number): Promise<void> {
    this.#assertOpen();
    const leader = this.#leader;
    if (epoch !== leader?.epoch) throw deposed(epoch, leader);
    leader.untilMs = this.#clock.monoMs() + leaseMs;
  }

  resign(epoch: number): Promise<void> {
    return this.renew(epoch, 0);
  }

  async leadership(): Promise<Leadership | undefined> {
    this.#assertOpen();
    return this.#leadership();
  }

  #leadership(): Leadership | undefined {
    if (this.#leader === undefined) return undefined;
    const { epoch, holder, untilMs } = this.#leader;
    return { epoch, holder, isHeld: this.#clock.monoMs() < untilMs };
  }

  async known(taskIds: readonly string[]): Promise<Map<string, KnownTask>> {
    this.#assertOpen();
    const found = new Map<string, KnownTask>();
    for (const id of taskIds) {
      const row = this.#tables.task(id);
      if (row) found.set(id, knownTask(row, this.#tables.attempt(id, row.token)?.agent_id));
    }
    return found;
  }

  async task(taskId: string): Promise<TaskDetail | undefined> {
    this.#assertOpen();
    const row = this.#tables.task(taskId);
    return row && taskDetail(row, this.#tables.attempts(taskId), this.#tables.refusals(taskId));
  }

  async tasks(filter: TaskFilter): Promise<TaskRow[]> {
    this.#assertOpen();
    return this.#tables.tasks(filter).map(taskRow);
  }

  async agents(pool?: string): Promise<AgentRow[]> {
    this.#assertOpen();
    const counts = this.#tables.agentCounts();
    const rows = this.#tables.agents(pool).slice(0, LIMITS.rowsPerQuery);
    return rows.map((row) => agentRow(row, counts(row.id)));
  }

  async orchestration(id: string): Promise<OrchestrationDetail | undefined> {
    this.#assertOpen();
    const row = this.#tables.orchestration(id);
    return row && orchestrationDetail(row, this.#tables.nodes(id), this.#tables.nodeTasks(id));
  }

  async decisions(filter: DecisionFilter): Promise<RoutingDecision[]> {
    this.#assertOpen();
    return this.#tables.decisions(filter).map(routingDecision);
  }

  async performance(filter: PerformanceFilter): Promise<PerformanceRow[]> {
    this.#assertOpen();
    return this.#tables.performance(filter).map(performanceRow);
  }

  async rows(): Promise<JournalRow[]> {
    this.#assertOpen();
    throw new RotaError('NOT_REPLAYABLE', 'The store in memory keeps no journal to replay a decision from.');
  }

  async trim(): Promise<number> {
    this.#assertOpen();
    return 0;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #isLast(row: JournalRow): boolean {
    const last = this.#last;
    if (row.seq !== last.seq || row.epoch !== last.epoch || row.seq === 0) return false;
    return Buffer.compare(pack(row.events), pack(last.events)) === 0;
  }

  #assertOpen(): void {
    if (this.#closed) throw closed('memory');
  }
}
