import { type Clock, sleep } from '../clock.js';
import type { JournalRow } from '../protocol/journal.js';
import type { LiveRows } from './images.js';
import { ensureSchema, hasSchema } from './migrations/index.js';
import { BEGIN_READ, type Line } from './postgres-connections.js';
import { readStanding, rowsAfter, type Standing } from './postgres-journal.js';
import { takeLeadership } from './postgres-leadership.js';
import { isLockTimeout, type Session } from './postgres-session.js';
import { beginTables } from './postgres-tables.js';
import { readLive } from './queries-live.js';
import { assertWhole } from './whole.js';

/** How long one who would lead waits for another who is about to. */
const OTHERS_MS = 1_000;
/**
 * How long each of the statements may take that read everything that has not ended, and what comes between them: there
 * may be a million tasks.
 */
const RECOVERY_MS = 30_000;
/** A lease is renewed so often while it runs, but not without a pause. */
const RENEWALS_PER_LEASE = 3;
const RENEW_MS_MIN = 100;

/** One at a time brings the schema up and takes leadership; until its transaction ends. */
export const LOCK_SCHEMA = "SELECT pg_advisory_xact_lock(hashtextextended('rota in ' || current_schema(), 0))";

/**
 * Takes leadership, with the schema where there is none. Undefined where another has it, or is about to take it. From
 * here on rows of older epochs are in the journal or will never be.
 *
 * Locks are taken in this order, by everybody who takes more than one: the schema's, leadership, where the tables stand.
 */
export async function takeLead(line: Line, holder: string, leaseMs: number): Promise<number | undefined> {
  try {
    return await line.transact('BEGIN', async (session) => {
      await session.run(`SET LOCAL lock_timeout = ${OTHERS_MS}`);
      await session.rows(LOCK_SCHEMA);
      await ensureSchema(session.kysely(), await session.columnTypes());
      await beginTables(session);
      return takeLeadership(session, holder, leaseMs);
    });
  } catch (thrown) {
    if (isLockTimeout(thrown)) return undefined;
    throw thrown;
  }
}

/** Takes nothing and reads no task, however many there are. A leader's reads on the same connection are faster for it. */
export async function rehearseLead(session: Session): Promise<void> {
  if (await hasSchema(session.kysely(), await session.columnTypes())) await readLive(session.rehearsal());
}

/** What a new leader finds, at one moment: where journal and tables stand, what has not ended, what the tables lack. */
export interface Found extends Standing {
  readonly live: LiveRows;
  readonly tail: JournalRow[];
}

/** Waits for nobody and holds up nobody, however much there is to read, and whatever becomes of who reads it. */
export function readFound(line: Line): Promise<Found> {
  return line.transact(BEGIN_READ, async (session) => {
    await session.allow(RECOVERY_MS);
    await session.run(`SET LOCAL idle_in_transaction_session_timeout = ${RECOVERY_MS}`);
    const standing = await readStanding(session);
    const live = await readLive(session.kysely());
    const tail = await rowsAfter(session, standing.materialised);
    assertWhole(tail, standing.materialised, standing.last);
    return { ...standing, live, tail };
  });
}

/** Does `work` while a lease is kept: it may take longer than that. Whether it was kept the last renewal says. */
export async function whileRenewing<T>(
  { clock, leaseMs, renew }: { clock: Clock; leaseMs: number; renew: () => Promise<void> },
  work: () => Promise<T>,
): Promise<T> {
  const done = new AbortController();
  const { signal } = done;
  const pauseMs = Math.max(leaseMs / RENEWALS_PER_LEASE, RENEW_MS_MIN);
  const renewing = (async () => {
    for (;;) {
      await sleep(clock, pauseMs, signal);
      if (signal.aborted) return;
      await renew().catch(() => {});
    }
  })();
  try {
    return await work();
  } finally {
    done.abort();
    await renewing;
  }
}
