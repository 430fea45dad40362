import type { Clock } from '../clock.js';
import type { Recovered } from '../protocol/journal.js';
import { deposed, storeFailed } from './errors.js';
import { images } from './images.js';
import { migrateUp } from './migrations/index.js';
import { readAgents, readDecisions, readOrchestration, readPerformance, readTask, readTasks } from './queries.js';
import { readLive } from './queries-live.js';
import type { SqliteMessage, SqliteRequest } from './sqlite-calls.js';
import { type Connection, SQLITE_TYPES } from './sqlite-connection.js';
import { SqliteJournal } from './sqlite-journal.js';
import { SqliteMaterialiser } from './sqlite-materialiser.js';
import { SqliteTables } from './sqlite-tables.js';

/** Pause after a batch that failed, such as on a full disk. */
const RETRY_MS = 250;
/**
 * How long the tables may stay behind while nobody reads them. A task whose whole life is in one batch
 * is written once instead of three times; a longer pause would make batches that appends wait for.
 */
const BEHIND_MS = 50;
/** How much of the journal they may be behind within that time. */
const BEHIND_BYTES = 256 * 1024;

interface Opened {
  readonly journal: SqliteJournal;
  readonly tables: SqliteTables;
  readonly materialiser: SqliteMaterialiser;
}

/** Something that goes on once the tables hold the row `seq`, or can't get there. */
interface Waiter {
  readonly seq: number;
  settle(failure?: { readonly thrown: unknown }): Promise<void>;
}

/**
 * Serves one SQLite file. Requests run one at a time, in their order; between them, and only while
 * none is there, the tables are moved along by one batch.
 *
 * Owns the connection and the order of everything on it. What must hold:
 * - a request never runs inside another's transaction;
 * - a read runs when the tables hold every row that was appended before the read arrived;
 * - a batch that fails fails those who wait for it, changes nothing, and is tried again.
 */
export class SqliteEngine {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #send: (message: SqliteMessage) => void;
  readonly #onClosed: () => void;
  readonly #inbox: SqliteRequest[] = [];
  #waiters: Waiter[] = [];
  #opened: Opened | undefined;
  #appended = 0;
  #materialised = 0;
  #behindBytes = 0;
  #running = false;
  /** The tables have been left alone for long enough. */
  #isRipe = false;
  #isFailing = false;
  #cancelTimer: (() => void) | undefined;

  constructor(connection: Connection, clock: Clock, send: (message: SqliteMessage) => void, onClosed: () => void) {
    this.#connection = connection;
    this.#clock = clock;
    this.#send = send;
    this.#onClosed = onClosed;
  }

  /** Says where the tables stand. @throws what the driver throws when the file is no database. */
  start(): void {
    this.#materialised = this.#open()?.tables.materialised() ?? 0;
    this.#send({ kind: 'opened', materialisedSeq: this.#materialised });
  }

  receive(request: SqliteRequest): void {
    this.#inbox.push(request);
    this.#wake();
  }

