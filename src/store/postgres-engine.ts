import type { Clock } from '../clock.js';
import { failpoint } from '../failpoints.js';
import { RotaError } from '../protocol/errors.js';
import type { Recovered } from '../protocol/journal.js';
import { Batches } from './batches.js';
import type { StoreRequest } from './calls.js';
import { deposed, storeFailed } from './errors.js';
import { fold } from './fold.js';
import { Follower } from './follower.js';
import { images } from './images.js';
import { hasSchema } from './migrations/index.js';
import { BEGIN_READ, type Connections } from './postgres-connections.js';
import { append, readableRows, readStanding, rehearseAppend, rowsAfter, trim } from './postgres-journal.js';
import { readFound, rehearseLead, takeLead, whileRenewing } from './postgres-lead.js';
import { readLeadership, renewLease } from './postgres-leadership.js';
import { isMissingTable, type Session } from './postgres-session.js';
import { PostgresTables } from './postgres-tables.js';
import { readAgents, readDecisions, readOrchestration, readPerformance, readTask, readTasks } from './queries.js';
import { type Engine, type NearSide, trouble } from './serve.js';
import type { KnownTask, Leadership } from './store.js';

const EVENTS_PER_BATCH = 2_048;
/** How long a statement of a batch may take: to read some MiB of the journal over a slow link, or to write them. */
const BATCH_MS = 15_000;
/** A leader's lease is longer by so much for each so many tasks while it puts them together, and does nothing else. */
const TASKS_AT_ONCE = 10_000;
const MS_AT_ONCE = 100;

type Kysely = ReturnType<Session['kysely']>;

/**
 * Serves one PostgreSQL database. Requests run side by side, each on a connection of its kind; beside them the tables
 * are moved along, one batch at a time.
 *
 * What must hold:
 * - appends run one at a time, in their order: a row is tried when it is known of the one before whether it is there;
 * - a read runs when the tables hold every row that was appended before the read arrived, by whichever process;
 * - each row is applied once, whoever else moves the tables: who does has the lock on where they stand;
 * - what the tables were said to hold is durable, or is noticed to be lost before it is missed.
 */
export class PostgresEngine implements Engine {
  readonly #connections: Connections;
  readonly #clock: Clock;
  readonly #near: NearSide;
  readonly #follower: Follower;
  readonly #tables = new PostgresTables();
  readonly #batches = new Batches(EVENTS_PER_BATCH);
  readonly #underWay = new Set<Promise<void>>();
  #lastAppend: Promise<unknown> = Promise.resolve();
  #isMoving = false;

