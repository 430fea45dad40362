import type { Command } from 'commander';
import { type AgentEntry, readAgentsFile } from '../config/agents-file.js';
import { commandEnvironment } from '../config/settings.js';
import { findExecutable } from '../launch/executable.js';
import { AgentProfileSchema } from '../protocol/agent.js';
import { validate } from '../protocol/codec.js';
import { RotaError } from '../protocol/errors.js';
import { LIMITS } from '../protocol/limits.js';
import { assertName } from '../protocol/names.js';
import type { Contact } from '../sdk/index.js';
import { type CommandAgents, type CommandEvent, startCommandAgents } from './command-agents.js';
import { connectServer, placeOf, type ServerOptions, withServerOptions } from './connect.js';
import type { Action, Cli } from './context.js';
import { EXIT, EXIT_CODES_HELP, UsageError } from './exit.js';
import { wholeNumber } from './options.js';
import type { Output } from './output.js';
import { type ProfileOptions, profileOf, withProfileOptions } from './profile-options.js';
import { endsBySignal, whenAborted } from './signals.js';
import { clockText, count, durationText, oneLine } from './text.js';

interface AgentCommandOptions extends ServerOptions, ProfileOptions {
  readonly id?: string;
  readonly pool?: string;
  readonly exec?: string;
  readonly agents?: string;
  readonly timeoutMs?: number;
  readonly shell?: true;
  readonly json?: true;
}

export function addAgentCommand(program: Command, action: Action): void {
  const command = program
    .command('agent')
    .summary('join a pool and do its tasks with a command')
    .description(
      'Joins a pool, and starts a command for each task that it is given. The command gets the task as JSON on ' +
        'standard input and as ROTA_TASK_ID, ROTA_ATTEMPT, ROTA_POOL, ROTA_WORK_TYPE; what it prints is the result. ' +
        'Exit code 0 is success; anything else fails the attempt. A line "rota:progress 40 half of it" on standard ' +
        'error tells how far it is.',
    )
    .argument('[args...]', 'arguments of the command, behind --')
    .option('--id <id>', 'name of the agent; with --agents, the one to start')
    .option('--pool <name>', 'whose tasks it takes')
    .option('--exec <command>', 'program to start for each task')
    .option('--shell', 'read --exec as a line for /bin/sh; arguments are $1, $2…')
    .option('--agents <file>', 'start the agents of this file instead');
  withProfileOptions(command)
    .option(
      '--timeout-ms <n>',
      'stop a command that runs longer, milliseconds (default: no bound)',
      wholeNumber(1, LIMITS.durationMs),
    )
    .option('--json', 'print a line of JSON for each task that starts and ends');
  withServerOptions(command)
    .addHelpText(
      'after',
      `
Ctrl-C takes nothing more, finishes the tasks that run, and leaves. A second one stops them at once.

Examples:
  rota agent --id ann --pool dev --exec ./work
  rota agent --id bob --pool dev --concurrency 4 --exec node -- work.mjs --fast
  rota agent --id eve --pool dev --roles lead --specializations deploy --exec ./deploy
  rota agent --id sh --pool dev --shell --exec 'jq .payload | tee -a log.json'
  rota agent --agents agents.yaml --id clean-1
${EXIT_CODES_HELP}
  Stopped by a single Ctrl-C it ends with 0. It waits for a coordinator as long as it takes.`,
    )
    .action(action(runAgents));
}

async function runAgents(cli: Cli, args: string[], options: AgentCommandOptions): Promise<number> {
  const entries = entriesOf(args, options);
  assertCommands(entries);
  const { servers, namespace } = placeOf(options);
  const transport = await connectServer(cli, servers, `rota agent ${entries[0]?.id ?? ''}`);
  const where = `${transport.description} (namespace ${namespace})`;
  const agents = startCommandAgents({
    entries,
    namespace,
    clock: cli.clock,
    connect: () => transport,
    onEvent: (event) => printEvent(cli, event, options.json === true),
    onContact: (contact) => cli.output.note(`rota: ${contactText(contact, where)}`),
  });
  const ending = new AbortController();
  return endsBySignal({
    work: serve(cli, { agents, entries, signal: ending.signal, where }).finally(() => transport.close()),
    drain() {
      const finish = agents.load === 0 ? '' : `: ${count(agents.load, 'task')} to finish. Ctrl-C again stops at once`;
      cli.output.note(`rota: draining${finish}`);
      ending.abort();
    },
    kill: () => agents.kill(),
  });
}

