import { deposed } from './errors.js';
import { NOW_MS, type Session } from './postgres-session.js';
import { SHARD } from './schema.js';
import type { Leadership } from './store.js';

const IS_HELD = `(own.renewed_at_ms <= ${NOW_MS} AND ${NOW_MS} < own.renewed_at_ms + own.lease_ms)`;

const LEADER = `SELECT epoch, holder, ${IS_HELD} AS is_held FROM leadership AS own WHERE shard = $1`;

const TAKE = `
  INSERT INTO leadership AS own (shard, epoch, holder, since_ms, renewed_at_ms, lease_ms)
  VALUES ($1, 1, $2, ${NOW_MS}, ${NOW_MS}, $3)
  ON CONFLICT (shard) DO UPDATE SET epoch = own.epoch + 1, holder = excluded.holder, since_ms = excluded.since_ms,
    renewed_at_ms = excluded.renewed_at_ms, lease_ms = excluded.lease_ms
  WHERE own.holder = excluded.holder OR NOT ${IS_HELD}
  RETURNING epoch`;

const RENEW = `UPDATE leadership SET renewed_at_ms = ${NOW_MS}, lease_ms = $3 WHERE shard = $1 AND epoch = $2`;

/** Undefined before anybody led. @throws what the driver throws, also where there is no schema yet. */
export async function readLeadership(session: Session): Promise<Leadership | undefined> {
  const [row] = await session.rows<{ epoch: number; holder: string; is_held: boolean }>(LEADER, [SHARD]);
  return row && { epoch: row.epoch, holder: row.holder, isHeld: row.is_held };
}

/**
 * Takes leadership where it is free; the epoch grows by one. In a transaction: until its end nobody else can take or
 * renew it, and rows of the epoch before are in the journal or will never be.
 */
export async function takeLeadership(session: Session, holder: string, leaseMs: number): Promise<number | undefined> {
  const [row] = await session.rows<{ epoch: number }>(TAKE, [SHARD, holder, leaseMs]);
  return row?.epoch;
}

/** @throws RotaError DEPOSED */
export async function renewLease(session: Session, epoch: number, leaseMs: number): Promise<void> {
  if ((await session.run(RENEW, [SHARD, epoch, leaseMs])) === 0) throw deposed(epoch, await readLeadership(session));
}
