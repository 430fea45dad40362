import type { Worker } from 'node:worker_threads';
import { RotaError } from '../protocol/errors.js';
import type { StoreCalls, StoreMessage, StoreRequest } from './calls.js';
import { closed, storeFailed } from './errors.js';

/** The number of the answer that comes unasked. */
const OPENING = 0;

interface Pending {
  resolve(result: unknown): void;
  reject(error: RotaError): void;
}

/**
 * The near side of the thread: numbers the calls and matches the answers.
 *
 * Owns the calls under way. Once the thread has ended, for whatever reason, each of them is settled
 * and every later one rejects. The thread is never terminated, only asked to close: SQLite's driver aborts
 * the whole process when it is stopped in the middle of a statement.
 */
export class StoreThread {
  /** Settles when the database was opened. */
  readonly opened: Promise<unknown>;
  readonly #worker: Worker;
  readonly #place: string;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  #materialisedSeq = 0;
  readonly #watchers = new Set<(error: RotaError | undefined) => void>();
  /** Why the tables can't follow the journal. */
  #trouble: RotaError | undefined;
  #lastId = OPENING;
  /** Why no call is taken any more. */
  #ended: RotaError | undefined;
  #closing: Promise<void> | undefined;

  constructor(worker: Worker, place: string) {
    this.#worker = worker;
    this.#place = place;
    this.opened = this.#track(OPENING);
    this.#exited = new Promise((done) => {
      worker.once('exit', (code) => {
        this.#end(storeFailed(place, `its thread ended with code ${code}`));
        done();
      });
    });
    worker.on('error', (thrown) => this.#end(storeFailed(place, thrown)));
    worker.on('messageerror', (thrown) => this.#end(storeFailed(place, thrown)));
    worker.on('message', (message: StoreMessage) => this.#receive(message));
  }

  get materialisedSeq(): number {
    return this.#materialisedSeq;
  }

  /** Tells of tables that can't follow the journal, of those that can't already too. */
  watchTables(tell: (error: RotaError | undefined) => void): () => void {
    this.#watchers.add(tell);
    if (this.#trouble !== undefined) tell(this.#trouble);
    return () => void this.#watchers.delete(tell);
  }

  /** @throws RotaError what the thread answers; STORE_FAILED when it ended; CLOSED. */
  call<Op extends keyof StoreCalls>(
    op: Op,
    args: Parameters<StoreCalls[Op]>,
    transfer?: ArrayBufferLike,
  ): Promise<ReturnType<StoreCalls[Op]>> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = ++this.#lastId;
    // The thread answers each call with what `StoreCalls` says of it.
    const answer = this.#track(id) as Promise<ReturnType<StoreCalls[Op]>>;
    const request = { id, op, args } as StoreRequest;
    this.#worker.postMessage(request, transfer instanceof ArrayBuffer ? [transfer] : []);
    return answer;
  }

  /** Waits for the calls under way and for the thread's end. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#ended === undefined) {
      const done = this.call('close', []);
      this.#ended = closed(this.#place);
      // A thread that dies meanwhile has closed the file as well.
      await done.catch(() => undefined);
    }
    await this.#exited;
    this.#ended = closed(this.#place);
  }

  #track(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #receive(message: StoreMessage): void {
    switch (message.kind) {
      case 'opened':
        this.#take(OPENING)?.resolve(undefined);
        break;
      case 'refused':
        this.#take(OPENING)?.reject(RotaError.fromWire(message.error));
        break;
      case 'materialised':
        this.#materialisedSeq = message.seq;
        break;
      case 'failing':
        this.#tell(RotaError.fromWire(message.error));
        break;
      case 'following':
        this.#tell(undefined);
        break;
      case 'result':
        this.#take(message.id)?.resolve(message.result);
        break;
      case 'error':
        this.#take(message.id)?.reject(RotaError.fromWire(message.error));
        break;
    }
  }

  #tell(trouble: RotaError | undefined): void {
    this.#trouble = trouble;
    for (const tell of this.#watchers) tell(trouble);
  }

  /** What was under way failed; what comes later finds the store closed, since trying again can't help. */
  #end(error: RotaError): void {
    this.#ended ??= closed(this.#place, error);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
