// Takes the leader away, again and again, and tells how long agents and clients are without one.
import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { connectNats, createClient } from '../dist/index.js';
import { decode } from '../dist/protocol/codec.js';
import { LeaderFrame } from '../dist/protocol/frames.js';
import { createSubjects } from '../dist/protocol/subjects.js';
import { CLOCK, nowMs } from './clock.mjs';
import { completed, POOL } from './cluster.mjs';
import { runMain, withStage } from './stage.mjs';
import { quantilesOf } from './stats.mjs';
import { readStore, STORE_HELP } from './store.mjs';
import { fixed, table, whole } from './table.mjs';

const HELP = `Usage: npm run bench:failover -- [options]

Runs "rota up" twice on one store, an agent and a client, and ends the leader: with SIGKILL, then with SIGTERM. Each
time the one that stands by takes over, and a new one stands by. Prints a table and writes bench/results/failover.json.

  --times <n>        how often in each of the two ways (100)
  --failover-ms <n>  of the coordinators (3,000, as it is by default)
  --store <place>    ${STORE_HELP}
  --json             print the JSON and nothing else
  --help             this`;

const RESULTS = new URL('./results/', import.meta.url);
const UP = new URL('./up.mjs', import.meta.url);
const AGENT = new URL('./agent.mjs', import.meta.url);
/** Clients go on as if nothing were: a task is submitted every so many milliseconds. */
const SUBMIT_MS = 10;
const WAYS = { 'kill -9': 'SIGKILL', graceful: 'SIGTERM' };

runMain(async () => {
  const { values } = parseArgs({
    options: {
      times: { type: 'string', default: '100' },
      'failover-ms': { type: 'string', default: '3000' },
      store: { type: 'string', default: 'sqlite' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const [times, failoverMs] = ['times', 'failover-ms'].map((name) => positive(name, values[name]));
  const kept = readStore(values.store);
  const say = values.json ? () => {} : (text) => console.error(text);
  const report = await withStage((stage) => measure(stage, { times, failoverMs, kept }, say));
  const text = JSON.stringify(report, null, 2);
  await mkdir(RESULTS, { recursive: true });
  await writeFile(new URL('failover.json', RESULTS), `${text}\n`);
  console.log(values.json ? text : toText(report));
});

function positive(name, text) {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new Error(`--${name} is ${JSON.stringify(text)}: give a whole number from 1 to 9,999,999.`);
}

async function measure({ processes, openPlace, url, before }, { times, failoverMs, kept }, say) {
  const file = await openPlace(kept);
  const start = async () => {
    const up = await processes.start(UP, { url, file, leaseMs: 10_000, failoverMs });
    await up.says(/"msg":"(leading|standing by)"/);
    return up;
  };
  let leader = await start();
  let standby = await start();
  const agent = await processes.start(AGENT, { url, id: 'agent-1', pool: POOL, maxConcurrency: 16 });
  const transport = await connectNats({ servers: url });
  const client = createClient({ transport });
  const { store } = await client.status();
  say(`on ${store}`);

  const rows = {};
  for (const [way, signal] of Object.entries(WAYS)) {
    const measured = [];
    for (let i = 1; i <= times; i++) {
      measured.push(await failOver({ transport, client }, () => leader.kill(signal)));
      leader = standby;
      standby = await start();
      if (i % 10 === 0) say(`${way}: ${i} of ${times}`);
    }
    const quantiles = (name) => quantilesOf(measured.map((one) => one[name]));
    const tasks = measured.reduce((sum, one) => sum + one.tasks, 0);
    rows[way] = { tasks, ...Object.fromEntries(STEPS.map(([name]) => [name, quantiles(name)])) };
  }
  client.close();
  await transport.close();
  await agent.stop();
  await standby.stop();
  await leader.stop();
  return { at: new Date().toISOString(), ...before, clock: CLOCK, times, failoverMs, store, rows };
}

/**
 * Ends the leader while tasks are submitted, and resolves with how long it took from then on. An acknowledgement is
 * the new leader's when it comes after that one has said that it leads: the old one says nothing then.
 */
async function failOver({ transport, client }, end) {
  const startMs = nowMs();
  const steps = {};
  const note = (name) => {
    steps[name] ??= nowMs() - startMs;
  };
  const stopListening = transport.subscribe(createSubjects('rota').leader, ({ data }) => {
    if (decode(LeaderFrame, data).leads) note('leadsMs');
  });
  const work = async () => {
    const id = await client.submit({ pool: POOL });
    const isNew = steps.leadsMs !== undefined;
    if (isNew) note('acknowledgedMs');
    await completed(client, id);
    if (isNew) note('completedMs');
  };
  end();
  const tasks = [];
  while (steps.completedMs === undefined) {
    tasks.push(work());
    await Promise.race([...tasks.slice(-1), new Promise((resolve) => setTimeout(resolve, SUBMIT_MS))]);
  }
  // Nothing that was acknowledged is lost: each of them completes, or this rejects.
  await Promise.all(tasks);
  stopListening();
  return { ...steps, tasks: tasks.length };
}

const STEPS = [
  ['leadsMs', 'the other leads'],
  ['acknowledgedMs', 'its first submit is acknowledged'],
  ['completedMs', 'the first task of it is completed'],
];

function toText({ versions, machine, times, failoverMs, store, rows }) {
  const cells = Object.entries(rows).flatMap(([way, measured]) =>
    STEPS.map(([name, meaning], i) => [
      i === 0 ? `${way}, ${whole(times)} times → ${meaning}` : `— → ${meaning}`,
      ...['p50', 'p99', 'max'].map((quantile) => whole(measured[name][quantile])),
    ]),
  );
  const tasks = Object.values(rows).reduce((sum, one) => sum + one.tasks, 0);
  return [
    `rota ${versions.rota}, Node ${versions.node}, ${machine.cpus} × ${machine.cpu}; ${store}`,
    `failoverMs ${whole(failoverMs)}; a submit every ${SUBMIT_MS} ms; all of ${whole(tasks)} tasks completed; load before: ${fixed(machine.loadBefore, 1)}`,
    '',
    ...table(['from the signal', 'p50 ms', 'p99 ms', 'max ms'], cells),
  ].join('\n');
}
