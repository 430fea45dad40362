// Measures rota as it runs: see README.md beside this file for what is measured, and what is not.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../dist/clock.js';
import { findNatsServer, startNatsServer } from '../dist/launch/nats-server.js';
import { CLOCK } from './clock.mjs';
import { durableCommit, requestReply } from './floors.mjs';
import { latency } from './latency.mjs';
import { machine, versions } from './machine.mjs';
import { HELP, readOptions } from './options.mjs';
import { Processes } from './processes.mjs';
import { toText } from './table.mjs';
import { throughput } from './throughput.mjs';

const CONCURRENCY = 16;
const PREFETCHES = [0, 64];
const RESULTS = new URL('./results/', import.meta.url);

class Interrupted extends Error {
  constructor(signal) {
    super(`Interrupted by ${signal}.`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

async function main() {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return console.log(HELP);
  const say = options.json ? () => {} : (text) => console.error(text);

  const processes = new Processes();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => processes.fail(new Interrupted(signal)));
  }
  const over = new AbortController();
  const folder = await mkdtemp(join(tmpdir(), 'rota-bench-'));
  let nats;
  try {
    const bin = natsServerBin();
    nats = await startNatsServer({ bin, clock: systemClock });
    void nats.exited.then(({ code, signal }) => {
      processes.fail(new Error(`${bin} ended with ${signal ?? `code ${code}`}.`));
    });
    const before = { versions: versions(bin), machine: machine(folder) };
    if (before.machine.fileSystem === 'tmpfs') say(`${folder} is in memory: no commit there is durable. Set TMPDIR.`);
    const bench = { ...options, processes, folder, url: nats.url, signal: over.signal };
    const measured = await Promise.race([measure(bench, say), processes.failed]);
    await tell({ at: new Date().toISOString(), sizes: options.sizes, ...before, clock: CLOCK, ...measured }, options);
  } finally {
    over.abort();
    await processes.kill();
    await nats?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function natsServerBin() {
  const { NATS_SERVER_BIN, PATH } = process.env;
  const bin = findNatsServer({ bin: NATS_SERVER_BIN, path: PATH });
  if (bin === undefined) throw new Error('No nats-server found: run "node scripts/ensure-nats.mjs".');
  return bin;
}

async function tell(report, { quick, json }) {
  const text = JSON.stringify(report, null, 2);
  await mkdir(RESULTS, { recursive: true });
  await writeFile(new URL(quick ? 'quick.json' : 'latest.json', RESULTS), `${text}\n`);
  console.log(json ? text : toText(report));
}

async function measure(bench, say) {
  say('Floor A: NATS request/reply …');
  const floorA = await requestReply(bench);
  say('Floor B: durable commits …');
  const floorB = await durableCommit(bench);
  const all = [];
  for (const prefetch of PREFETCHES) {
    say(`Throughput, prefetch ${prefetch} …`);
    const row = await throughput(bench, { maxConcurrency: CONCURRENCY, prefetch });
    all.push({ ...row, ofFloor: row.tasksPerSecond.median / floorA.pipelined.perSecond.median });
  }
  say('Latency …');
  const row = await latency(bench, { maxConcurrency: CONCURRENCY, prefetch: 0 });
  const ratiosTo = (floorMs) => ({ started: ratio(row.startedMs, floorMs), known: ratio(row.knownMs, floorMs) });
  return {
    durability: row.store,
    rows: {
      requestReply: floorA,
      durableCommit: floorB,
      throughput: all,
      latency: { ...row, ofFloor: ratiosTo(floorA.oneAtATimeMs), ofPacedFloor: ratiosTo(floorA.pacedMs) },
    },
  };
}

function ratio(quantiles, floor) {
  const { p50, p95, p99, max } = quantiles;
  return { p50: p50 / floor.p50, p95: p95 / floor.p95, p99: p99 / floor.p99, max: max / floor.max };
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error.message);
    process.exit(error.exitCode ?? 1);
  },
);
