// Measures rota as it runs: see README.md beside this file for what is measured, and what is not.
import { mkdir, writeFile } from 'node:fs/promises';
import { CLOCK } from './clock.mjs';
import { HELP, readOptions } from './options.mjs';
import { toText } from './report.mjs';
import { scale } from './scale.mjs';
import { scoring } from './scoring.mjs';
import { selection } from './selection.mjs';
import { semantic } from './semantic.mjs';
import { runMain, withStage } from './stage.mjs';
import { tasks } from './tasks.mjs';

const RESULTS = new URL('./results/', import.meta.url);

async function main() {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return console.log(HELP);
  const say = options.json ? () => {} : (text) => console.error(text);

  await withStage(async ({ before, ...stage }) => {
    const { folder } = stage;
    if (before.machine.fileSystem === 'tmpfs') say(`${folder} is in memory: no commit there is durable. Set TMPDIR.`);
    const rows = await measure({ ...options, ...stage }, say);
    await tell({ at: new Date().toISOString(), sizes: options.sizes, ...before, clock: CLOCK, rows }, options);
  });
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

runMain(main);