/** An agent that can start nothing would be free all the time, and fail one task after the other. */
function assertCommands(entries: readonly AgentEntry[]): void {
  const base = commandEnvironment();
  for (const { id, launch } of entries) {
    const { command, cwd, env, shell } = launch;
    if (shell === true || findExecutable(command, { path: env?.PATH ?? base.PATH, cwd }) !== undefined) continue;
    throw new RotaError(
      'COMMAND_NOT_FOUND',
      `Agent ${id}: there is no program ${JSON.stringify(command)}, looked for from ${cwd}.`,
    );
  }
}

function entriesOf(args: readonly string[], options: AgentCommandOptions): readonly AgentEntry[] {
  const { agents: file, id } = options;
  if (file !== undefined) return entriesOfFile(file, options);
  const { pool, exec, timeoutMs, shell } = options;
  const missing = Object.entries({ '--id': id, '--pool': pool, '--exec': exec }).filter(
    ([, value]) => value === undefined,
  );
  if (id === undefined || exec === undefined || pool === undefined) {
    const names = missing.map(([name]) => name).join(', ');
    throw new UsageError(
      `agent: ${names} missing. Say who it is, whose tasks it takes and what it starts, or name a file with --agents.`,
    );
  }
  const profile = validate(AgentProfileSchema, profileOf(pool, options));
  return [
    {
      id: assertName('--id', id),
      ...profile,
      launch: { command: exec, args: [...args], cwd: process.cwd(), timeoutMs, shell },
    },
  ];
}

function entriesOfFile(file: string, { id, pool, exec }: AgentCommandOptions): readonly AgentEntry[] {
  if (pool !== undefined || exec !== undefined) {
    throw new UsageError('agent: --agents names pools and commands already; leave --pool and --exec away.');
  }
  const { agents } = readAgentsFile(file);
  const chosen = id === undefined ? agents : agents.filter((agent) => agent.id === id);
  if (chosen.length > 0) return chosen;
  throw new UsageError(
    `agent: --id is ${id}, which ${file} does not have. It has ${agents.map((agent) => agent.id).join(', ')}.`,
  );
}

interface Serving {
  readonly agents: CommandAgents;
  readonly entries: readonly AgentEntry[];
  readonly signal: AbortSignal;
  readonly where: string;
}

/** After so long without a coordinator the user is told what is waited for. */
const PATIENCE_MS = 1_000;

async function serve({ output, clock }: Cli, { agents, entries, signal, where }: Serving): Promise<number> {
  const cancelNote = clock.after(PATIENCE_MS, () => output.note(`rota: waiting for a coordinator at ${where}`));
  const joined = () => {
    cancelNote();
    const pools = [...new Set(entries.map((entry) => entry.pool))].join(', ');
    output.note(`rota: ${entries.map((entry) => entry.id).join(', ')} joined ${pools} at ${where}`);
  };
  // Why one never became ready is what `stopped` says.
  agents.ready.then(joined, () => {});
  const error = await Promise.race([agents.stopped, whenAborted(signal)]);
  cancelNote();
  await agents.drain();
  if (error !== undefined) throw error;
  return EXIT.ok;
}

function contactText(contact: Contact, where: string): string {
  return contact === 'lost'
    ? `no coordinator serves at ${where}; what runs goes on, and may be given to others`
    : `a coordinator serves again at ${where}`;
}

function printEvent({ output, clock }: Cli, event: CommandEvent, isJson: boolean): void {
  const { kind, agentId, task } = event;
  const { taskId, attempt, key } = task;
  const ended = event.kind === 'started' ? {} : { elapsedMs: Math.round(event.elapsedMs) };
  if (isJson) {
    const error = event.kind === 'failed' ? { error: event.error.toWire() } : {};
    const atMs = clock.wallMs();
    output.json({
      type: kind,
      atMs,
      agentId,
      taskId,
      ...(key === undefined ? {} : { key }),
      attempt,
      ...ended,
      ...error,
    });
    return;
  }
  output.line(`${output.paint('dim', clockText(clock.wallMs()))} ${agentId} ${eventText(output, event)}`);
}

function eventText({ paint }: Output, event: CommandEvent): string {
  const { taskId, key, attempt } = event.task;
  const name = key === undefined ? taskId : `${key} (${taskId})`;
  switch (event.kind) {
    case 'started':
      return `started ${name}${attempt > 1 ? `, attempt ${attempt}` : ''}`;
    case 'completed':
      return `${paint('green', 'completed')} ${name} in ${durationText(event.elapsedMs)}`;
    case 'failed':
      return `${paint('red', 'failed')} ${name} in ${durationText(event.elapsedMs)}: ${oneLine(event.error.message)}`;
  }
}
