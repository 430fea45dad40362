import { parseArgs } from 'node:util';
import { DATABASES, type DatabaseKind } from './database.js';
import { type TortureReport, torture } from './torture.js';

/** The command line of a long run. */

const HELP = `Kills and pauses processes of a cluster while tasks run, and compares what clients were told with the store.

Usage: npm run torture -- [options]

  --cycles <n>     faults, one after another, each of one or several processes (default: 200)
  --store <kind>   ${DATABASES.join(' or ')} (default: ${DATABASES[0]})
  --seed <n>       decides which fault comes when (default: another each time)
  --json           print the report as JSON
  --help           print this

Ends with 0 when every promise was kept, 1 when one was not, 2 for a wrong command line. Ctrl-C ends it early and
judges what was done so far.`;

interface Options {
  readonly database: DatabaseKind;
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
    err(`torture: ${thrown instanceof Error ? thrown.message : thrown}`);
    return 2;
  }
  if (options === undefined) {
    out(HELP);
    return 0;
  }
  const { json, cycles, ...what } = options;
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  try {
    const onCycle = (done: number, fault: string) => err(`${done}/${cycles} ${fault}`);
    if (!json) err(`seed ${what.seed}`);
    const report = await torture({ ...what, cycles, signal: interrupted.signal, onCycle });
    out(json ? JSON.stringify(report, null, 2) : toText(report));
    return report.problems.length === 0 ? 0 : 1;
  } catch (thrown) {
    err(thrown instanceof Error ? thrown.message : String(thrown));
    return 1;
  }
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
  const database = DATABASES.find((kind) => kind === values.store);
  if (database === undefined) throw new Error(`--store is ${values.store}, not one of ${DATABASES.join(', ')}.`);
  return { database, cycles: whole('--cycles', values.cycles), seed: whole('--seed', values.seed), json: values.json };
}

function whole(name: string, text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new Error(`${name} is ${JSON.stringify(text)}, which is no whole number.`);
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
