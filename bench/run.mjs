// Measures rota as it runs: see README.md beside this file for what is measured, and what is not.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../dist/clock.js';
import { findNatsServer, startNatsServer } from '../dist/launch/nats-server.js';
import { CLOCK } from './clock.mjs';
import { machine, versions } from './machine.mjs';
import { HELP, readOptions } from './options.mjs';
import { Processes } from './processes.mjs';
import { toText } from './report.mjs';
import { scale } from './scale.mjs';
import { scoring } from './scoring.mjs';
import { selection } from './selection.mjs';
import { semantic } from './semantic.mjs';
import { tasks } from './tasks.mjs';

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
    const rows = await Promise.race([measure(bench, say), processes.failed]);
    await tell({ at: new Date().toISOString(), sizes: options.sizes, ...before, clock: CLOCK, rows }, options);
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

/** Each part's rows, under the name that it has in the report. */
const MEASURE = {
  tasks,
  selection: async (bench, say) => {
    say('Choosing alone …');
    return { selection: await selection(bench) };
  },
  scoring: async (bench, say) => {
    say('Scoring, inline and on a thread …');
    return { scoring: await scoring(bench) };
  },
  semantic: async (bench, say) => {
    say('The semantic scorer …');
    return { semantic: await semantic(bench) };
  },
  scale: async (bench, say) => ({ scale: await scale(bench, say) }),
};

async function measure(bench, say) {
  const rows = {};
  for (const part of bench.parts) Object.assign(rows, await MEASURE[part](bench, say));
  return rows;
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error.message);
    process.exit(error.exitCode ?? 1);
  },
);
