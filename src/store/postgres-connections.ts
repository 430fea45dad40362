import { Socket } from 'node:net';
import { type ClientBase, Pool, types } from 'pg';
import { type Clock, sleep } from '../clock.js';
import { RotaError } from '../protocol/errors.js';
import { ANSWER_LATER_MS, isRefusal, Session } from './postgres-session.js';

const CONNECT_MS = 2_000;
/**
 * How long the database waits for a client that began a transaction and says nothing more, such as one that is paused:
 * whoever leads next waits for its locks as long. To send a statement takes less.
 */
const IDLE_IN_TRANSACTION_MS = 2_000;
/** How long it waits for one that takes nothing of what it sends. */
const UNTAKEN_MS = 10_000;
/** How often it looks, during a statement, whether the client is there still. */
const CHECK_CLIENT_MS = 1_000;
const KEEP_ALIVE_MS = 10_000;
const IDLE_MS = 60_000;
/** How long closing waits for the database to hang up. */
const GOODBYE_MS = 500;

/** One view of the tables, however many statements a read takes. */
export const BEGIN_READ = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';

const INT8 = 20;
const NUMERIC = 1700;

interface LineOptions {
  readonly max: number;
  readonly statementMs: number;
}

/**
 * The connections of one store, parted by what they are for, so that none waits for another's work: a lease is
 * renewed and a task looked up while reads are slow, and a row is appended while tables are written.
 *
 * Owns the sockets: after `end` none is left, whatever the database does.
 */
export class Connections {
  readonly appends: Line;
  readonly leases: Line;
  /** For transactions that write tables: one at a time. */
  readonly tables: Line;
  /** For what a coordinator has to know before it answers a submit or a report. */
  readonly lookUps: Line;
  readonly reads: Line;
  /** Which database, for errors. */
  readonly place: string;
  readonly #clock: Clock;
  readonly #sockets = new Set<Socket>();

  constructor(url: string, place: string, clock: Clock) {
    this.place = place;
    this.#clock = clock;
    const line = (options: LineOptions) => new Line(url, () => this.#socket(), options);
    this.appends = line({ max: 1, statementMs: 2_000 });
    this.leases = line({ max: 1, statementMs: 2_000 });
    this.tables = line({ max: 1, statementMs: 5_000 });
    this.lookUps = line({ max: 1, statementMs: 3_000 });
    this.reads = line({ max: 3, statementMs: 3_000 });
  }

  /** To be called when nobody has a connection. */
  async end(): Promise<void> {
    const ended = new AbortController();
    const gone = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    for (const line of [this.appends, this.leases, this.tables, this.lookUps, this.reads]) await line.end();
    await Promise.race([Promise.all(gone), sleep(this.#clock, GOODBYE_MS, ended.signal)]);
    ended.abort();
    for (const socket of this.#sockets) socket.destroy();
  }

  #socket(): Socket {
    const socket = new Socket();
    this.#sockets.add(socket);
    return socket.once('close', () => this.#sockets.delete(socket));
  }
}

/** Connections for one purpose, opened when they are needed and again after they broke. */
export class Line {
  readonly #pool: Pool;
  readonly #statementMs: number;
  readonly #warm = new WeakSet<ClientBase>();

  constructor(url: string, stream: () => Socket, { max, statementMs }: LineOptions) {
    this.#statementMs = statementMs;
    this.#pool = new Pool({
      connectionString: url,
      application_name: 'rota',
      ...{ max, stream, types: { getTypeParser } },
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      idleTimeoutMillis: IDLE_MS,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: statementMs + ANSWER_LATER_MS,
      onConnect: (client) => setUp(client, statementMs),
    });
    // A connection that breaks is opened again by whoever needs one, and tells of it where it still is broken.
    this.#pool.on('error', () => {});
    this.#pool.on('connect', (client) => void client.on('error', () => {}));
  }

  /** Lends a connection. One that may be broken, or busy still, is not used again. */
  use<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#lend((client) => work(new Session(client, this.#statementMs)));
  }

  /** The same, with statements that may take as long. Each is a transaction of its own, as others are. */
  useLonger<T>(statementMs: number, work: (session: Session) => Promise<T>): Promise<T> {
    return this.use(async (session) => {
      await session.allow(statementMs, 'connection');
      const asBefore = () => session.allow(this.#statementMs, 'connection');
      try {
        const result = await work(session);
        await asBefore();
        return result;
      } catch (thrown) {
        if (isSound(thrown)) await asBefore();
        throw thrown;
      }
    });
  }

  /**
   * Has a connection open on which `work` was done once: what comes next on it does not wait for the database to take a
   * new one and to read there what it knows of the tables. Waits for nobody who has one.
   */
  async keepWarm(work: (session: Session) => Promise<unknown>): Promise<void> {
    if (this.#pool.totalCount > this.#pool.idleCount) return;
    await this.#lend(async (client) => {
      if (this.#warm.has(client)) return;
      await work(new Session(client, this.#statementMs));
      this.#warm.add(client);
    });
  }

  async #lend<T>(work: (client: ClientBase) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    try {
      const result = await work(client);
      client.release();
      return result;
    } catch (thrown) {
      client.release(!isSound(thrown));
      throw thrown;
    }
  }

  /** Runs `work` in one transaction that `begin` begins. */
  transact<T>(begin: string, work: (session: Session) => Promise<T>): Promise<T> {
    return this.use(async (session) => {
      await session.run(begin);
      try {
        const result = await work(session);
        await session.run('COMMIT');
        return result;
      } catch (thrown) {
        if (isSound(thrown)) await session.run('ROLLBACK');
        throw thrown;
      }
    });
  }

  end(): Promise<void> {
    return this.#pool.end();
  }
}

/** Whether the connection can be used after this failure. */
function isSound(thrown: unknown): boolean {
  return isRefusal(thrown) || thrown instanceof RotaError;
}

/**
 * What the store relies on, whatever database and role have as defaults. One schema alone is looked at: where it lacks
 * a table, another's of the same name must not serve.
 */
async function setUp(client: ClientBase, statementMs: number): Promise<void> {
  const settings = {
    default_transaction_isolation: 'read committed',
    synchronous_commit: 'on',
    statement_timeout: statementMs,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
  };
  const { rows } = await client.query<{ schema: string | null }>(
    `SELECT current_schema() AS schema, set_config('search_path', quote_ident(current_schema()), false),
       array(SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) AS given (name, value))`,
    [Object.keys(settings), Object.values(settings).map(String)],
  );
  // Not every database has them, nor on every system.
  const optional = { tcp_user_timeout: UNTAKEN_MS, client_connection_check_interval: CHECK_CLIENT_MS };
  for (const [name, value] of Object.entries(optional)) {
    await client.query(`SET ${name} = ${value}`).catch((thrown) => {
      if (!isRefusal(thrown)) throw thrown;
    });
  }
  if (rows[0]?.schema == null) throw new Error('its search_path names no schema that there is.');
}

/** The driver gives whole numbers of 64 bits as text: they may be too large for a number. */
function getTypeParser(...[oid, format]: Parameters<typeof types.getTypeParser>): (text: string) => unknown {
  return oid === INT8 || oid === NUMERIC ? wholeNumber : types.getTypeParser(oid, format);
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new Error(`${text} is not a whole number that can be told from the next.`);
  return number;
}
