import { readFileSync } from 'node:fs';
import Database from 'libsql';
import { expect, test } from 'vitest';
import { sleep, systemClock } from '#rota/clock.js';
import { encode } from '#rota/protocol/codec.js';
import { createSubjects } from '#rota/protocol/subjects.js';
import { NAMESPACE } from './cluster.js';
import type { Coordinator } from './coordinator.js';
import { sqliteIn } from './database.js';
import { canMount, smallDisk } from './disk.js';
import { type Answer, Ordeal } from './ordeal.js';
import { DESK, WORK } from './workload.js';

/** Degraded, not dead: nothing that was acknowledged is lost, no process ends, work goes on by itself, the log says so once. */

const OUTAGE_MS = 30_000;
const FULL_MS = 5_000;
const KILLS = 50;
/** Submits that come at once, 920 MiB in all, and what a coordinator may keep of that. */
const FLOOD = 16_000;
const FLOOD_BYTES = 60_000;
const MEMORY_MIB = 384;
const BLOCKED_MS = 5_000;
/** Longer than a statement waits for the lock. */
const LOCKED_MS = 6_000;
/** For so long another process waits for its turn at the file, which is in use. */
const TURN_MS = 5_000;
const STORM = 100_000;
const TIMEOUT = { timeout: 150_000 };

const STALLED = /^the store does not answer/;
const RESUMED = /^the store answers again/;
const LOST = /^connection: reconnecting/;
const FOUND = /^connection: connected/;
const DEPOSED = /^no longer leading/;
const STOOD_STILL = /^this process stood still/;

/** A pool with one agent of its own. */
const HEAP = 'heap';

function expectOneOutage(coordinators: readonly Coordinator[]): void {
  const lines = coordinators.map((one) => ({ stalled: one.times(STALLED), resumed: one.times(RESUMED) }));
  expect(lines).toEqual(coordinators.map(() => ({ stalled: 1, resumed: 1 })));
}

test.concurrent.each(['killed', 'paused'] as const)('PostgreSQL is %s for 30 seconds', TIMEOUT, async (how) => {
  const ordeal = await Ordeal.begin({ database: 'postgres' });
  const { cluster } = ordeal;
  const { server } = cluster.database;
  const over = sleep(systemClock, OUTAGE_MS);
  if (how === 'killed') await server?.kill();
  else server?.signal('SIGSTOP');
  expect((await ordeal.refused()).retryAfterMs).toBeGreaterThan(0);
  await over;
  if (how === 'killed') await server?.restart();
  else server?.signal('SIGCONT');
  await ordeal.survived();
  expectOneOutage(cluster.coordinators);
  await cluster.end();
});

test.concurrent('the disk under SQLite is full', TIMEOUT, async ({ skip }) => {
  skip(!canMount(), 'This user may not mount a disk of 1 MB: run it as root.');
  using disk = smallDisk();
  const ordeal = await Ordeal.begin({ database: sqliteIn(disk.folder) });
  const { cluster } = ordeal;
  expect((await ordeal.refused()).retryAfterMs).toBeGreaterThan(0);
  await Promise.all(cluster.coordinators.map((one) => one.logs(STALLED)));
  await sleep(systemClock, FULL_MS);
  disk.grow();
  await ordeal.survived();
  expectOneOutage(cluster.coordinators);
  await cluster.end();
});

test.concurrent('another process has the lock of the SQLite file', TIMEOUT, async () => {
  const ordeal = await Ordeal.begin({ database: 'sqlite' });
  const { cluster } = ordeal;
  const other = new Database(cluster.database.place, { timeout: TURN_MS });
  other.exec('BEGIN IMMEDIATE');
  expect((await ordeal.refused()).retryAfterMs).toBeGreaterThan(0);
  await cluster.coordinators[0]?.logs(STALLED);
  await sleep(systemClock, LOCKED_MS);
  other.exec('ROLLBACK');
  other.close();
  await ordeal.survived();
  expect(cluster.coordinators.map((one) => one.times(STALLED))).toEqual([1, expect.toBeOneOf([0, 1])]);
  await cluster.end();
});

test.concurrent('the NATS server is killed 50 times, then away for longer than a lead is kept', TIMEOUT, async () => {
  const ordeal = await Ordeal.begin({});
  const { cluster, leader, workload } = ordeal;
  for (let kills = 1; kills <= KILLS; kills++) {
    await cluster.nats.restart();
    await Promise.all(cluster.coordinators.map((one) => one.logs(FOUND, kills)));
    if (kills % 5 === 0) await workload.probe();
  }
  expect(leader.epoch).toBe(1);

  await cluster.nats.kill();
  await leader.logs(DEPOSED);
  await cluster.nats.restart();
  await cluster.led(1);
  await ordeal.survived();
  const lines = cluster.coordinators.map((one) => ({ lost: one.times(LOST), found: one.times(FOUND) }));
  expect(lines).toEqual(cluster.coordinators.map(() => ({ lost: KILLS + 1, found: KILLS + 1 })));
  expect(cluster.coordinators.map((one) => one.times(STALLED))).toEqual([0, 0]);
  await cluster.end();
});

