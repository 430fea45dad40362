import { parseArgs } from 'node:util';
import { MUTANTS } from './mutants.js';

export const HELP = `Runs rota in a simulation: virtual machines, time, network and store, and everything that goes wrong with them.
The seed decides all of it, and the same seed gives the same run.

  npm run simulate -- [options]

  --seeds <n>    how many seeds, default 10000
  --from <n>     the first, default 1
  --seed <n>     one seed, with its transcript
  --planted      plants known bugs, one after the other, and runs seeds until each is found
  --only <name>  with --planted: the bugs whose name holds this
  --json         figures as JSON
  --help

Exit code: 0 all held; 1 an invariant did not, or a planted bug was not found; 2 wrong usage; 130 stopped by Ctrl-C.
`;

export interface SimulateArgs {
  readonly seeds: number;
  readonly from: number;
  readonly seed: number | undefined;
  readonly isPlanted: boolean;
  readonly only: string;
  readonly isJson: boolean;
  readonly isHelp: boolean;
}

/** @throws Error that says what is wrong with them. */
export function readArgs(args: readonly string[]): SimulateArgs {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      planted: { type: 'boolean', default: false },
      only: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { seed, seeds = '10000', only = '' } = values;
  if (seed !== undefined && values.seeds !== undefined) throw new Error('--seed is one seed: leave --seeds away.');
  if (values.only !== undefined && !values.planted) throw new Error('--only goes with --planted.');
  if (!MUTANTS.some(({ name }) => name.includes(only))) {
    throw new Error(`--only is ${JSON.stringify(only)}, which the name of no planted bug holds.`);
  }
  return {
    seeds: whole('seeds', seeds, 1),
    from: whole('from', values.from, 0),
    seed: seed === undefined ? undefined : whole('seed', seed, 0),
    isPlanted: values.planted,
    only,
    isJson: values.json,
    isHelp: values.help,
  };
}

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value < 2 ** 32) return value;
  throw new Error(`--${name} is ${JSON.stringify(text)}: give a whole number from ${least} to 4294967295.`);
}
