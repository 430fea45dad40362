import { type Command, Option } from 'commander';
import type { AgentRow } from '../protocol/frames.js';
import { assertName } from '../protocol/names.js';
import type { Client } from '../sdk/index.js';
import { type ClientCommandOptions, withClient, withClientOptions } from './connect.js';
import type { Action, Cli } from './context.js';
import { EXIT, EXIT_CODES_HELP } from './exit.js';
import { type Cell, type Output, printTable } from './output.js';
import { type ProfileOptions, profileOf, withProfileOptions } from './profile-options.js';
import { count } from './text.js';

interface AgentsOptions extends ClientCommandOptions {
  readonly pool?: string;
  readonly json?: true;
}

interface RegisterOptions extends ClientCommandOptions, ProfileOptions {
  readonly pool: string;
  readonly availability: 'heartbeat' | 'source';
  readonly disabled?: true;
}

export function addAgentsCommand(program: Command, action: Action): void {
  const command = program
    .command('agents')
    .summary('list agents; register, deregister and cordon them')
    .description('Lists agents by pool, in the order of their turns, with what they hold and have done.')
    .option('--pool <name>', 'only those of this pool')
    .option('--json', 'print a line of JSON for each agent')
    .enablePositionalOptions();
  withClientOptions(command)
    .addHelpText(
      'after',
      `\nExamples:\n  rota agents --pool dev\n  rota agents cordon ann\n  rota agents register --help\n${EXIT_CODES_HELP}`,
    )
    .action(action(listAgents));
  addRegister(command, action);
  addChange(command, action, {
    name: 'deregister',
    summary: 'forget agents',
    description: 'Forgets an agent; what it holds goes to others. A process of it that still runs registers it again.',
    change: (client, id) => client.deregisterAgent(id),
    done: 'is deregistered',
  });
  addChange(command, action, {
    name: 'cordon',
    summary: 'give agents nothing new',
    description: 'Gives an agent nothing new; it finishes what it has. That holds until it is uncordoned.',
    change: (client, id) => client.cordon(id),
    done: 'gets nothing new; it finishes what it has',
  });
  addChange(command, action, {
    name: 'uncordon',
    summary: 'let agents get tasks again',
    description: 'Lets an agent get tasks again.',
    change: (client, id) => client.uncordon(id),
    done: 'gets tasks again',
  });
}

function listAgents(cli: Cli, { pool, json, ...server }: AgentsOptions): Promise<number> {
  const wanted = pool === undefined ? undefined : assertName('--pool', pool);
  return withClient(cli, server, async (client) => {
    const agents = await client.agents(wanted);
    if (json) for (const agent of agents) cli.output.json(agent);
    else if (agents.length === 0) cli.output.note('no agents');
    else printAgents(cli.output, agents);
    return EXIT.ok;
  });
}

function printAgents(output: Output, agents: readonly AgentRow[]): void {
  const rows = agents.map((agent): Cell[] => [
    { text: agent.id },
    { text: agent.pool },
    { text: agent.kind },
    { text: presenceText(agent), colour: presenceText(agent) === 'online' ? 'green' : 'yellow' },
    { text: `${agent.load}/${agent.maxConcurrency}${agent.prefetch > 0 ? `+${agent.prefetch}` : ''}` },
    { text: String(agent.completed) },
    { text: String(agent.failed), colour: agent.failed > 0 ? 'red' : undefined },
    { text: labelsText(agent), colour: 'dim' },
  ]);
  printTable(output, ['ID', 'POOL', 'KIND', 'PRESENCE', 'LOAD', 'DONE', 'FAILED', 'CAPABILITIES'], rows);
  if (output.isTerminal) output.line(output.paint('dim', count(agents.length, 'agent')));
}

/** Its presence, and all else that keeps it from new tasks. */
function presenceText({ presence, enabled, cordoned, offDuty }: AgentRow): string {
  const flags = [...(enabled ? [] : ['disabled']), ...(cordoned ? ['cordoned'] : []), ...(offDuty ? ['off duty'] : [])];
  return [presence, ...flags].join(', ');
}

function labelsText({ capabilities, roles, specializations }: AgentRow): string {
  const parts = [
    capabilities.join(','),
    ...(roles.length === 0 ? [] : [`roles ${roles.join(',')}`]),
    ...(specializations.length === 0 ? [] : [`best at ${specializations.join(',')}`]),
  ];
  return parts.filter((part) => part !== '').join('; ') || '-';
}

function addRegister(agents: Command, action: Action): void {
  const command = agents
    .command('register')
    .summary('make an agent known that does not register itself, or say anew what it is')
    .description(
      'Makes an agent known that does not register itself: a person in a help desk, say. What is left out is as by ' +
        'default, also for an agent that is known already.',
    )
    .argument('<id>', 'name of the agent')
    .requiredOption('--pool <name>', 'whose tasks it takes')
    .option('--disabled', 'it gets nothing')
    .addOption(
      new Option(
        '--availability <how>',
        'how it is known to be there: by its own heartbeats, or by the availability source of its pool',
      )
        .choices(['heartbeat', 'source'])
        .default('heartbeat'),
    );
  withClientOptions(withProfileOptions(command))
    .addHelpText(
      'after',
      `
Examples:
  rota agents register ann --pool support --kind human --availability source --roles lead
  rota agents register bob --pool support --kind human --availability source \\
      --working-hours 'Europe/Berlin mon-fri 09:00-17:00; sat 10:00-14:00'
${EXIT_CODES_HELP}`,
    )
    .action(action(register));
}

function register(cli: Cli, agent: string, { availability, disabled, ...options }: RegisterOptions): Promise<number> {
  const id = assertName('the agent', agent);
  const profile = profileOf(assertName('--pool', options.pool), options);
  return withClient(cli, options, async (client) => {
    await client.registerAgent({ id, ...profile, availability, enabled: disabled === undefined });
    cli.output.line(`${id} is registered in ${profile.pool}`);
    return EXIT.ok;
  });
}

interface Change {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly change: (client: Client, id: string) => Promise<void>;
  readonly done: string;
}

function addChange(agents: Command, action: Action, { name, summary, description, change, done }: Change): void {
  const run = (cli: Cli, ids: string[], options: ClientCommandOptions): Promise<number> => {
    const named = ids.map((id) => assertName('the agent', id));
    return withClient(cli, options, async (client) => {
      for (const id of named) {
        await change(client, id);
        cli.output.line(`${id} ${done}`);
      }
      return EXIT.ok;
    });
  };
  const command = agents
    .command(name)
    .summary(summary)
    .description(description)
    .argument('<ids...>', 'names of agents; "rota agents" lists them');
  withClientOptions(command)
    .addHelpText('after', `\nExamples:\n  rota agents ${name} ann\n${EXIT_CODES_HELP}`)
    .action(action(run));
}
