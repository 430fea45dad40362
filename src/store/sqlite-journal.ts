import type Database from 'libsql';
import { unpack } from '../protocol/codec.js';
import type { JournalEvent, JournalRow } from '../protocol/journal.js';
import { LIMITS } from '../protocol/limits.js';
import { deposed, gap, trimmed } from './errors.js';
import { SHARD } from './schema.js';
import type { Connection } from './sqlite-connection.js';
import type { Leadership } from './store.js';

/** One statement and so one commit: the leader's epoch, the place in the journal and the row itself. */
const APPEND = `
  INSERT INTO journal (shard, seq, epoch, body, at_ms)
  SELECT ?1, ?2, ?3, ?4, ?5
  WHERE EXISTS (SELECT 1 FROM leadership WHERE shard = ?1 AND epoch = ?3)
    AND (SELECT coalesce(max(seq), 0) FROM journal WHERE shard = ?1) = ?2 - 1
  ON CONFLICT DO NOTHING`;

const SAME = 'SELECT 1 FROM journal WHERE shard = ? AND seq = ? AND epoch = ? AND body = ?';
const LAST = 'SELECT coalesce(max(seq), 0) AS seq FROM journal WHERE shard = ?';
const AFTER = 'SELECT seq, epoch, body FROM journal WHERE shard = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3';
/** The same, of so many bytes together, or one row that is larger. Bodies are not read to learn how long they are. */
const AFTER_WITHIN = `
  SELECT seq, epoch, body FROM journal WHERE shard = ?1 AND seq > ?2 AND seq <= (
    SELECT max(seq) FROM (
      SELECT seq, row_number() OVER behind AS nth, sum(length(body)) OVER behind AS bytes
      FROM journal WHERE shard = ?1 AND seq > ?2 WINDOW behind AS (ORDER BY seq) LIMIT ?3
    )
    WHERE nth = 1 OR bytes <= ?4
  )
  ORDER BY seq`;
const LEADER = 'SELECT epoch, holder, renewed_at_ms, lease_ms FROM leadership WHERE shard = ?';
const TAKE = `
  INSERT INTO leadership (shard, epoch, holder, since_ms, renewed_at_ms, lease_ms) VALUES (?, 1, ?, ?, ?, ?)
  ON CONFLICT (shard) DO UPDATE SET epoch = epoch + 1, holder = excluded.holder, since_ms = excluded.since_ms,
    renewed_at_ms = excluded.renewed_at_ms, lease_ms = excluded.lease_ms`;
const RENEW = 'UPDATE leadership SET renewed_at_ms = ?, lease_ms = ? WHERE shard = ? AND epoch = ?';
/** Only from the begin of the journal: where the clock was set back, a younger row may stand before an older one. */
const TRIM = `
  DELETE FROM journal WHERE shard = ?1 AND seq IN (
    SELECT seq FROM (
      SELECT seq, min(at_ms < ?3) OVER (ORDER BY seq) AS is_old FROM (
        SELECT seq, at_ms FROM journal WHERE shard = ?1 ORDER BY seq LIMIT ?4
      )
    )
    WHERE is_old AND seq <= ?2 AND seq < (SELECT max(seq) FROM journal WHERE shard = ?1))`;

/** libsql gives a blob as an ArrayBuffer. */
interface StoredRow {
  readonly seq: number;
  readonly epoch: number;
  readonly body: ArrayBuffer;
}

interface StoredLeadership {
  readonly epoch: number;
  readonly holder: string;
  readonly renewed_at_ms: number;
  readonly lease_ms: number;
}

/** The journal and who may append to it. Needs the schema; holds nothing but its statements. */
export class SqliteJournal {
  readonly #connection: Connection;
  readonly #append: Database.Statement;
  readonly #after: Database.Statement;
  readonly #afterWithin: Database.Statement;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#append = connection.raw.prepare(APPEND);
    this.#after = connection.raw.prepare(AFTER);
    this.#afterWithin = connection.raw.prepare(AFTER_WITHIN);
  }

  /** Appends one row, durably. @throws RotaError DEPOSED, STORE_FAILED; what the driver throws. */
  append(seq: number, epoch: number, body: Uint8Array, nowMs: number): void {
    let failure: { readonly thrown: unknown } | undefined;
    this.#connection.setDurable(true);
    try {
      if (this.#append.run([SHARD, seq, epoch, body, nowMs]).changes === 1) return;
    } catch (thrown) {
      failure = { thrown };
    }
    // Appended before, or the failure came after the commit: what the file says now is what counts.
    if (this.#all(SAME, SHARD, seq, epoch, body).length > 0) return;
    if (failure) throw failure.thrown;
    const leader = this.leadership(nowMs);
    throw leader?.epoch === epoch ? gap(seq, this.lastSeq()) : deposed(epoch, leader);
  }

  /** Takes leadership where it is free; the epoch grows by one. To be called in a transaction. */
  take(holder: string, leaseMs: number, nowMs: number): number | undefined {
    const leader = this.leadership(nowMs);
    if (leader?.isHeld && leader.holder !== holder) return undefined;
    this.#connection.raw.prepare(TAKE).run([SHARD, holder, nowMs, nowMs, leaseMs]);
    return (leader?.epoch ?? 0) + 1;
  }

  /** @throws RotaError DEPOSED */
  renew(epoch: number, leaseMs: number, nowMs: number): void {
    if (this.#connection.raw.prepare(RENEW).run([nowMs, leaseMs, SHARD, epoch]).changes === 0) {
      throw deposed(epoch, this.leadership(nowMs));
    }
  }

  leadership(nowMs: number): Leadership | undefined {
    const [row] = this.#all(LEADER, SHARD) as StoredLeadership[];
    if (row === undefined) return undefined;
    const { epoch, holder, renewed_at_ms, lease_ms } = row;
    return { epoch, holder, isHeld: renewed_at_ms <= nowMs && nowMs < renewed_at_ms + lease_ms };
  }

  /** Forgets the first rows up to `seq` that were appended before `beforeMs`; never the last of all. */
  trim(seq: number, beforeMs: number): number {
    return this.#connection.raw.prepare(TRIM).run([SHARD, seq, beforeMs, LIMITS.rowsPerTrim]).changes;
  }

  lastSeq(): number {
    return (this.#all(LAST, SHARD) as { seq: number }[])[0]?.seq ?? 0;
  }

  /** Rows behind `seq`, in order. @throws RotaError NOT_REPLAYABLE when the first of them was trimmed. */
  readable(seq: number, limit: number): JournalRow[] {
    // One at least is looked at, to see whether it is the first behind `seq`; another process may trim at any moment.
    const rows = this.after(seq, Math.max(limit, 1), LIMITS.bytesPerRead);
    const [first] = rows;
    // The last row is never trimmed, so that whatever is missing stands before one that is there.
    if (first !== undefined && first.seq > seq + 1) throw trimmed(seq + 1, first.seq);
    return rows.slice(0, limit);
  }

  /** The same where none was trimmed; of so many bytes together, or one row that is larger. */
  after(seq: number, limit: number, bytes?: number): JournalRow[] {
    const statement = bytes === undefined ? this.#after : this.#afterWithin;
    const rows = statement.all([SHARD, seq, limit, ...(bytes === undefined ? [] : [bytes])]) as StoredRow[];
    return rows.map((row) => ({
      seq: row.seq,
      epoch: row.epoch,
      events: unpack(new Uint8Array(row.body)) as JournalEvent[],
    }));
  }

  #all(statement: string, ...values: unknown[]): unknown[] {
    return this.#connection.raw.prepare(statement).all(values);
  }
}
