import { Argument, type Command, Option } from 'commander';
import { DIFFICULTIES, type Difficulty } from '../protocol/agent.js';
import { LIMITS } from '../protocol/limits.js';
import { assertName } from '../protocol/names.js';
import type { Client, SettlementInput } from '../sdk/index.js';
import { AS_HELP, HANDOVER_ID } from './assign.js';
import { type ClientCommandOptions, withClient, withClientOptions } from './connect.js';
import type { Action, Cli } from './context.js';
import { EXIT, EXIT_CODES_HELP, UsageError } from './exit.js';
import { wholeNumber } from './options.js';
import { parseJson } from './payload.js';

type HowItGoes = SettlementInput['action'];
const ACTIONS = ['confirm', 'release', 'complete', 'fail'] as const satisfies readonly HowItGoes[];

interface SettleOptions extends ClientCommandOptions {
  readonly token?: number;
  readonly result?: string;
  readonly reason?: string;
  readonly durationMs?: number;
  readonly difficulty?: Difficulty;
  readonly as: string;
}

export function addSettleCommand(program: Command, action: Action): void {
  const command = program
    .command('settle')
    .summary('say how a task goes that was assigned with "rota assign"')
    .description(
      'Says how a task goes that was assigned with "rota assign": its agent has taken it, does not take it, has ' +
        'completed it, or has failed. A task that is released goes to the next agent.',
    )
    .argument('<task>', 'id of the task')
    .addArgument(new Argument('<how>', 'how it goes').choices(ACTIONS))
    .option('--token <n>', 'of the offer (default: of the last one)', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .option('--result <json>', 'with complete')
    .option('--reason <text>', 'with release and fail')
    .option('--duration-ms <n>', 'how long the work took, milliseconds', wholeNumber(0, LIMITS.durationMs))
    .addOption(new Option('--difficulty <how>', 'how hard it was, with complete').choices(DIFFICULTIES))
    .option('--as <name>', AS_HELP, HANDOVER_ID);
  withClientOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  rota settle ticket-7 confirm
  rota settle ticket-7 release --reason 'on holiday'
  rota settle ticket-7 complete --result '{"answer": 42}'
${EXIT_CODES_HELP}
  What the coordinator does not take, as the offer went to another agent, is an exit code of 1.`,
    )
    .action(action(settle));
}

function settle(cli: Cli, task: string, how: HowItGoes, options: SettleOptions): Promise<number> {
  const id = assertName('the task', task);
  const settlement = settlementOf(id, how, options);
  return withClient(cli, { ...options, as: assertName('--as', options.as) }, async (client) => {
    const token = options.token ?? (await lastToken(client, id));
    const [settled] = await client.settle([settlement(token)]);
    if (settled?.accepted) {
      cli.output.line(`${id} ${DONE[how]}`);
      return EXIT.ok;
    }
    cli.output.note(
      `rota: ${id}, token ${token}: not taken (${settled?.code}). See where it is with: rota explain ${id}`,
    );
    return EXIT.failed;
  });
}

const DONE: Readonly<Record<HowItGoes, string>> = {
  confirm: 'is confirmed',
  release: 'is released, and goes to the next agent',
  complete: 'is completed',
  fail: 'has failed',
};

/** What is said, but for the token, which may have to be asked for. */
function settlementOf(
  taskId: string,
  action: HowItGoes,
  { result, reason, durationMs, difficulty }: SettleOptions,
): (token: number) => SettlementInput {
  const took = durationMs === undefined ? {} : { durationMs };
  switch (action) {
    case 'confirm':
      return (token) => ({ action, taskId, token });
    case 'release':
      return (token) => ({ action, taskId, token, ...(reason === undefined ? {} : { reason }) });
    case 'complete': {
      const value = result === undefined ? null : parseJson('--result', result);
      const hard = difficulty === undefined ? {} : { difficulty };
      return (token) => ({ action, taskId, token, result: value, ...took, ...hard });
    }
    case 'fail': {
      if (reason === undefined) throw new UsageError('settle: say why it failed with --reason.');
      return (token) => ({ action, taskId, token, reason, ...took });
    }
  }
}

async function lastToken(client: Client, taskId: string): Promise<number> {
  const last = (await client.task(taskId)).attempts.at(-1);
  if (last !== undefined) return last.token;
  throw new UsageError(`settle: task ${taskId} was never assigned. Assign it with: rota assign`);
}
