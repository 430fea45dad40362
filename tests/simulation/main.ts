import { runCrew } from './crew.js';
import { HELP, readArgs, type SimulateArgs } from './options.js';
import { findPlanted } from './planted.js';
import { failuresInWords, figures, progress } from './report.js';
import { runSeed, type Tally } from './seeds.js';

const STOPPED = 130;
const LINES_SHOWN = 40;
const CHARS_SHOWN = 200;

/** The command `npm run simulate`, from the folder with the compiled harness. Resolves with its exit code. */
export async function main(args: readonly string[], folder: URL): Promise<number> {
  let options: SimulateArgs;
  try {
    options = readArgs(args);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    process.stderr.write(`simulate: ${problem.replace(/\.?$/, '.')} See --help.\n`);
    return 2;
  }
  if (options.isHelp) {
    process.stdout.write(HELP);
    return 0;
  }
  if (options.seed !== undefined) return oneSeed(options.seed, options);
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const code = options.isPlanted
    ? await findPlanted(folder, { ...options, signal: stop.signal, say })
    : await manySeeds(folder, options, stop.signal);
  return stop.signal.aborted ? STOPPED : code;
}

async function oneSeed(seed: number, { isJson }: SimulateArgs): Promise<number> {
  const { transcript, ...outcome } = await runSeed(seed, true);
  if (isJson) process.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`);
  else process.stdout.write(`${transcript}\n\n${outcome.violation?.problem ?? `Seed ${seed}: all invariants held.`}\n`);
  return outcome.violation === undefined ? 0 : 1;
}

async function manySeeds(folder: URL, { seeds, from, isJson }: SimulateArgs, signal: AbortSignal): Promise<number> {
  const startMs = performance.now();
  const onProgress = (tally: Tally) => say(progress(tally, seeds, performance.now() - startMs));
  const tally = await runCrew(folder, { from, count: seeds, endsAtFirst: false, signal, onProgress });
  const elapsedMs = performance.now() - startMs;
  say('');
  if (isJson) process.stdout.write(`${JSON.stringify({ from, elapsedMs, ...tally }, null, 2)}\n`);
  else process.stdout.write(`${figures(tally, elapsedMs)}\n${failuresInWords(tally)}\n${await lastLines(tally)}`);
  return tally.failures.length === 0 ? 0 : 1;
}

/** How it came to the first violation, as far as a screen holds. */
async function lastLines({ failures }: Tally): Promise<string> {
  if (failures.length === 0) return '';
  const seed = Math.min(...failures.map((failure) => failure.seed));
  const { transcript } = await runSeed(seed, true);
  const lines = transcript.split('\n').slice(-LINES_SHOWN);
  return `\nThe last lines of seed ${seed}:\n${lines.map((line) => line.slice(0, CHARS_SHOWN)).join('\n')}\n`;
}

/** One line that changes, where somebody looks on. */
function say(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${line}`);
}
