import { Command, CommanderError } from 'commander';
import { VERSION } from '../embed.js';
import { armFailpoints } from '../failpoints.js';
import { addAgentCommand } from './agent.js';
import { addAgentsCommand } from './agents.js';
import { addAssignCommand } from './assign.js';
import { addCancelCommand } from './cancel.js';
import type { Action, Cli } from './context.js';
import { addDbCommand } from './db.js';
import { addDecisionsCommand } from './decisions.js';
import { EXIT, EXIT_CODES_HELP, exitCodeOf } from './exit.js';
import { addExplainCommand } from './explain.js';
import { isDebugging } from './log.js';
import { addMetricsCommand } from './metrics.js';
import type { Output } from './output.js';
import { addPerformanceCommand } from './performance.js';
import { addReplayCommand } from './replay.js';
import { addRunCommand } from './run.js';
import { addSettleCommand } from './settle.js';
import { addSubmitCommand } from './submit.js';
import { addShowCommand, addTasksCommand } from './tasks.js';
import { indented } from './text.js';
import { addUpCommand } from './up.js';

const HELP = `
Examples:
  rota run pipeline.yaml --agents agents.yaml     run a graph of tasks, all in this process
  rota up                                         start a coordinator that serves
  rota agent --id ann --pool dev --exec ./work    join a pool; each task is one run of ./work
  rota submit --pool dev --payload '{"a": 1}' --wait
  rota tasks --status running
  rota explain 01K0A1B2C3D4E5F6G7H8J9K0MN         why this agent, or why none

Settings:
  ROTA_NATS        address of the NATS server           nats://127.0.0.1:4222
  ROTA_NAMESPACE   first word of every subject          rota
  ROTA_STORE       file, or postgres://…              .rota/rota.db
  ROTA_LOG         trace, debug, info, warn, error…     info
  NATS_SERVER_BIN  the nats-server that "rota up" starts
  Options go before settings. NO_COLOR turns colours off.
${EXIT_CODES_HELP}

"rota <command> --help" tells more about a command.`;

/** Runs one command line. Resolves with the exit code; whatever goes wrong has been said. */
export async function runProgram(args: readonly string[], cli: Cli): Promise<number> {
  let exitCode: number = EXIT.ok;
  const action: Action =
    (run) =>
    async (...given) => {
      exitCode = await run(cli, ...given);
    };
  const program = createProgram(cli, action);
  try {
    armFailpoints();
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (thrown) {
    // Commander has said already what it has to say.
    if (!(thrown instanceof CommanderError)) reportError(cli.output, thrown);
    return exitCodeOf(thrown);
  }
}

function createProgram({ output }: Cli, action: Action): Command {
  const program = new Command('rota')
    .description('Assigns work to agents, and sees each task through to exactly one recorded result.')
    .version(VERSION, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print what a command does')
    .helpCommand('help [command]', 'print what a command does')
    // An option belongs to the command before it: `agents` and `agents register` both have --pool.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: output.raw,
      writeErr: (text) => output.note(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/^error: /, 'rota: ')),
    })
    .configureHelp({ showGlobalOptions: false })
    .addHelpText('after', HELP);
  const commands = [
    addRunCommand,
    addUpCommand,
    addAgentCommand,
    addSubmitCommand,
    addTasksCommand,
    addAgentsCommand,
    addShowCommand,
    addExplainCommand,
    addCancelCommand,
    addAssignCommand,
    addSettleCommand,
    addDecisionsCommand,
    addReplayCommand,
    addPerformanceCommand,
    addMetricsCommand,
    addDbCommand,
  ];
  for (const add of commands) add(program, action);
  return program;
}

/** `rota: what is wrong`, on stderr. ROTA_LOG=debug adds where it was thrown. */
function reportError(output: Output, thrown: unknown): void {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const [first = '', ...rest] = indented(message, '').split('\n');
  output.note(`${output.paintError('red', 'rota:')} ${[first, ...rest].join('\n')}`);
  if (isDebugging() && thrown instanceof Error) output.note(indented(thrown.stack ?? '', '  '));
}
