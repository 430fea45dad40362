// Holds a steady load for long, and tells whether the coordinator's memory stays as it is.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connectNats, createClient } from '../dist/index.js';
import { CLOCK, nowMs } from './clock.mjs';
import { completed, POOL } from './cluster.mjs';
import { pace } from './pacer.mjs';
import { runMain, withStage } from './stage.mjs';
import { quantilesOf } from './stats.mjs';
import { readStore, STORE_HELP } from './store.mjs';
import { fixed, table, whole } from './table.mjs';

const HELP = `Usage: npm run bench:soak -- [options]

Holds a steady load and samples the coordinator's heap, after a full collection each, and its resident memory.
Prints a table and writes bench/results/soak.json.

  --minutes <n>    how long (10)
  --rate <n>       tasks/s (1,000)
  --agents <n>     agents of the pool (200)
  --store <place>  ${STORE_HELP}
  --json           print the JSON and nothing else
  --help           this`;

const MIB = 2 ** 20;
/** So long the pool, the caches and the compiler take to settle; what is sampled before does not count. */
const SETTLED_SHARE = 0.25;
/**
 * The most that V8 gives half of a thread's young generation. Left to itself it takes half an hour to get there, down
 * and up again, and what is resident would tell of nothing else.
 */
const SEMI_SPACE_MIB = 16;
const RESULTS = new URL('./results/', import.meta.url);

runMain(async () => {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      rate: { type: 'string', default: '1000' },
      agents: { type: 'string', default: '200' },
      store: { type: 'string', default: 'sqlite' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const [minutes, rate, agents] = ['minutes', 'rate', 'agents'].map((name) => positive(name, values[name]));
  const report = await withStage((stage) => soak(stage, { minutes, rate, agents, kept: readStore(values.store) }));
  const text = JSON.stringify(report, null, 2);
  await mkdir(RESULTS, { recursive: true });
  await writeFile(new URL('soak.json', RESULTS), `${text}\n`);
  console.log(values.json ? text : toText(report));
});

function positive(name, text) {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new Error(`--${name} is ${JSON.stringify(text)}: give a number above 0.`);
}

async function soak({ processes, folder, openPlace, url, before }, { minutes, rate, agents, kept }) {
  const samples = join(folder, 'samples.jsonl');
  const everyMs = Math.min(10_000, (minutes * 60_000) / 20);
  const coordinator = await processes.start(
    new URL('./soak-coordinator.mjs', import.meta.url),
    { url, samples, everyMs, store: await openPlace(kept) },
    ['--expose-gc', `--min-semi-space-size=${SEMI_SPACE_MIB}`],
  );
  const fleet = await processes.start(new URL('./fleet.mjs', import.meta.url), { url, agents, pool: POOL });
  const transport = await connectNats({ servers: url });
  const client = createClient({ transport });
  const { store } = await client.status();
  const knownMs = [];
  const send = async (dueMs) => {
    await completed(client, await client.submit({ pool: POOL, payload: { dueMs } }));
    knownMs.push(nowMs() - dueMs);
  };
  // In pieces: what was sent a minute ago is not to be held until the end.
  for (let minute = 0; minute < minutes; minute++) {
    await pace({ rate, seconds: 60 * Math.min(1, minutes - minute) }, send);
    console.error(`${minute + 1} of ${Math.ceil(minutes)} minutes, ${whole(knownMs.length)} tasks completed`);
  }
  client.close();
  await transport.close();
  await fleet.stop();
  const memory = readSamples(await readFile(samples, 'utf8'));
  await coordinator.stop();
  const tasks = { sent: knownMs.length, knownMs: quantilesOf(knownMs) };
  return { at: new Date().toISOString(), ...before, clock: CLOCK, minutes, rate, agents, store, tasks, ...memory };
}

/** Of the samples after the load had settled. */
function readSamples(text) {
  const all = text.trim().split('\n').map(JSON.parse);
  const samples = all.slice(Math.floor(all.length * SETTLED_SHARE));
  const series = (field) => {
    const points = samples.map((sample) => [(sample.atMs - samples[0].atMs) / 60_000, sample[field] / MIB]);
    const values = points.map(([, value]) => value);
    return { firstMiB: values[0], lastMiB: values.at(-1), maxMiB: Math.max(...values), ...lineThrough(points) };
  };
  return { samples: samples.length, heap: series('heapUsed'), resident: series('rss') };
}

/** Least squares: the slope, and twice its standard error. */
function lineThrough(points) {
  const n = points.length;
  const mean = (pick) => points.reduce((sum, point) => sum + pick(point), 0) / n;
  const [x, y] = [mean((point) => point[0]), mean((point) => point[1])];
  const squares = points.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
  const slope = points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0) / squares;
  const rest = points.reduce((sum, [at, value]) => sum + (value - y - slope * (at - x)) ** 2, 0);
  return { slopeMiBPerMinute: slope, plusMinus: 2 * Math.sqrt(rest / (n - 2) / squares) };
}

function toText({ versions, machine, minutes, rate, agents, store, tasks, samples, heap, resident }) {
  const row = (name, { firstMiB, lastMiB, maxMiB, slopeMiBPerMinute, plusMinus }) => [
    ...[name, fixed(firstMiB, 1), fixed(lastMiB, 1), fixed(maxMiB, 1)],
    `${fixed(slopeMiBPerMinute, 3)} ± ${fixed(plusMinus, 3)}`,
  ];
  const { p50, p99, max } = tasks.knownMs;
  return [
    `rota ${versions.rota}, Node ${versions.node}, ${machine.cpus} × ${machine.cpu}; ${store}`,
    `${minutes} minutes, ${whole(rate)} tasks/s, ${agents} agents: ${whole(tasks.sent)} tasks completed, result known after ` +
      `p50 ${fixed(p50, 1)}, p99 ${fixed(p99, 1)}, max ${fixed(max, 1)} ms; ${samples} samples after the first quarter`,
    '',
    ...table(
      ['MiB', 'first', 'last', 'most', 'per minute'],
      [row('heap after a collection', heap), row('resident', resident)],
    ),
  ].join('\n');
}