  #wake(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    for (;;) {
      const request = this.#inbox.shift();
      if (request) {
        await this.#handle(request);
      } else if (this.#isDue()) {
        await this.#materialise();
        await new Promise<void>((resolve) => this.#clock.defer(resolve));
      } else {
        this.#running = false;
        return;
      }
    }
  }

  /** Whether the tables are to be moved along now; if they are to be later, a timer sees to it. */
  #isDue(): boolean {
    if (this.#materialised >= this.#appended) return false;
    const isWanted = this.#waiters.length > 0 || this.#behindBytes >= BEHIND_BYTES;
    if (this.#isRipe || (isWanted && !this.#isFailing)) return true;
    this.#cancelTimer ??= this.#clock.after(this.#isFailing ? RETRY_MS : BEHIND_MS, () => {
      this.#cancelTimer = undefined;
      this.#isRipe = true;
      this.#wake();
    });
    return false;
  }

  async #handle(request: SqliteRequest): Promise<void> {
    const { id } = request;
    const { db } = this.#connection;
    try {
      switch (request.op) {
        case 'append':
          this.#append(...request.args);
          this.#send({ kind: 'result', id, result: undefined });
          break;
        case 'assertLeads':
          this.#require().journal.assertLeads(...request.args);
          this.#send({ kind: 'result', id, result: undefined });
          break;
        case 'known':
          this.#send({ kind: 'result', id, result: this.#require().tables.known(...request.args) });
          break;
        case 'rows':
          this.#send({ kind: 'result', id, result: this.#require().journal.after(...request.args) });
          break;
        case 'lead': {
          const recovered = await this.#lead(...request.args);
          return await this.#answerLater(id, async () => recovered);
        }
        case 'task':
          return await this.#read(id, () => readTask(db, ...request.args));
        case 'tasks':
          return await this.#read(id, () => readTasks(db, ...request.args));
        case 'agents':
          return await this.#read(id, () => readAgents(db, ...request.args));
        case 'orchestration':
          return await this.#read(id, () => readOrchestration(db, ...request.args));
        case 'decisions':
          return await this.#read(id, () => readDecisions(db, ...request.args));
        case 'performance':
          return await this.#read(id, () => readPerformance(db, ...request.args));
        case 'close':
          return await this.#wait({ seq: this.#appended, settle: () => this.#close(id) });
      }
    } catch (thrown) {
      this.#refuse(id, thrown);
    }
  }

  #append(seq: number, epoch: number, body: Uint8Array): void {
    const opened = this.#open();
    if (opened === undefined) throw deposed(epoch, undefined);
    opened.journal.append(seq, epoch, body);
    this.#appended = Math.max(this.#appended, seq);
    this.#behindBytes += body.byteLength;
  }

  async #lead(holder: string, nowMs: number): Promise<Recovered> {
    this.#connection.setDurable(true);
    const recovered = await this.#connection.transact('immediate', async () => {
      await migrateUp(this.#connection.db, SQLITE_TYPES);
      const journal = new SqliteJournal(this.#connection);
      const epoch = journal.take(holder, nowMs);
      const materialised = new SqliteTables(this.#connection).materialised();
      const live = images(await readLive(this.#connection.db));
      return { epoch, seq: journal.lastSeq(), ...live, tail: journal.after(materialised, -1) };
    });
    this.#appended = recovered.seq;
    this.#reached(recovered.seq - recovered.tail.length);
    return recovered;
  }

  async #materialise(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    try {
      this.#reached(await this.#require().materialiser.step());
      this.#isFailing = false;
      // Once begun, it goes on until nothing is left.
      this.#isRipe = this.#materialised < this.#appended;
      if (!this.#isRipe) this.#behindBytes = 0;
    } catch (thrown) {
      this.#isFailing = true;
      this.#isRipe = false;
      const failed = this.#waiters;
      this.#waiters = [];
      for (const waiter of failed) await waiter.settle({ thrown });
    }
    await this.#settleDue();
  }

  #reached(seq: number): void {
    this.#materialised = seq;
    this.#send({ kind: 'materialised', seq });
  }

  #read(id: number, query: () => Promise<unknown>): Promise<void> {
    this.#require();
    return this.#answerLater(id, () => this.#connection.transact('deferred', query));
  }

  #answerLater(id: number, answer: () => Promise<unknown>): Promise<void> {
    const settle: Waiter['settle'] = async (failure) => {
      try {
        if (failure) throw failure.thrown;
        this.#send({ kind: 'result', id, result: await answer() });
      } catch (thrown) {
        this.#refuse(id, thrown);
      }
    };
    return this.#wait({ seq: this.#appended, settle });
  }

  async #wait(waiter: Waiter): Promise<void> {
    this.#waiters.push(waiter);
    await this.#settleDue();
  }

  async #settleDue(): Promise<void> {
    const due = this.#waiters.filter((waiter) => waiter.seq <= this.#materialised);
    if (due.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => waiter.seq > this.#materialised);
    for (const waiter of due) await waiter.settle();
  }

  /** Caught up or not: what is missing is made from the journal the next time. */
  async #close(id: number): Promise<void> {
    this.#cancelTimer?.();
    this.#appended = this.#materialised;
    this.#connection.close();
    this.#send({ kind: 'result', id, result: undefined });
    this.#onClosed();
  }

  #refuse(id: number, thrown: unknown): void {
    this.#send({ kind: 'error', id, error: storeFailed(this.#connection.path, thrown).toWire() });
  }

  /** Undefined while the file has no schema, which the first leader makes. */
  #open(): Opened | undefined {
    if (this.#opened) return this.#opened;
    const { raw } = this.#connection;
    if (raw.prepare("SELECT 1 FROM sqlite_master WHERE name = 'materialised'").all([]).length === 0) return undefined;
    const journal = new SqliteJournal(this.#connection);
    const tables = new SqliteTables(this.#connection);
    this.#opened = { journal, tables, materialiser: new SqliteMaterialiser(this.#connection, journal, tables) };
    return this.#opened;
  }

  #require(): Opened {
    const opened = this.#open();
    if (opened === undefined) throw new Error('it is empty, nobody has led it yet.');
    return opened;
  }
}
