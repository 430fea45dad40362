import { parseArgs } from 'node:util';

const FULL = {
  tasks: 20_000,
  rate: 500,
  seconds: 20,
  repetitions: 3,
  requests: 20_000,
  commits: 5_000,
  warmUpSeconds: 3,
};
const QUICK = { tasks: 500, rate: 200, seconds: 1, repetitions: 1, requests: 500, commits: 200, warmUpSeconds: 0.5 };

export const HELP = `Usage: npm run bench -- [options]

Measures a coordinator, four agents and a client, each a process, over a nats-server, beside the floors
of what they stand on. Prints a table and writes bench/results/latest.json.

  --tasks <n>        tasks of one throughput run (${FULL.tasks.toLocaleString('en')})
  --rate <n>         tasks/s of the latency run (${FULL.rate})
  --seconds <n>      length of the latency run (${FULL.seconds})
  --quick            small numbers, to see that it works; written to bench/results/quick.json
  --json             print the JSON and nothing else
  --profile <folder> write a CPU profile of the coordinator and of its store's thread there
  --help             this

NATS_SERVER_BIN names the nats-server to use; TMPDIR, the folder whose disk is measured.`;

/** @throws Error that names the option. */
export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      tasks: { type: 'string' },
      rate: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const { quick, json, profile, help } = values;
  const sizes = { ...(quick ? QUICK : FULL) };
  for (const name of ['tasks', 'rate', 'seconds']) {
    if (values[name] !== undefined) sizes[name] = positive(name, values[name]);
  }
  return { quick, json, profile, help, sizes };
}

function positive(name, text) {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new Error(`--${name} is ${JSON.stringify(text)}: give a whole number from 1 to 9,999,999.`);
}