  constructor(connections: Connections, clock: Clock, near: NearSide) {
    this.#connections = connections;
    this.#clock = clock;
    this.#near = near;
    this.#follower = new Follower({
      clock,
      step: () => this.#step(),
      wake: () => this.#wake(),
      onStanding: (seq) => near.send({ kind: 'materialised', seq }),
      onTrouble: (failure) => near.send(trouble(connections.place, failure)),
    });
  }

  /** @throws RotaError SCHEMA_MISMATCH; what the driver throws when the database can't be reached. */
  async start(): Promise<void> {
    try {
      const isMade = await this.#connections.reads.use(async (session) =>
        hasSchema(session.kysely(), await session.columnTypes()),
      );
      if (isMade) await this.#look();
    } catch (thrown) {
      // An idle connection would keep the thread, and so the process, for as long as it is kept.
      await this.#connections.end();
      throw thrown;
    }
  }

  receive(request: StoreRequest): void {
    if (request.op === 'close') return void this.#close(request.id);
    const work = this.#handle(request).finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
  }

  async #handle(request: StoreRequest): Promise<void> {
    const { id } = request;
    try {
      this.#near.send({ kind: 'result', id, result: await this.#perform(request) });
    } catch (thrown) {
      this.#near.send({ kind: 'error', id, error: storeFailed(this.#connections.place, named(thrown)).toWire() });
    }
  }

  #perform(request: StoreRequest): Promise<unknown> {
    const { reads } = this.#connections;
    switch (request.op) {
      case 'append':
        return this.#append(...request.args);
      case 'lead':
        return this.#lead(...request.args);
      case 'renew':
        return this.#renew(...request.args);
      case 'resign':
        return this.#renew(...request.args, 0);
      case 'leadership':
        return this.#leadership();
      case 'known':
        return this.#known(...request.args);
      case 'rows':
        return this.#afterAppends(() => reads.use((session) => readableRows(session, ...request.args)));
      case 'trim':
        return reads.use((session) => trim(session, ...request.args));
      case 'task':
        return this.#read((db) => readTask(db, ...request.args));
      case 'tasks':
        return this.#read((db) => readTasks(db, ...request.args));
      case 'agents':
        return this.#read((db) => readAgents(db, ...request.args));
      case 'orchestration':
        return this.#read((db) => readOrchestration(db, ...request.args));
      case 'decisions':
        return this.#read((db) => readDecisions(db, ...request.args));
      case 'performance':
        return this.#read((db) => readPerformance(db, ...request.args));
      case 'close':
        throw new Error('A store is closed once.');
    }
  }

  #append(seq: number, epoch: number, body: Uint8Array): Promise<void> {
    const appended = this.#lastAppend.then(async () => {
      await append(this.#connections.appends, seq, epoch, body);
      this.#follower.noteAppended(seq, body.byteLength);
      this.#wake();
    });
    this.#lastAppend = appended.catch(() => {});
    return appended;
  }

  async #lead(holder: string, leaseMs: number): Promise<Recovered | undefined> {
    // Who stands by asks often, and must not hold up the leader's commits.
    const leader = await this.#leadership();
    if (leader?.isHeld && leader.holder !== holder) {
      await this.#warmUp();
      return undefined;
    }
    failpoint('lead.before');
    const { tables, leases } = this.#connections;
    const epoch = await takeLead(tables, holder, leaseMs);
    if (epoch === undefined) return undefined;
    const renew = (ms: number) => leases.use((session) => renewLease(session, epoch, ms));
    try {
      return await whileRenewing({ clock: this.#clock, leaseMs, renew: () => renew(leaseMs) }, () =>
        this.#recover(epoch, (busyMs) => renew(leaseMs + busyMs)),
      );
    } catch (thrown) {
      // It was paused, or cut off, for longer than its lease.
      if (thrown instanceof RotaError && thrown.code === 'DEPOSED') return undefined;
      throw thrown;
    }
  }

  async #recover(epoch: number, renew: (busyMs: number) => Promise<void>): Promise<Recovered> {
    const { last: seq, materialised, live, tail } = await readFound(this.#connections.tables);
    failpoint('lead.after');
    await this.#follower.begin(materialised, seq);
    await this.#until(seq);
    await renew(Math.floor(live.tasks.length / TASKS_AT_ONCE) * MS_AT_ONCE);
    return { epoch, seq, ...images(live), tail };
  }

  /** Who stands by has a leader's connections open, so that nobody waits for them when it leads. */
  async #warmUp(): Promise<void> {
    const { appends, tables, lookUps } = this.#connections;
    // Where one fails, the next look tries again; and who leads opens what it needs.
    await Promise.allSettled([
      appends.keepWarm(rehearseAppend),
      tables.keepWarm(rehearseLead),
      lookUps.keepWarm((session) => this.#tables.known(session, [])),
    ]);
  }

  /** Undefined also where there is no schema, which the first leader makes. */
  async #leadership(): Promise<Leadership | undefined> {
    try {
      return await this.#connections.leases.use(readLeadership);
    } catch (thrown) {
      if (isMissingTable(thrown)) return undefined;
      throw thrown;
    }
  }

  async #renew(epoch: number, leaseMs: number): Promise<void> {
    failpoint('renew.before');
    try {
      await this.#connections.leases.use((session) => renewLease(session, epoch, leaseMs));
    } catch (thrown) {
      throw isMissingTable(thrown) ? deposed(epoch, undefined) : thrown;
    }
    failpoint('renew.after');
  }

  /** A leader has forgotten what it knew to be in the tables: where they lost it, they have it again first. */
  async #known(taskIds: readonly string[]): Promise<Map<string, KnownTask>> {
    for (;;) {
      const { materialised: believed, promised } = this.#follower;
      const { standing, tasks } = await this.#connections.lookUps.use((session) =>
        this.#tables.known(session, taskIds),
      );
      this.#follower.noteStanding(standing, believed);
      if (standing >= promised) return tasks;
      await this.#until(promised);
    }
  }

  /** Sees what other processes appended as well. */
  async #read<T>(query: (db: Kysely) => Promise<T>): Promise<T> {
    const last = await this.#afterAppends(() => this.#look());
    await this.#until(last);
    return this.#connections.reads.transact(BEGIN_READ, (session) => query(session.kysely()));
  }

  /** Whether those under way succeed is told to who asked for them. */
  async #afterAppends<T>(work: () => Promise<T>): Promise<T> {
    await this.#lastAppend;
    return work();
  }

  /** Finds out where journal and tables stand; resolves with the journal's last row. */
  async #look(): Promise<number> {
    const believed = this.#follower.materialised;
    const { last, materialised } = await this.#connections.reads.use(readStanding);
    this.#follower.noteStanding(materialised, believed);
    return last;
  }

  /** Resolves once the tables hold this row; rejects when they can't be moved that far. */
  #until(seq: number): Promise<void> {
    this.#follower.noteAppended(seq);
    return new Promise((resolve, reject) => {
      const settle = async (failure?: { readonly thrown: unknown }) => (failure ? reject(failure.thrown) : resolve());
      void this.#follower.wait({ seq, settle });
      this.#wake();
    });
  }

  #wake(): void {
    if (this.#isMoving) return;
    this.#isMoving = true;
    void this.#move();
  }

  async #move(): Promise<void> {
    while (this.#follower.isDue()) await this.#follower.move();
    this.#isMoving = false;
  }

  async #step(): Promise<number> {
    failpoint('materialise.before');
    const { tables } = this.#connections;
    // Rows don't change: they are read and folded before anybody has to wait for it.
    const [from, batch] = await tables.transact(BEGIN_READ, async (session) => {
      await session.allow(BATCH_MS);
      const { materialised } = await readStanding(session);
      return [materialised, await this.#batches.next(materialised, (...limits) => rowsAfter(session, ...limits))];
    });
    const to = batch.at(-1)?.seq;
    if (to === undefined) return from;
    const changes = fold(batch);
    const reached = await tables.transact('BEGIN', async (session) => {
      await session.allow(BATCH_MS);
      const at = await this.#tables.lock(session);
      // Whoever else moves the tables was faster.
      if (at !== from) return at;
      await this.#tables.apply(session, changes, to);
      return to;
    });
    failpoint('materialise.after');
    return reached;
  }

  /** Caught up or not: what is missing is made from the journal the next time. */
  async #close(id: number): Promise<void> {
    await Promise.all(this.#underWay);
    await this.#until(this.#follower.appended).catch(() => {});
    this.#follower.stop();
    await this.#connections.end();
    this.#near.send({ kind: 'result', id, result: undefined });
    this.#near.end();
  }
}

/** Whatever is asked of a database that has no schema yet, the answer is the same. */
function named(thrown: unknown): unknown {
  return isMissingTable(thrown) ? new Error('it is empty, nobody has led it yet.', { cause: thrown }) : thrown;
}
