import type { Command } from 'commander';
import type { Replay } from '../protocol/frames.js';
import { assertName } from '../protocol/names.js';
import { type ClientCommandOptions, withClient, withClientOptions } from './connect.js';
import type { Action, Cli } from './context.js';
import { EXIT, EXIT_CODES_HELP } from './exit.js';
import { wholeNumber } from './options.js';
import { type Cell, type Output, printTable } from './output.js';
import { valueLine } from './text.js';

interface ReplayOptions extends ClientCommandOptions {
  readonly token?: number;
  readonly json?: true;
}

export function addReplayCommand(program: Command, action: Action): void {
  const command = program
    .command('replay')
    .summary('decide again from what was recorded')
    .description(
      'Decides again who gets a task, from what was recorded when it was decided, and tells whether the same comes ' +
        'out, byte for byte. Nothing is changed.',
    )
    .argument('<task>', 'id of the task')
    .option(
      '--token <n>',
      'the decision with this token; "rota decisions --task ID --json" has them (default: the last)',
      token,
    )
    .option('--json', 'print both as one line of JSON');
  withClientOptions(command)
    .addHelpText(
      'after',
      `\nExamples:\n  rota replay 01K0A1B2C3D4E5F6G7H8J9K0MN --token 2\n${EXIT_CODES_HELP}\n  What differs is an exit code of 1.`,
    )
    .action(action(replay));
}

const token = wholeNumber(1, Number.MAX_SAFE_INTEGER);

function replay(cli: Cli, task: string, { token, json, ...server }: ReplayOptions): Promise<number> {
  const id = assertName('the task', task);
  return withClient(cli, server, async (client) => {
    const replayed = await client.replay(id, token);
    if (json) cli.output.json(replayed);
    else printReplay(cli.output, replayed);
    return replayed.same ? EXIT.ok : EXIT.failed;
  });
}

function printReplay(output: Output, { recorded, replayed, same }: Replay): void {
  const { taskId, token, agentId, strategy } = recorded;
  const what = `${taskId}, token ${token}`;
  if (same) return output.line(`${what}: ${agentId} again (${strategy}), the same byte for byte`);
  if (replayed === undefined) return output.line(`${what}: ${agentId} was chosen, and now nobody could be`);
  output.line(`${what}: ${output.paint('red', 'not the same')}`);
  const fields = new Set([...Object.keys(recorded), ...Object.keys(replayed)]);
  const rows = [...fields].flatMap((field): Cell[][] => {
    const [before, after] = [recorded, replayed].map((one) => valueLine(Reflect.get(one, field)));
    return before === after ? [] : [[{ text: field }, { text: before ?? '' }, { text: after ?? '' }]];
  });
  printTable(output, ['FIELD', 'RECORDED', 'NOW'], rows);
}
