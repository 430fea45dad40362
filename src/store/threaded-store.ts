import { Worker } from 'node:worker_threads';
import { pack } from '../protocol/codec.js';
import type { RoutingDecision } from '../protocol/decision.js';
import type { RotaError } from '../protocol/errors.js';
import type { AgentRow, PerformanceRow, TaskDetail, TaskRow } from '../protocol/frames.js';
import type { JournalRow, Recovered } from '../protocol/journal.js';
import type {
  DecisionFilter,
  KnownTask,
  Leadership,
  OrchestrationDetail,
  PerformanceFilter,
  Store,
  TaskFilter,
} from './store.js';
import { StoreThread } from './thread.js';

export interface ThreadedStoreOptions {
  /** The module that the thread runs: it calls `serve`. */
  readonly script: URL;
  /** What it is given as its `workerData`. */
  readonly data: object;
  /** Which store, for errors. */
  readonly place: string;
  readonly description: string;
}

/** Resolves once the thread has opened its database. @throws RotaError STORE_FAILED when it can't. */
export async function openThreadedStore({ script, data, place, description }: ThreadedStoreOptions): Promise<Store> {
  const thread = new StoreThread(new Worker(script, { workerData: data }), place);
  await thread.opened;
  return new ThreadedStore(thread, description);
}

/** The port, as calls to the thread that owns the database. */
class ThreadedStore implements Store {
  readonly description: string;
  readonly #thread: StoreThread;

  constructor(thread: StoreThread, description: string) {
    this.#thread = thread;
    this.description = description;
  }

  get materialisedSeq(): number {
    return this.#thread.materialisedSeq;
  }

  watchTables(tell: (error: RotaError | undefined) => void): () => void {
    return this.#thread.watchTables(tell);
  }

  lead(holder: string, leaseMs: number): Promise<Recovered | undefined> {
    return this.#thread.call('lead', [holder, leaseMs]);
  }

  renew(epoch: number, leaseMs: number): Promise<void> {
    return this.#thread.call('renew', [epoch, leaseMs]);
  }

  resign(epoch: number): Promise<void> {
    return this.#thread.call('resign', [epoch]);
  }

  leadership(): Promise<Leadership | undefined> {
    return this.#thread.call('leadership', []);
  }

  append(row: JournalRow): Promise<void> {
    const body = pack(row.events);
    return this.#thread.call('append', [row.seq, row.epoch, body], body.buffer);
  }

  known(taskIds: readonly string[]): Promise<Map<string, KnownTask>> {
    return this.#thread.call('known', [taskIds]);
  }

  task(taskId: string): Promise<TaskDetail | undefined> {
    return this.#thread.call('task', [taskId]);
  }

  tasks(filter: TaskFilter): Promise<TaskRow[]> {
    return this.#thread.call('tasks', [filter]);
  }

  agents(pool?: string): Promise<AgentRow[]> {
    return this.#thread.call('agents', [pool]);
  }

  orchestration(id: string): Promise<OrchestrationDetail | undefined> {
    return this.#thread.call('orchestration', [id]);
  }

  decisions(filter: DecisionFilter): Promise<RoutingDecision[]> {
    return this.#thread.call('decisions', [filter]);
  }

  performance(filter: PerformanceFilter): Promise<PerformanceRow[]> {
    return this.#thread.call('performance', [filter]);
  }

  rows(after: number, limit: number): Promise<JournalRow[]> {
    return this.#thread.call('rows', [after, limit]);
  }

  trim(olderThanMs: number): Promise<number> {
    return this.#thread.call('trim', [olderThanMs]);
  }

  close(): Promise<void> {
    return this.#thread.close();
  }
}
