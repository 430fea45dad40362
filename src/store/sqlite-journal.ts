import type Database from 'libsql';
import { unpack } from '../protocol/codec.js';
import type { JournalEvent, JournalRow } from '../protocol/journal.js';
import { deposed, gap, type Leader } from './errors.js';
import { SHARD } from './schema.js';
import type { Connection } from './sqlite-connection.js';

/** One statement and so one commit: the leader's epoch, the place in the journal and the row itself. */
const APPEND = `
  INSERT INTO journal (shard, seq, epoch, body)
  SELECT ?1, ?2, ?3, ?4
  WHERE EXISTS (SELECT 1 FROM leadership WHERE shard = ?1 AND epoch = ?3)
    AND (SELECT coalesce(max(seq), 0) FROM journal WHERE shard = ?1) = ?2 - 1
  ON CONFLICT DO NOTHING`;

const SAME = 'SELECT 1 FROM journal WHERE shard = ? AND seq = ? AND epoch = ? AND body = ?';
const LAST = 'SELECT coalesce(max(seq), 0) AS seq FROM journal WHERE shard = ?';
const AFTER = 'SELECT seq, epoch, body FROM journal WHERE shard = ? AND seq > ? ORDER BY seq LIMIT ?';
const LEADER = 'SELECT epoch, holder FROM leadership WHERE shard = ?';
const TAKE = `
  INSERT INTO leadership (shard, epoch, holder, since_ms) VALUES (?, 1, ?, ?)
  ON CONFLICT (shard) DO UPDATE SET epoch = epoch + 1, holder = excluded.holder, since_ms = excluded.since_ms`;

/** libsql gives a blob as an ArrayBuffer. */
interface StoredRow {
  readonly seq: number;
  readonly epoch: number;
  readonly body: ArrayBuffer;
}

/** The journal and who may append to it. Needs the schema; holds nothing but its statements. */
export class SqliteJournal {
  readonly #connection: Connection;
  readonly #append: Database.Statement;
  readonly #after: Database.Statement;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#append = connection.raw.prepare(APPEND);
    this.#after = connection.raw.prepare(AFTER);
  }

  /** Appends one row, durably. @throws RotaError DEPOSED, STORE_FAILED; what the driver throws. */
  append(seq: number, epoch: number, body: Uint8Array): void {
    let failure: { readonly thrown: unknown } | undefined;
    this.#connection.setDurable(true);
    try {
      if (this.#append.run([SHARD, seq, epoch, body]).changes === 1) return;
    } catch (thrown) {
      failure = { thrown };
    }
    // Appended before, or the failure came after the commit: what the file says now is what counts.
    if (this.#all(SAME, SHARD, seq, epoch, body).length > 0) return;
    if (failure) throw failure.thrown;
    const leader = this.leader();
    throw leader?.epoch === epoch ? gap(seq, this.lastSeq()) : deposed(epoch, leader);
  }

  /** Takes leadership; the epoch grows by one. */
  take(holder: string, nowMs: number): number {
    this.#connection.raw.prepare(TAKE).run([SHARD, holder, nowMs]);
    return this.leader()?.epoch ?? 0;
  }

  leader(): Leader | undefined {
    return (this.#all(LEADER, SHARD) as Leader[])[0];
  }

  /** @throws RotaError DEPOSED */
  assertLeads(epoch: number): void {
    const leader = this.leader();
    if (leader?.epoch !== epoch) throw deposed(epoch, leader);
  }

  lastSeq(): number {
    return (this.#all(LAST, SHARD) as { seq: number }[])[0]?.seq ?? 0;
  }

  /** Rows behind `seq`, in order. */
  after(seq: number, limit: number): JournalRow[] {
    const rows = this.#after.all([SHARD, seq, limit]) as StoredRow[];
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
