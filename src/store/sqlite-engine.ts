import type { Clock } from '../clock.js';
import { failpoint } from '../failpoints.js';
import type { Recovered } from '../protocol/journal.js';
import type { StoreRequest } from './calls.js';
import { deposed, storeFailed } from './errors.js';
import { Follower, type Waiter } from './follower.js';
import { images } from './images.js';
import { ensureSchema, hasSchema } from './migrations/index.js';
import { readAgents, readDecisions, readOrchestration, readPerformance, readTask, readTasks } from './queries.js';
import { readLive } from './queries-live.js';
import { type Engine, type NearSide, trouble } from './serve.js';
import { type Connection, SQLITE_TYPES } from './sqlite-connection.js';
import { SqliteJournal } from './sqlite-journal.js';
import { SqliteMaterialiser } from './sqlite-materialiser.js';
import { SqliteTables } from './sqlite-tables.js';
import { assertWhole } from './whole.js';

interface Opened {
  readonly journal: SqliteJournal;
  readonly tables: SqliteTables;
  readonly materialiser: SqliteMaterialiser;
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
export class SqliteEngine implements Engine {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #near: NearSide;
  readonly #follower: Follower;
  readonly #inbox: StoreRequest[] = [];
  #opened: Opened | undefined;
  #running = false;

  constructor(connection: Connection, clock: Clock, near: NearSide) {
    this.#connection = connection;
    this.#clock = clock;
    this.#near = near;
    this.#follower = new Follower({
      clock,
      step: () => this.#require().materialiser.step(),
      wake: () => this.#wake(),
      onStanding: (seq) => near.send({ kind: 'materialised', seq }),
      onTrouble: (failure) => near.send(trouble(connection.path, failure)),
    });
  }

  /** @throws RotaError SCHEMA_MISMATCH; what the driver throws when the file is no database. */
  async start(): Promise<void> {
    try {
      await hasSchema(this.#connection.db, SQLITE_TYPES);
      this.#follower.noteStanding(this.#open()?.tables.materialised() ?? 0, 0);
    } catch (thrown) {
      this.#connection.close();
      throw thrown;
    }
  }

  receive(request: StoreRequest): void {
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
      } else if (this.#follower.isDue()) {
        await this.#follower.move();
        await new Promise<void>((resolve) => this.#clock.defer(resolve));
      } else {
        this.#running = false;
        return;
      }
    }
  }

  async #handle(request: StoreRequest): Promise<void> {
    const { id } = request;
    const { db } = this.#connection;
    try {
      switch (request.op) {
        case 'append':
          this.#append(...request.args);
          this.#answer(id);
          break;
        case 'renew':
          this.#renew(...request.args);
          this.#answer(id);
          break;
        case 'resign':
          this.#renew(...request.args, 0);
          this.#answer(id);
          break;
        case 'leadership':
          this.#answer(id, this.#open()?.journal.leadership(this.#clock.wallMs()));
          break;
        case 'trim': {
          const beforeMs = this.#clock.wallMs() - request.args[0];
          this.#answer(id, this.#require().journal.trim(this.#follower.materialised, beforeMs));
          break;
        }
        case 'known':
          this.#answer(id, this.#require().tables.known(...request.args));
          break;
        case 'rows':
          this.#answer(id, this.#require().journal.readable(...request.args));
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
          return await this.#follower.wait({ seq: this.#follower.appended, settle: () => this.#close(id) });
      }
    } catch (thrown) {
      this.#refuse(id, thrown);
    }
  }

  #append(seq: number, epoch: number, body: Uint8Array): void {
    const opened = this.#open();
    if (opened === undefined) throw deposed(epoch, undefined);
    opened.journal.append(seq, epoch, body, this.#clock.wallMs());
    this.#follower.noteAppended(seq, body.byteLength);
  }

  async #lead(holder: string, leaseMs: number): Promise<Recovered | undefined> {
    // Who stands by asks often, and must not hold up the leader's commits.
    const leader = this.#open()?.journal.leadership(this.#clock.wallMs());
    if (leader?.isHeld && leader.holder !== holder) return undefined;
    this.#connection.setDurable(true);
    failpoint('lead.before');
    const recovered = await this.#connection.transact('immediate', async () => {
      await ensureSchema(this.#connection.db, SQLITE_TYPES);
      const journal = new SqliteJournal(this.#connection);
      const epoch = journal.take(holder, leaseMs, this.#clock.wallMs());
      if (epoch === undefined) return undefined;
      const materialised = new SqliteTables(this.#connection).materialised();
      const live = images(await readLive(this.#connection.db));
      const tail = journal.after(materialised, -1);
      const seq = journal.lastSeq();
      assertWhole(tail, materialised, seq);
      // To recover may take longer than a lease; nobody else could take it meanwhile.
      journal.renew(epoch, leaseMs, this.#clock.wallMs());
      return { epoch, seq, ...live, tail };
    });
    if (recovered === undefined) return undefined;
    failpoint('lead.after');
    await this.#follower.begin(recovered.seq - recovered.tail.length, recovered.seq);
    return recovered;
  }

  #renew(epoch: number, leaseMs: number): void {
    const opened = this.#open();
    if (opened === undefined) throw deposed(epoch, undefined);
    failpoint('renew.before');
    opened.journal.renew(epoch, leaseMs, this.#clock.wallMs());
    failpoint('renew.after');
  }

  /** Sees what other processes appended as well. */
  #read(id: number, query: () => Promise<unknown>): Promise<void> {
    this.#follower.noteAppended(this.#require().journal.lastSeq());
    return this.#answerLater(id, () => this.#connection.transact('deferred', query));
  }

  #answerLater(id: number, answer: () => Promise<unknown>): Promise<void> {
    const settle: Waiter['settle'] = async (failure) => {
      try {
        if (failure) throw failure.thrown;
        this.#answer(id, await answer());
      } catch (thrown) {
        this.#refuse(id, thrown);
      }
    };
    return this.#follower.wait({ seq: this.#follower.appended, settle });
  }

  /** Caught up or not: what is missing is made from the journal the next time. */
  async #close(id: number): Promise<void> {
    this.#follower.stop();
    this.#connection.close();
    this.#answer(id);
    this.#near.end();
  }

  #answer(id: number, result?: unknown): void {
    this.#near.send({ kind: 'result', id, result });
  }

  #refuse(id: number, thrown: unknown): void {
    this.#near.send({ kind: 'error', id, error: storeFailed(this.#connection.path, thrown).toWire() });
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
