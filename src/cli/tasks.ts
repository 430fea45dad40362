import { type Command, Option } from 'commander';
import type { TaskRow } from '../protocol/frames.js';
import { LIMITS } from '../protocol/limits.js';
import { assertName } from '../protocol/names.js';
import { isTerminal, TASK_STATUSES, type TaskStatus } from '../protocol/task.js';
import type { Client } from '../sdk/index.js';
import { type ClientCommandOptions, withClient, withClientOptions } from './connect.js';
import type { Action, Cli } from './context.js';
import { EXIT, EXIT_CODES_HELP } from './exit.js';
import { wholeNumber } from './options.js';
import { type Cell, printTable } from './output.js';
import { showTask } from './show.js';
import { STATUS_COLOURS } from './status-colours.js';
import { durationText, oneLine } from './text.js';

interface QueryOptions extends ClientCommandOptions {
  readonly json?: true;
}

interface TasksOptions extends QueryOptions {
  readonly status?: TaskStatus;
  readonly pool?: string;
  readonly orchestration?: string;
  readonly limit: number;
}

const LIMIT = 100;

export function addTasksCommand(program: Command, action: Action): void {
  const command = program
    .command('tasks')
    .summary('list tasks')
    .description('Lists tasks, the newest first, with where each one is and why.')
    .addOption(new Option('--status <status>', 'only these').choices(TASK_STATUSES))
    .option('--pool <name>', 'only those of this pool')
    .option('--orchestration <id>', 'only those of this orchestration')
    .option('--limit <n>', `how many, at most ${LIMITS.rowsPerQuery}`, wholeNumber(1, LIMITS.rowsPerQuery), LIMIT)
    .option('--json', 'print a line of JSON for each task');
  withClientOptions(command)
    .addHelpText(
      'after',
      `\nExamples:\n  rota tasks --status running\n  rota tasks --pool dev --json\n${EXIT_CODES_HELP}`,
    )
    .action(action(listTasks));
}

export function addShowCommand(program: Command, action: Action): void {
  const command = program
    .command('show')
    .summary('tell all about one task')
    .description('Tells all about one task: where it is and why, its attempts, the agents, result and error.')
    .argument('<task>', 'id of the task; "rota tasks" lists them')
    .option('--json', 'print it as one line of JSON');
  withClientOptions(command)
    .addHelpText('after', `\nExamples:\n  rota show 01K0A1B2C3D4E5F6G7H8J9K0MN\n${EXIT_CODES_HELP}`)
    .action(action(show));
}

function listTasks(cli: Cli, { orchestration, status, pool, limit, json, ...server }: TasksOptions): Promise<number> {
  const query = {
    limit,
    ...(status === undefined ? {} : { status }),
    ...(pool === undefined ? {} : { pool: assertName('--pool', pool) }),
    ...(orchestration === undefined ? {} : { orchestrationId: assertName('--orchestration', orchestration) }),
  };
  return withClient(cli, server, async (client) => {
    const tasks = await client.tasks(query);
    if (json) for (const task of tasks) cli.output.json(task);
    else if (tasks.length === 0) cli.output.note('no tasks');
    else printTasks(cli, tasks);
    if (tasks.length === limit) cli.output.note(`the newest ${limit}; --limit shows more`);
    return EXIT.ok;
  });
}

function show(cli: Cli, task: string, { json, ...server }: QueryOptions): Promise<number> {
  const id = assertName('the task', task);
  return withClient(cli, server, async (client: Client) => {
    const detail = await client.task(id);
    if (json) cli.output.json(detail);
    else showTask(cli, detail);
    return EXIT.ok;
  });
}

function printTasks({ output, clock }: Cli, tasks: readonly TaskRow[]): void {
  const nowMs = clock.wallMs();
  const rows = tasks.map((task): Cell[] => [
    { text: task.id },
    { text: task.status, colour: STATUS_COLOURS[task.status] },
    { text: task.pool },
    { text: task.key ?? task.workType },
    { text: task.agentId ?? '-' },
    { text: `${task.attempt}/${task.maxAttempts}` },
    { text: durationText(nowMs - task.createdAtMs) },
    { text: whyText(task), colour: 'dim' },
  ]);
  printTable(output, ['ID', 'STATUS', 'POOL', 'TASK', 'AGENT', 'ATTEMPT', 'AGE', 'WHY'], rows);
}

function whyText({ status, error, reason }: TaskRow): string {
  const failed = status === 'failed' ? error?.message : undefined;
  const decided = isTerminal(status) && status !== 'completed' ? undefined : reason;
  return oneLine(failed ?? decided ?? '');
}
