import type { Command } from 'commander';
import { type ClientCommandOptions, withClient, withClientOptions } from './connect.js';
import type { Action, Cli } from './context.js';
import { EXIT, EXIT_CODES_HELP, UsageError } from './exit.js';

interface CancelOptions extends ClientCommandOptions {
  readonly orchestration?: string;
  readonly drain?: true;
  readonly json?: true;
}

export function addCancelCommand(program: Command, action: Action): void {
  const command = program
    .command('cancel')
    .summary('cancel tasks, or an orchestration with all its tasks')
    .description('Cancels tasks, or an orchestration with all its tasks. A task that runs is stopped.')
    .argument('[tasks...]', 'ids of tasks')
    .option('--orchestration <id>', 'cancel this orchestration')
    .option('--drain', 'let its running tasks finish, and start nothing more; with --orchestration')
    .option('--json', 'print a line of JSON for each task');
  withClientOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  rota cancel 01K0A1B2C3D4E5F6G7H8J9K0MN
  rota cancel --orchestration nightly --drain
${EXIT_CODES_HELP}
  A task that had ended before is an exit code of 1.`,
    )
    .action(action(cancel));
}

async function cancel(cli: Cli, tasks: string[], options: CancelOptions): Promise<number> {
  const { orchestration } = options;
  if ((tasks.length === 0) === (orchestration === undefined)) {
    throw new UsageError('cancel: name the tasks, or an orchestration with --orchestration ID.');
  }
  if (options.drain && orchestration === undefined) {
    throw new UsageError('cancel: --drain goes with --orchestration; a single task is cancelled or runs on.');
  }
  return withClient(cli, options, async (client) => {
    if (orchestration !== undefined) {
      const mode = options.drain ? 'drain' : 'abort';
      await client.cancelOrchestration(orchestration, mode);
      const { orchestration: row } = await client.orchestration(orchestration);
      if (options.json) cli.output.json({ id: row.id, status: row.status });
      else cli.output.line(`${row.id} ${row.status}`);
      return EXIT.ok;
    }
    const states = Object.entries(await client.cancel(tasks)).map(([id, status]) => ({
      id,
      status: status ?? 'unknown',
    }));
    for (const state of states) {
      if (options.json) cli.output.json(state);
      else cli.output.line(`${state.id} ${state.status === 'unknown' ? 'is not known' : state.status}`);
    }
    return states.every(({ status }) => status === 'cancelled') ? EXIT.ok : EXIT.failed;
  });
}
