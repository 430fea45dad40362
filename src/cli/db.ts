import { resolve } from 'node:path';
import type { Command } from 'commander';
import { readSettings } from '../config/settings.js';
import { RotaError } from '../protocol/errors.js';
import type { StoreAdmin, TableVerification } from '../store/admin.js';
import { assertPlace } from '../store/open.js';
import { passwordMissing } from '../store/postgres.js';
import type { Action, Cli } from './context.js';
import { EXIT, EXIT_CODES_HELP, UsageError } from './exit.js';
import { printTable } from './output.js';
import { count } from './text.js';

interface DbOptions {
  readonly store?: string;
  readonly json?: true;
}

interface DownOptions extends DbOptions {
  readonly all?: true;
  readonly yes?: true;
}

const STORE_HELP = 'SQLite file or postgres://… (default: ROTA_STORE, or .rota/rota.db)';
const LED_HELP = '  A store that a coordinator leads is left as it is: an exit code of 1.';

export function addDbCommand(program: Command, action: Action): void {
  const db = program
    .command('db')
    .summary('migrate a store, or verify it')
    .description(
      'Looks after the store of a coordinator: its schema, and whether its tables are what its journal says.',
    )
    .enablePositionalOptions()
    .addHelpText(
      'after',
      `\nExamples:\n  rota db migrate status\n  rota db migrate up --store postgres://rota@db.example.org/rota\n  rota db verify\n${EXIT_CODES_HELP}`,
    );
  const migrate = db
    .command('migrate')
    .summary('bring the schema up or down')
    .description('Shows the steps of the schema, takes those that are missing, or takes steps back.')
    .enablePositionalOptions()
    .addHelpText('after', `\nExamples:\n  rota db migrate status\n  rota db migrate up\n${EXIT_CODES_HELP}`);
  withStore(migrate.command('status'))
    .summary('show the steps of the schema')
    .description('Shows the steps of the schema, and which of them the store has.')
    .addHelpText(
      'after',
      `\nExamples:\n  rota db migrate status --json\n${EXIT_CODES_HELP}\n  A store that lacks a step, or has one that this version does not know, is an exit code of 1.`,
    )
    .action(action(showStatus));
  withStore(migrate.command('up'))
    .summary('take the steps that are missing')
    .description(
      'Takes the steps that are missing. Every coordinator of the store has to be stopped. A store that is empty needs no such step: the first coordinator makes it.',
    )
    .addHelpText('after', `\nExamples:\n  rota db migrate up\n${EXIT_CODES_HELP}\n${LED_HELP}`)
    .action(action(up));
  withStore(migrate.command('down'))
    .summary('take the last step back')
    .description(
      'Takes the last step back, and loses what only it had room for. Every coordinator of the store has to be stopped.',
    )
    .option('--all', 'take back all of them: everything that rota has in the store is lost')
    .option('--yes', 'do it; without it nothing is done')
    .addHelpText(
      'after',
      `\nExamples:\n  rota db migrate down --yes\n  rota db migrate down --all --yes\n${EXIT_CODES_HELP}\n${LED_HELP}`,
    )
    .action(action(down));
  withStore(db.command('verify'))
    .summary('make the tables anew from the journal, and compare')
    .description(
      'Makes the tables anew from the journal, in a scratch place that is removed, and compares them with those of the store. ' +
        'Changes nothing, and may run while a coordinator serves. The journal has to be whole: see --keep-journal of "rota up".',
    )
    .addHelpText(
      'after',
      `\nExamples:\n  rota db verify\n  rota db verify --json\n${EXIT_CODES_HELP}\n  A table that differs, or a store without a schema, is an exit code of 1.`,
    )
    .action(action(verify));
}

function withStore(command: Command): Command {
  return command.option('--store <place>', STORE_HELP).option('--json', 'print JSON');
}

async function withAdmin(options: DbOptions, work: (admin: StoreAdmin) => Promise<number>): Promise<number> {
  const place = options.store ?? readSettings().store;
  if (place === 'none') throw new UsageError('db: the store is "none", which keeps nothing to look after.');
  await assertPlace(place);
  // It brings what writes schemas and queries: as much as all the rest of the program, which no other command needs.
  const { openAdmin } = await import('../store/open-admin.js');
  const admin = await openAdmin(place).catch((thrown: unknown) => {
    throw isNotThere(thrown) ? notThere(place) : thrown;
  });
  try {
    return await work(admin);
  } catch (thrown) {
    // A store that is led can be reached, which an exit code of 3 would deny.
    if (thrown instanceof RotaError && thrown.code === 'UNAVAILABLE')
      throw new Error(thrown.message, { cause: thrown });
    throw passwordMissing(admin.place, thrown) ?? thrown;
  } finally {
    await admin.close();
  }
}

