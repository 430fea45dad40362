import type { Command } from 'commander';
import { LIMITS } from '../protocol/limits.js';
import { assertName } from '../protocol/names.js';
import type { AssignOptions } from '../sdk/index.js';
import { type ClientCommandOptions, withClient, withClientOptions } from './connect.js';
import type { Action, Cli } from './context.js';
import { EXIT, EXIT_CODES_HELP } from './exit.js';
import { wholeNumber } from './options.js';
import { type TaskOptions, taskOf, withTaskOptions } from './task-options.js';
import { oneLine } from './text.js';

interface AssignCommandOptions extends ClientCommandOptions, TaskOptions {
  readonly from?: string;
  readonly hops?: number;
  readonly acceptTimeoutMs?: number;
  readonly as: string;
  readonly json?: true;
}

/** Who assigns and settles by default, so that one command line may settle what another assigned. */
export const HANDOVER_ID = 'rota-cli';
export const AS_HELP = 'who hands it over; only the same settles it';

export function addAssignCommand(program: Command, action: Action): void {
  const command = program
    .command('assign')
    .summary('pick an agent for a task that you hand over yourself')
    .description(
      'Picks an agent for a task and records it, without sending the agent anything: for a person, or a system that ' +
        'hands the task over itself. "rota settle" then says how it goes.',
    );
  withTaskOptions(command)
    .option('--from <agent>', 'who hands it over; it does not get it back')
    .option('--hops <n>', 'how often it was handed over before (default: 0)', wholeNumber(0, LIMITS.excludedAgents))
    .option(
      '--accept-timeout-ms <n>',
      'an offer that is not confirmed within it goes to the next agent, milliseconds (default: no bound)',
      wholeNumber(1, LIMITS.durationMs),
    )
    .option('--as <name>', AS_HELP, HANDOVER_ID)
    .option('--json', 'print JSON');
  withClientOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  rota assign --pool support --id ticket-7 --roles lead
  rota assign --pool support --id ticket-7b --from ann --hops 1
${EXIT_CODES_HELP}
  When nobody can take it now, that is an exit code of 1.`,
    )
    .action(action(assign));
}

async function assign(cli: Cli, options: AssignCommandOptions): Promise<number> {
  const task = await taskOf(options);
  const how = handoverOf(options);
  return withClient(cli, { ...options, as: assertName('--as', options.as) }, async (client) => {
    const { taskId, agentId, token, attempt, reason } = await client.assign(task, how);
    if (options.json) cli.output.json({ taskId, agentId, token, attempt, reason });
    else cli.output.line(`${taskId} is for ${agentId}, token ${token}: ${oneLine(reason)}`);
    return EXIT.ok;
  });
}

function handoverOf({ from, hops, acceptTimeoutMs }: AssignCommandOptions): AssignOptions {
  return {
    ...(from === undefined ? {} : { fromAgent: assertName('--from', from) }),
    ...(hops === undefined ? {} : { hops }),
    ...(acceptTimeoutMs === undefined ? {} : { acceptTimeoutMs }),
  };
}
