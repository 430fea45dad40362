import { parseArgs } from 'node:util';
import { DATABASES, type DatabaseKind } from './database.js';
import { type TortureReport, torture } from './torture.js';

/** The command line of a long run. */

const ALL = 'all';

const HELP = `Kills and pauses processes of a cluster while tasks run, and compares what clients were told with the store.

Usage: npm run torture -- [options]

  --cycles <n>     faults, one after another, each of one or several processes (default: 200)
  --store <kind>   ${DATABASES.join(', ')}, or ${ALL}: a cluster on each, at the same time (default: ${DATABASES[0]})
  --seed <n>       decides which fault comes when (default: another each time)
  --json           print the report as JSON, one line for each store
  --help           print this

Ends with 0 when every promise was kept, 1 when one was not, 2 for a wrong command line. Ctrl-C ends it early and
judges what was done so far.`;

interface Options {
  readonly databases: readonly DatabaseKind[];
  readonly cycles: number;
  readonly seed: number;
  readonly json: boolean;
}

type Say = (text: string) => void;

/** Resolves with the exit code. */
export async function main(args: readonly string[], out: Say, err: Say): Promise<number> {
  let options: Options | undefined;
  try {
    options = readOptions(args);
  } catch (thrown) {
    const problem = thrown instanceof Error ? thrown.message : String(thrown);
    err(`torture: ${problem.replace(/\.?$/, '.')} See --help.`);
    return 2;
  }
  if (options === undefined) {
    out(HELP);
    return 0;
  }
  const { databases, cycles, seed, json } = options;
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  // A failure that comes before a report has to be tried again as well.
  err(`seed ${seed}`);
  const runs = databases.map(async (database) => {
    const onCycle = (done: number, fault: string) => err(`${database} ${done}/${cycles} ${fault}`);
    try {
      const report = await torture({ database, cycles, seed, signal: interrupted.signal, onCycle });
      out(json ? JSON.stringify(report) : toText(report));
      return report.problems.length === 0;
    } catch (thrown) {
      err(`${database}: ${thrown instanceof Error ? thrown.message : thrown}`);
      return false;
    }
  });
  return (await Promise.all(runs)).every((isKept) => isKept) ? 0 : 1;
}

/** Undefined where help is asked for. @throws Error for what does not fit */
function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      cycles: { type: 'string', default: '200' },
      store: { type: 'string', default: DATABASES[0] },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const databases = DATABASES.filter((kind) => kind === values.store || values.store === ALL);
  if (databases.length === 0)
    throw new Error(`--store is ${values.store}, not one of ${DATABASES.join(', ')}, ${ALL}.`);
  return {
    databases,
    cycles: whole('--cycles', values.cycles, 1),
    seed: whole('--seed', values.seed, 0),
    json: values.json,
  };
}

function whole(name: string, text: string, least: number): number {
  if (/^\d{1,10}$/.test(text) && Number(text) >= least) return Number(text);
  throw new Error(`${name} is ${JSON.stringify(text)}, which is no whole number from ${least}.`);
}

function toText({ faults, problems, ...report }: TortureReport): string {
  const line = (name: string, value: number | string) => `  ${name.padEnd(28)} ${value}`;
  const lost = problems.filter((problem) => /^I1[:6]/.test(problem)).length;
  return [
    `${report.cycles} cycles on ${report.database} in ${report.seconds} s, seed ${report.seed}`,
    ...Object.entries(faults).map(([name, times]) => line(name, times)),
    line('terms of leadership', report.terms),
    line('tasks acknowledged', report.tasks),
    line('executions', report.executions),
    line('of these, repeated', report.repeated),
    line('tasks lost', lost),
    line('promises broken otherwise', problems.length - lost),
    ...problems.slice(0, 20),
    ...(report.folder === undefined ? [] : [`Logs and store: ${report.folder}`]),
  ].join('\n');
}
