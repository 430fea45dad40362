import { join } from 'node:path';
import { connect } from '@nats-io/transport-node';
import { encode } from '../dist/protocol/codec.js';
import { TaskSpecSchema } from '../dist/protocol/task.js';
import { Connection } from '../dist/store/sqlite-connection.js';
import { nowMs } from './clock.mjs';
import { pace } from './pacer.mjs';
import { quantilesOf, repeat, spreadOf } from './stats.mjs';

const SUBJECT = 'bench.echo';
const IN_FLIGHT = 256;
const PACED_SECONDS_MAX = 10;
const TIMEOUT_MS = 10_000;
/** After so many commits the driver listens to its signals. */
const COMMITS_PER_TURN = 64;

/** A submit with one task, as the client sends it. */
const FRAME = encode({
  watch: 'end',
  tasks: [TaskSpecSchema.parse({ id: '01JD4X8Q2M7V5T9K3R6W0YBZCA', payload: { dueMs: 1_234_567.891 } })],
});

/** Floor A: what any exchange between two processes costs here, with the plain NATS client and nothing of ours. */
export async function requestReply({ processes, url, sizes }) {
  const echo = await processes.start(new URL('./echo.mjs', import.meta.url), { url, subject: SUBJECT });
  const nats = await connect({ servers: url, noAsyncTraces: true });
  const ask = () => nats.request(SUBJECT, FRAME, { timeout: TIMEOUT_MS });
  const timed = async () => {
    const startMs = nowMs();
    await ask();
    return nowMs() - startMs;
  };
  const since = async (dueMs) => {
    await ask();
    return nowMs() - dueMs;
  };
  const { requests, repetitions, rate, seconds, warmUpSeconds } = sizes;

  await repeat(requests / 10, timed);
  const oneAtATimeMs = quantilesOf(await repeat(requests, timed));
  await pace({ rate, seconds: warmUpSeconds }, since);
  const pacedMs = quantilesOf(await pace({ rate, seconds: Math.min(seconds, PACED_SECONDS_MAX) }, since));
  await perSecondOf(ask, requests);
  const perSecond = spreadOf(await repeat(repetitions, () => perSecondOf(ask, requests)));

  await nats.close();
  await echo.stop();
  return { frameBytes: FRAME.length, oneAtATimeMs, pacedMs, pipelined: { inFlight: IN_FLIGHT, perSecond } };
}

async function perSecondOf(ask, total) {
  let left = total;
  const lane = async () => {
    while (left-- > 0) await ask();
  };
  const startMs = nowMs();
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return (total * 1_000) / (nowMs() - startMs);
}

/** Floor B: one row, one commit, on a connection with the store's own settings, in the folder that it is in. */
export function durableCommit({ folder, sizes, signal }) {
  return withJournal(join(folder, 'floor.db'), async (commit) => {
    const timed = async (count) => {
      const tookMs = [];
      while (tookMs.length < count) {
        signal.throwIfAborted();
        const startMs = nowMs();
        commit();
        tookMs.push(nowMs() - startMs);
        if (tookMs.length % COMMITS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      return tookMs;
    };

    await timed(sizes.commits / 10);
    const tookMs = await timed(sizes.commits);
    const totalMs = tookMs.reduce((sum, ms) => sum + ms, 0);
    return { rowBytes: FRAME.length, commitMs: quantilesOf(tookMs), perSecond: (tookMs.length * 1_000) / totalMs };
  });
}

/** Floor B at the rate of the latency rows, from when a commit was due: one that is slow holds up those after it. */
export function pacedCommit({ folder, sizes }) {
  const { rate, seconds } = sizes;
  return withJournal(join(folder, 'paced-floor.db'), async (commit) => {
    const since = (dueMs) => {
      commit();
      return nowMs() - dueMs;
    };
    return quantilesOf(await pace({ rate, seconds: Math.min(seconds, PACED_SECONDS_MAX) }, since));
  });
}

async function withJournal(file, use) {
  const connection = new Connection(file);
  connection.raw.exec('CREATE TABLE IF NOT EXISTS journal (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)');
  const insert = connection.raw.prepare('INSERT INTO journal (body) VALUES (?)');
  try {
    return await use(() => insert.run([FRAME]));
  } finally {
    connection.close();
  }
}
