import type { Recovered } from '../protocol/journal.js';
import { images } from './images.js';
import { ensureSchema, hasSchema } from './migrations/index.js';
import type { Line } from './postgres-connections.js';
import { readStanding, rowsAfter } from './postgres-journal.js';
import { renewLease, takeLeadership } from './postgres-leadership.js';
import { isLockTimeout, type Session } from './postgres-session.js';
import type { PostgresTables } from './postgres-tables.js';
import { readLive } from './queries-live.js';

/** How long one who would lead waits for another who is about to. */
const OTHERS_MS = 1_000;
/**
 * How long each of the statements may take that read everything that has not ended, and to put together what they
 * found: there may be a million tasks.
 */
const RECOVERY_MS = 30_000;

/** One at a time brings the schema up and takes leadership; until its transaction ends. */
export const LOCK_SCHEMA = "SELECT pg_advisory_xact_lock(hashtextextended('rota in ' || current_schema(), 0))";

/**
 * Takes leadership and reads the live state, in one transaction. Undefined where another has it, or is about to take it.
 *
 * Locks are taken in this order, by everybody who takes more than one: the schema's, leadership, where the tables stand.
 */
export async function lead(
  line: Line,
  tables: PostgresTables,
  holder: string,
  leaseMs: number,
): Promise<Recovered | undefined> {
  try {
    return await line.transact('BEGIN', async (session) => {
      await session.run(`SET LOCAL lock_timeout = ${OTHERS_MS}`);
      await session.allow(RECOVERY_MS);
      await session.rows(LOCK_SCHEMA);
      await ensureSchema(session.kysely(), await session.columnTypes());
      const epoch = await takeLeadership(session, holder, leaseMs);
      return epoch === undefined ? undefined : recover(session, tables, epoch, leaseMs);
    });
  } catch (thrown) {
    if (isLockTimeout(thrown)) return undefined;
    throw thrown;
  }
}

/** Takes nothing and reads no task, however many there are. The next `lead` on the same connection is faster for it. */
export async function rehearseLead(session: Session): Promise<void> {
  if (await hasSchema(session.kysely(), await session.columnTypes())) await readLive(session.rehearsal());
}

/** What there is behind the older epochs' last row: none of them can append any more. */
async function recover(session: Session, tables: PostgresTables, epoch: number, leaseMs: number): Promise<Recovered> {
  const materialised = await tables.lock(session);
  const { last: seq } = await readStanding(session);
  const live = images(await readLive(session.kysely()));
  const tail = await rowsAfter(session, materialised);
  // To recover may take longer than a lease; nobody else could take it meanwhile.
  await renewLease(session, epoch, leaseMs);
  return { epoch, seq, ...live, tail };
}
