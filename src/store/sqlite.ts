import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Clock, systemClock } from '../clock.js';
import { pack } from '../protocol/codec.js';
import type { RoutingDecision } from '../protocol/decision.js';
import type { AgentRow, PerformanceRow, TaskDetail, TaskRow } from '../protocol/frames.js';
import type { JournalRow, Recovered } from '../protocol/journal.js';
import { storeFailed } from './errors.js';
import { SqliteThread } from './sqlite-thread.js';
import type { DecisionFilter, KnownTask, OrchestrationDetail, PerformanceFilter, Store, TaskFilter } from './store.js';

export interface SqliteOptions {
  /** The file; it and its folder are made where they are missing. */
  readonly path: string;
  /** For the time of leadership that people read. */
  readonly clock?: Pick<Clock, 'wallMs'>;
}

/** @throws RotaError STORE_FAILED, naming the path, when it can't be made, opened or is no database. */
export async function openSqlite({ path, clock = systemClock }: SqliteOptions): Promise<Store> {
  const file = resolve(path);
  try {
    await mkdir(dirname(file), { recursive: true });
  } catch (thrown) {
    throw storeFailed(file, thrown);
  }
  const worker = new Worker(new URL('./sqlite-worker.js', import.meta.url), { workerData: { path: file } });
  const thread = new SqliteThread(worker, file);
  await thread.opened;
  return new SqliteStore(thread, clock);
}

/** The port, as calls to the thread that owns the file. */
class SqliteStore implements Store {
  readonly description = 'sqlite (WAL, synchronous=FULL)';
  readonly #thread: SqliteThread;
  readonly #clock: Pick<Clock, 'wallMs'>;

  constructor(thread: SqliteThread, clock: Pick<Clock, 'wallMs'>) {
    this.#thread = thread;
    this.#clock = clock;
  }

  get materialisedSeq(): number {
    return this.#thread.materialisedSeq;
  }

  lead(holder: string): Promise<Recovered> {
    return this.#thread.call('lead', [holder, this.#clock.wallMs()]);
  }

  append(row: JournalRow): Promise<void> {
    const body = pack(row.events);
    return this.#thread.call('append', [row.seq, row.epoch, body], body.buffer);
  }

  assertLeads(epoch: number): Promise<void> {
    return this.#thread.call('assertLeads', [epoch]);
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

  close(): Promise<void> {
    return this.#thread.close();
  }
}
