import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Clock, systemClock } from '../clock.js';
import { pack } from '../protocol/codec.js';
import { RotaError } from '../protocol/errors.js';
import type { AgentRow, TaskDetail, TaskRow } from '../protocol/frames.js';
import type { JournalRow, Recovered } from '../protocol/journal.js';
import { closed, storeFailed } from './errors.js';
import type { SqliteCalls, SqliteMessage, SqliteRequest } from './sqlite-calls.js';
import type { KnownTask, OrchestrationDetail, Store, TaskFilter } from './store.js';

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
  const store = new SqliteStore(worker, file, clock);
  await store.opened;
  return store;
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: RotaError): void;
}

/**
 * The near side of the thread: numbers the calls and matches the answers.
 *
 * Owns the calls under way. Once the thread has ended, for whatever reason, each of them is settled
 * and every later one rejects.
 */
class SqliteStore implements Store {
  readonly description = 'sqlite (WAL, synchronous=FULL)';
  readonly opened: Promise<void>;
  readonly #worker: Worker;
  readonly #path: string;
  readonly #clock: Pick<Clock, 'wallMs'>;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  #materialisedSeq = 0;
  #lastId = 0;
  /** Why no call is taken any more. */
  #ended: RotaError | undefined;
  #closing: Promise<void> | undefined;

  constructor(worker: Worker, path: string, clock: Pick<Clock, 'wallMs'>) {
    this.#worker = worker;
    this.#path = path;
    this.#clock = clock;
    this.opened = this.#track(0).then(() => undefined);
    this.#exited = new Promise((done) => {
      worker.once('exit', (code) => {
        this.#end(storeFailed(path, `its thread ended with code ${code}`));
        done();
      });
    });
    worker.on('error', (thrown) => this.#end(storeFailed(path, thrown)));
    worker.on('messageerror', (thrown) => this.#end(storeFailed(path, thrown)));
    worker.on('message', (message: SqliteMessage) => this.#receive(message));
  }

  get materialisedSeq(): number {
    return this.#materialisedSeq;
  }

  lead(holder: string): Promise<Recovered> {
    return this.#call('lead', [holder, this.#clock.wallMs()]);
  }

  async append(row: JournalRow): Promise<void> {
    const body = pack(row.events);
    await this.#call('append', [row.seq, row.epoch, body], body.buffer);
  }

  known(taskIds: readonly string[]): Promise<Map<string, KnownTask>> {
    return this.#call('known', [taskIds]);
  }

  task(taskId: string): Promise<TaskDetail | undefined> {
    return this.#call('task', [taskId]);
  }

  tasks(filter: TaskFilter): Promise<TaskRow[]> {
    return this.#call('tasks', [filter]);
  }

  agents(pool?: string): Promise<AgentRow[]> {
    return this.#call('agents', [pool]);
  }

  orchestration(id: string): Promise<OrchestrationDetail | undefined> {
    return this.#call('orchestration', [id]);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#ended === undefined) {
      const done = this.#call('close', []);
      this.#ended = closed(this.#path);
      // A thread that dies meanwhile has closed the file as well.
      await done.catch(() => undefined);
    }
    await this.#exited;
    this.#ended = closed(this.#path);
  }

  #call<Op extends keyof SqliteCalls>(
    op: Op,
    args: Parameters<SqliteCalls[Op]>,
    transfer?: ArrayBufferLike,
  ): Promise<ReturnType<SqliteCalls[Op]>> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = ++this.#lastId;
    // The thread answers each call with what `SqliteCalls` says of it.
    const answer = this.#track(id) as Promise<ReturnType<SqliteCalls[Op]>>;
    const request = { id, op, args } as SqliteRequest;
    this.#worker.postMessage(request, transfer instanceof ArrayBuffer ? [transfer] : []);
    return answer;
  }

  #track(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #receive(message: SqliteMessage): void {
    switch (message.kind) {
      case 'opened':
        this.#materialisedSeq = message.materialisedSeq;
        this.#take(0)?.resolve(undefined);
        break;
      case 'refused':
        this.#take(0)?.reject(RotaError.fromWire(message.error));
        break;
      case 'materialised':
        this.#materialisedSeq = message.seq;
        break;
      case 'result':
        this.#take(message.id)?.resolve(message.result);
        break;
      case 'error':
        this.#take(message.id)?.reject(RotaError.fromWire(message.error));
        break;
    }
  }

  #end(error: RotaError): void {
    this.#ended ??= error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