function isNotThere(thrown: unknown): boolean {
  const cause = thrown instanceof RotaError ? thrown.cause : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
}

function notThere(place: string): RotaError {
  return new RotaError('STORE_FAILED', `There is no store at ${resolve(place)}.`, {
    remedy:
      'Check the path, which counts from the folder of this command; `rota up` makes a store where there is none.',
  });
}

function showStatus(cli: Cli, options: DbOptions): Promise<number> {
  return withAdmin(options, async (admin) => {
    const states = await admin.migrations();
    if (options.json) for (const state of states) cli.output.json(state);
    else {
      printTable(
        cli.output,
        ['MIGRATION', 'STATE'],
        states.map(({ name, state }) => [
          { text: name },
          { text: state, colour: state === 'applied' ? 'green' : 'yellow' },
        ]),
      );
    }
    return states.every(({ state }) => state === 'applied') ? EXIT.ok : EXIT.failed;
  });
}

function up(cli: Cli, options: DbOptions): Promise<number> {
  return withAdmin(options, async (admin) => report(cli, options, await admin.migrateUp(), 'applied'));
}

function down(cli: Cli, options: DownOptions): Promise<number> {
  return withAdmin(options, async (admin) => {
    if (!options.yes) {
      const what = options.all ? 'all that rota has there' : 'what only its last migration had room for';
      throw new UsageError(`db migrate down: ${admin.place} would lose ${what}. Add --yes to do it.`);
    }
    return report(cli, options, await admin.migrateDown(options.all ? 'all' : 'last'), 'taken back');
  });
}

function report({ output }: Cli, { json }: DbOptions, names: readonly string[], done: string): number {
  if (json) output.json({ migrations: names });
  else if (names.length === 0) output.line(`nothing to do: no migration was ${done}`);
  else for (const name of names) output.line(`${name} ${done}`);
  return EXIT.ok;
}

function verify({ output }: Cli, options: DbOptions): Promise<number> {
  return withAdmin(options, async (admin) => {
    const show = (text: string) => {
      if (output.isErrorTerminal) output.progress(text);
    };
    const { seq, tables } = await admin.verify((row) => show(`made anew up to row ${row}`)).finally(() => show(''));
    if (tables.length === 0) {
      const problem = 'no rota schema here';
      if (options.json) output.json({ seq, tables, problem });
      else output.line(`${admin.place}: ${problem}. The first \`rota up\` makes it.`);
      return EXIT.failed;
    }
    const differing = tables.reduce((sum, table) => sum + table.differing, 0);
    if (options.json) output.json({ seq, tables });
    else {
      const cells = ({ table, rows, differing: some }: TableVerification) => [
        ...[{ text: table }, { text: String(rows) }],
        { text: String(some), colour: some === 0 ? ('green' as const) : ('red' as const) },
      ];
      printTable(output, ['TABLE', 'ROWS', 'DIFFERING'], tables.map(cells));
      for (const table of tables) for (const line of differenceLines(table)) output.line(line);
      const some = `${count(differing, 'row')} ${differing === 1 ? 'differs' : 'differ'}`;
      const verdict = differing === 0 ? 'the tables are what the journal says' : some;
      output.line(`${count(seq, 'row')} of the journal: ${verdict}`);
    }
    return differing === 0 ? EXIT.ok : EXIT.failed;
  });
}

const PROBLEMS = {
  missing: 'is in the journal and not in the table',
  unexpected: 'is in the table and not in the journal',
  differs: 'differs in',
} as const;

function differenceLines({ table, differences, differing }: TableVerification): string[] {
  const lines = differences.map(({ key, problem, columns = [] }) =>
    `${table} ${key} ${PROBLEMS[problem]} ${columns.join(', ')}`.trimEnd(),
  );
  return differing > differences.length ? [...lines, `${table}: and ${differing - differences.length} more`] : lines;
}
