import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { connectNats, createClient } from '../dist/index.js';
import { nowMs } from './clock.mjs';
import { completed, POOL, profiled } from './cluster.mjs';
import { pacedCommit } from './floors.mjs';
import { pace } from './pacer.mjs';
import { quantilesOf } from './stats.mjs';

/** Ten minutes: every agent sends a heartbeat each two and a half. */
const LEASE_MS = 600_000;

/**
 * `rota up` with pools of very different size, under the same steady load: what the size of a pool costs a task.
 * Before each, what a bare commit takes on this disk at that moment: no assignment leaves before its own.
 */
export async function scale(bench, say) {
  const rows = [];
  for (const agents of bench.sizes.fleets) {
    say(`Assignments among ${agents.toLocaleString('en')} agents …`);
    const commitMs = await pacedCommit(bench);
    rows.push({ commitMs, ...(await withFleet(bench, agents)) });
  }
  return rows;
}

async function withFleet({ processes, url, folder, profile, sizes }, agents) {
  const name = `scale-${agents}`;
  const options = { url, file: join(folder, `${name}.db`), leaseMs: LEASE_MS };
  const up = await processes.start(new URL('./up.mjs', import.meta.url), options, profiled(profile, name));
  const transport = await connectNats({ servers: url });
  const client = createClient({ transport });
  const { store } = await client.status();

  const startMs = nowMs();
  const fleet = await processes.start(new URL('./fleet.mjs', import.meta.url), { url, agents, pool: POOL });
  const joinedPerSecond = (agents * 1_000) / (nowMs() - startMs);
  const joinedMiB = residentMiB(up.pid);
  const send = (dueMs) => one(client, dueMs);
  const { rate, seconds, warmUpSeconds } = sizes;
  await pace({ rate, seconds: warmUpSeconds }, send);
  const samples = await pace({ rate, seconds }, send);
  const workedMiB = residentMiB(up.pid);

  client.close();
  await transport.close();
  await fleet.stop();
  await up.stop();
  const quantiles = (field) => quantilesOf(samples.map((sample) => sample[field]));
  return {
    ...{ agents, store, ratePerSecond: rate, joinedPerSecond, residentMiB: { joined: joinedMiB, worked: workedMiB } },
    lateMs: quantiles('lateMs'),
    acknowledgedMs: quantiles('acknowledgedMs'),
    assignedMs: quantiles('assignedMs'),
    dueToAssignedMs: quantiles('dueToAssignedMs'),
  };
}

/** `lateMs` is the bench's own delay; the others count from when the task was sent. */
async function one(client, dueMs) {
  const sentMs = nowMs();
  const id = await client.submit({ pool: POOL, payload: { dueMs } });
  const acknowledgedMs = nowMs() - sentMs;
  const { result: cameMs } = await completed(client, id);
  return { lateMs: sentMs - dueMs, acknowledgedMs, assignedMs: cameMs - sentMs, dueToAssignedMs: cameMs - dueMs };
}

/** The memory that the process has in RAM. */
function residentMiB(pid) {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1_024;
}