test.concurrent('an agent takes nothing of all that the server has for it', TIMEOUT, async () => {
  const agents = [
    { id: 'slow', pool: HEAP, maxConcurrency: 300 },
    { id: 'quick', pool: WORK, maxConcurrency: 4 },
    { id: 'desk', pool: DESK, maxConcurrency: 50 },
  ];
  // Longer than it takes to give it all that.
  const leaseMs = 60_000;
  const ordeal = await Ordeal.begin({ agents, leaseMs, natsConfig: 'max_pending: 4MB' });
  const { cluster, client, workload } = ordeal;
  const slow = cluster.agents.get('slow')?.child;
  slow?.pause();
  const task = { pool: HEAP, maxAttempts: 20, backoffMs: 0, payload: { load: 'x'.repeat(60_000) } };
  const ends: Promise<void>[] = [];
  // More than the server and both ends of the connection keep: 18 MB.
  for (let i = 0; i < 30; i++) {
    const ids = await client.submitMany(Array.from({ length: 10 }, () => task));
    cluster.ledger.submitAcknowledged(ids);
    ends.push(...ids.map(async (id) => cluster.ledger.ended(await client.result(id))));
  }
  // Others do not wait for it.
  await workload.probe();
  slow?.resume();
  expect(await slow?.says((line) => line === 'connection: reconnecting')).toBe(true);
  await Promise.all(ends);
  await ordeal.survived();
  await cluster.end();
});

test.concurrent('the event loop of the leader is blocked for longer than a lead is kept', TIMEOUT, async () => {
  const ordeal = await Ordeal.begin({
    leaderEnv: { ROTA_FAILPOINTS: `intake.received=delay:${BLOCKED_MS}@300` },
  });
  const { cluster, leader } = ordeal;
  await cluster.led(1);
  await leader.logs(DEPOSED);
  await ordeal.survived();
  expect(leader.times(STOOD_STILL)).toBe(1);
  expect(cluster.coordinators.map((one) => one.times(STALLED))).toEqual([0, 0]);
  await cluster.end();
});

test.concurrent('heartbeats come in a storm', TIMEOUT, async () => {
  const ordeal = await Ordeal.begin({});
  const { cluster, workload } = ordeal;
  const storm = await cluster.connect('storm');
  const subjects = createSubjects(NAMESPACE);
  const held = Array.from({ length: 10 }, (_, i) => ({ taskId: `none-${i}`, token: 1 }));
  const frame = encode({ session: 'of-nobody', held });
  for (let i = 0; i < STORM; i++) {
    // Of an agent that is there, and of many that never were.
    storm.publish(subjects.from(i % 2 === 0 ? 'agent-1' : `nobody-${i}`, 'heartbeat'), frame);
    if (i % 1_000 === 0) await storm.flush();
  }
  await workload.probe();
  await ordeal.survived();
  expect(cluster.coordinators.map((one) => one.times(STALLED))).toEqual([0, 0]);
  await cluster.end();
});

test.concurrent('more is submitted than there is room for, while PostgreSQL hangs', TIMEOUT, async () => {
  // So long that it is not for want of the lead that submits are refused.
  const ordeal = await Ordeal.begin({ database: 'postgres', failoverMs: 60_000 });
  const { cluster, leader } = ordeal;
  const { server } = cluster.database;
  const beforeMiB = peakMemoryMiB(leader);
  server?.signal('SIGSTOP');
  const answers: Promise<Answer>[] = [];
  for (let i = 0; i < FLOOD; i++) {
    answers.push(ordeal.submit({ load: 'x'.repeat(FLOOD_BYTES) }));
    if (i % 100 === 0) await sleep(systemClock, 1);
  }
  const refusals = (await Promise.all(answers)).filter((answer) => answer !== 'acknowledged');
  const peakMiB = peakMemoryMiB(leader);
  server?.signal('SIGCONT');
  await ordeal.survived();

  const codes = new Set(refusals.map((refusal) => refusal.code));
  // Those that were taken before anybody knew hear nothing, and would ask again.
  expect([...codes].filter((code) => code !== 'TIMEOUT')).toEqual(['UNAVAILABLE']);
  expect(refusals.filter((refusal) => refusal.code === 'UNAVAILABLE' && !refusal.retryAfterMs)).toEqual([]);
  expect(peakMiB - beforeMiB).toBeLessThan(MEMORY_MIB);
  expectOneOutage([leader]);
  await cluster.end();
});

/** Of all the time that the process has been there. */
function peakMemoryMiB({ child }: Coordinator): number {
  const [, kB] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
  return Number(kB) / 1024;
}
