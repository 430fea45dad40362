import { parseArgs } from 'node:util';

/** What can be measured by itself. */
export const PARTS = ['tasks', 'selection', 'scoring', 'semantic', 'scale'];

const FULL = {
  tasks: 20_000,
  rate: 500,
  seconds: 20,
  repetitions: 3,
  requests: 20_000,
  commits: 5_000,
  warmUpSeconds: 3,
  pools: [10, 1_000, 10_000, 100_000],
  roundMs: 40,
  choices: { min: 40, max: 5_000 },
  candidates: [100, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000],
  scorings: 30,
  semantic: { agents: 10_000, dimensions: 384, seconds: 3 },
  fleets: [1_000, 100_000],
};
const QUICK = {
  tasks: 500,
  rate: 200,
  seconds: 1,
  repetitions: 1,
  requests: 500,
  commits: 200,
  warmUpSeconds: 0.5,
  pools: [10, 1_000],
  roundMs: 2,
  choices: { min: 5, max: 100 },
  candidates: [100, 1_000],
  scorings: 3,
  semantic: { agents: 100, dimensions: 16, seconds: 0.2 },
  fleets: [100],
};

export const HELP = `Usage: npm run bench -- [options]

Measures rota as it runs, over a nats-server and on a disk, and parts of it alone, each beside something to
compare it with. Prints tables and writes bench/results/latest.json.

  --part <name>      measure this part alone; may be repeated. tasks: what a coordinator, four agents and a
                     client get done. selection: choosing an agent. scoring: inline and on a thread.
                     semantic: embeddings of many agents. scale: a pool of 100,000 agents
  --tasks <n>        tasks of one throughput run (${FULL.tasks.toLocaleString('en')})
  --rate <n>         tasks/s of the latency runs (${FULL.rate})
  --seconds <n>      length of a latency run (${FULL.seconds})
  --quick            small numbers, to see that it works; written to bench/results/quick.json
  --json             print the JSON and nothing else
  --profile <folder> write CPU profiles of the coordinators and of their stores' threads there
  --help             this

NATS_SERVER_BIN names the nats-server to use; TMPDIR, the folder whose disk is measured.`;

/** @throws Error that names the option. */
export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      part: { type: 'string', multiple: true, default: PARTS },
      tasks: { type: 'string' },
      rate: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const { part: parts, quick, json, profile, help } = values;
  for (const part of parts) if (!PARTS.includes(part)) throw new Error(unknownPart(part));
  const sizes = { ...(quick ? QUICK : FULL) };
  for (const name of ['tasks', 'rate', 'seconds']) {
    if (values[name] !== undefined) sizes[name] = positive(name, values[name]);
  }
  return { parts: PARTS.filter((part) => parts.includes(part)), quick, json, profile, help, sizes };
}

function unknownPart(part) {
  return `--part is ${JSON.stringify(part)}: give one of ${PARTS.join(', ')}.`;
}

function positive(name, text) {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new Error(`--${name} is ${JSON.stringify(text)}: give a whole number from 1 to 9,999,999.`);
}
