import { unpack } from '../protocol/codec.js';
import type { JournalEvent, JournalRow } from '../protocol/journal.js';
import { LIMITS } from '../protocol/limits.js';
import { deposed, gap, trimmed } from './errors.js';
import type { Line } from './postgres-connections.js';
import { readLeadership } from './postgres-leadership.js';
import { isMissingTable, NOW_MS, type Session } from './postgres-session.js';
import { SHARD } from './schema.js';

/**
 * One statement and so one commit: the leader's epoch, the place in the journal and the row itself. The lock on the
 * epoch is held until the commit, and for no longer than the statement takes: no answer of ours is waited for. Who takes leadership waits for it, and then finds the row; a statement that waits
 * for one who takes leadership looks at the epoch again behind that, and writes nothing. Without it a row of the
 * older epoch could be committed after one of the newer.
 */
const APPEND = `
  WITH leader AS (SELECT epoch FROM leadership WHERE shard = $1::bigint AND epoch = $3::bigint FOR SHARE)
  INSERT INTO journal (shard, seq, epoch, body, at_ms)
  SELECT $1::bigint, $2::bigint, leader.epoch, $4::bytea, ${NOW_MS} FROM leader
  WHERE (SELECT coalesce(max(seq), 0) FROM journal WHERE shard = $1::bigint) = $2::bigint - 1
  ON CONFLICT DO NOTHING`;

const SAME = 'SELECT 1 FROM journal WHERE shard = $1 AND seq = $2 AND epoch = $3 AND body = $4';
const STANDING = `
  SELECT (SELECT coalesce(max(seq), 0) FROM journal WHERE shard = $1) AS last,
    (SELECT coalesce(max(seq), 0) FROM materialised WHERE shard = $1) AS materialised`;
const AFTER = `
  SELECT seq, epoch, body FROM (
    SELECT seq, epoch, body, row_number() OVER behind AS nth, sum(octet_length(body)) OVER behind AS bytes
    FROM journal WHERE shard = $1 AND seq > $2 WINDOW behind AS (ORDER BY seq) ORDER BY seq LIMIT $3
  ) AS read
  WHERE nth = 1 OR $4::bigint IS NULL OR bytes <= $4::bigint ORDER BY seq`;

/** Only from the begin of the journal: where the clock was set back, a younger row may stand before an older one. */
const TRIM = `
  DELETE FROM journal WHERE shard = $1 AND seq IN (
    SELECT seq FROM (
      SELECT seq, bool_and(at_ms < ${NOW_MS} - $2::bigint) OVER (ORDER BY seq) AS is_old FROM (
        SELECT seq, at_ms FROM journal WHERE shard = $1 ORDER BY seq LIMIT $3
      ) AS first
    ) AS aged
    WHERE is_old AND seq <= (SELECT seq FROM materialised WHERE shard = $1)
      AND seq < (SELECT max(seq) FROM journal WHERE shard = $1))`;

/** Where journal and tables stand. */
export interface Standing {
  readonly last: number;
  readonly materialised: number;
}

const MIB = 1024 * 1024;
/** A row that is larger than this is given more time. */
const LARGE_BYTES = MIB;
/** How long the database may take for a large row: so long, and longer for each MiB, which is sent first. */
const LARGE_MS = 2_000;
const MS_PER_MIB = 1_000;

/**
 * Appends one row, durably. An outcome that is not known is read back; where that fails too the row may be there or
 * not, and who appends it again is told.
 *
 * @throws RotaError DEPOSED, STORE_FAILED; what the driver throws.
 */
export async function append(line: Line, seq: number, epoch: number, body: Uint8Array): Promise<void> {
  let failure: { readonly thrown: unknown } | undefined;
  try {
    const written = await withTimeFor(line, body, (session) => session.run(APPEND, [SHARD, seq, epoch, body]));
    if (written === 1) return;
  } catch (thrown) {
    if (isMissingTable(thrown)) throw deposed(epoch, undefined);
    failure = { thrown };
  }
  await withTimeFor(line, body, async (session) => {
    // Appended before, or the answer was lost behind the commit: what the journal says now is what counts.
    if ((await session.rows(SAME, [SHARD, seq, epoch, body])).length > 0) return;
    if (failure) throw failure.thrown;
    const leader = await readLeadership(session);
    throw leader?.epoch === epoch ? gap(seq, (await readStanding(session)).last) : deposed(epoch, leader);
  });
}

/** Appends nothing: no row and no epoch has this number. The next one on the same connection is faster for it. */
export function rehearseAppend(session: Session): Promise<unknown> {
  return session.run(APPEND, [SHARD, 0, 0, Buffer.alloc(0)]);
}

/** Else a row that a slow link takes longer to send could never be appended, however often it is tried. */
function withTimeFor<T>(line: Line, body: Uint8Array, work: (session: Session) => Promise<T>): Promise<T> {
  if (body.byteLength <= LARGE_BYTES) return line.use(work);
  return line.useLonger(LARGE_MS + Math.ceil(body.byteLength / MIB) * MS_PER_MIB, work);
}

/** @throws what the driver throws, also where there is no schema yet. */
export async function readStanding(session: Session): Promise<Standing> {
  const [standing] = await session.rows<Standing>(STANDING, [SHARD]);
  return standing ?? { last: 0, materialised: 0 };
}

/** Rows behind `seq`, in order, all of them without a limit; of so many bytes together, or one row that is larger. */
export async function rowsAfter(session: Session, seq: number, limit?: number, bytes?: number): Promise<JournalRow[]> {
  const values = [SHARD, seq, limit ?? null, bytes ?? null];
  const rows = await session.rows<{ seq: number; epoch: number; body: Buffer }>(AFTER, values);
  return rows.map((row) => ({ seq: row.seq, epoch: row.epoch, events: unpack(row.body) as JournalEvent[] }));
}

/** The same. @throws RotaError NOT_REPLAYABLE when the first of them was trimmed. */
export async function readableRows(session: Session, seq: number, limit: number): Promise<JournalRow[]> {
  // One at least is looked at, to see whether it is the first behind `seq`.
  const rows = await rowsAfter(session, seq, Math.max(limit, 1), LIMITS.bytesPerRead);
  const [first] = rows;
  // The last row is never trimmed, so that whatever is missing stands before one that is there.
  if (first !== undefined && first.seq > seq + 1) throw trimmed(seq + 1, first.seq);
  return rows.slice(0, limit);
}

/** Forgets the first rows that the tables have and that are older; never the last of all. */
export function trim(session: Session, olderThanMs: number): Promise<number> {
  return session.run(TRIM, [SHARD, olderThanMs, LIMITS.rowsPerTrim]);
}
