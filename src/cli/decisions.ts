import type { Command } from 'commander';
import type { RoutingDecision } from '../protocol/decision.js';
import { LIMITS } from '../protocol/limits.js';
import { assertName } from '../protocol/names.js';
import type { DecisionQuery } from '../sdk/index.js';
import { type ClientCommandOptions, withClient, withClientOptions } from './connect.js';
import type { Action, Cli } from './context.js';
import { EXIT, EXIT_CODES_HELP } from './exit.js';
import { since, wholeNumber } from './options.js';
import { type Cell, type Output, printTable } from './output.js';
import { instantText, oneLine } from './text.js';

interface DecisionsOptions extends ClientCommandOptions {
  readonly task?: string;
  readonly agent?: string;
  readonly workType?: string;
  readonly pool?: string;
  readonly since?: (nowMs: number) => number;
  readonly limit: number;
  readonly json?: true;
}

const LIMIT = 100;

export function addDecisionsCommand(program: Command, action: Action): void {
  const command = program
    .command('decisions')
    .summary('list who got which task, and why')
    .description('Lists decisions, the newest first: one for each time that a task was given to an agent.')
    .option('--task <id>', 'only those of this task')
    .option('--agent <id>', 'only those for this agent')
    .option('--work-type <type>', 'only those of this kind of work')
    .option('--pool <name>', 'only those of this pool')
    .option('--since <when>', 'only those since then: 30m, 2h or 7d ago, or an instant', since)
    .option('--limit <n>', `how many, at most ${LIMITS.rowsPerQuery}`, wholeNumber(1, LIMITS.rowsPerQuery), LIMIT)
    .option('--json', 'print a line of JSON for each decision, with all that is recorded');
  withClientOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  rota decisions --since 2h
  rota decisions --agent ann --work-type deploy
  rota decisions --pool dev --json | jq 'select(.fallback != null)'
${EXIT_CODES_HELP}`,
    )
    .action(action(listDecisions));
}

function listDecisions(cli: Cli, { json, ...options }: DecisionsOptions): Promise<number> {
  const query = queryOf(options, cli.clock.wallMs());
  return withClient(cli, options, async (client) => {
    const decisions = await client.decisions(query);
    if (json) for (const decision of decisions) cli.output.json(decision);
    else if (decisions.length === 0) cli.output.note('no decisions');
    else printDecisions(cli.output, decisions);
    if (decisions.length === options.limit) cli.output.note(`the newest ${options.limit}; --limit shows more`);
    return EXIT.ok;
  });
}

function queryOf({ task, agent, workType, pool, since, limit }: DecisionsOptions, nowMs: number): DecisionQuery {
  return {
    limit,
    ...(task === undefined ? {} : { taskId: assertName('--task', task) }),
    ...(agent === undefined ? {} : { agentId: assertName('--agent', agent) }),
    ...(workType === undefined ? {} : { workType }),
    ...(pool === undefined ? {} : { pool: assertName('--pool', pool) }),
    ...(since === undefined ? {} : { fromMs: since(nowMs) }),
  };
}

function printDecisions(output: Output, decisions: readonly RoutingDecision[]): void {
  const rows = decisions.map((decision): Cell[] => [
    { text: instantText(decision.atMs), colour: 'dim' },
    { text: decision.taskId },
    { text: decision.pool },
    { text: decision.workType },
    { text: decision.agentId },
    { text: String(decision.attempt), colour: decision.retried ? 'yellow' : undefined },
    { text: strategyText(decision), colour: decision.fallback === undefined ? undefined : 'yellow' },
    { text: decision.score?.toFixed(1) ?? '-' },
    { text: String(decision.candidates) },
    { text: oneLine(decision.reason), colour: 'dim' },
  ]);
  const head = ['TIME', 'TASK', 'POOL', 'WORK', 'AGENT', 'ATTEMPT', 'STRATEGY', 'SCORE', 'OF', 'WHY'];
  printTable(output, head, rows);
}

/** A fallback is named by its kind: `round-robin, fallback window`. */
export function strategyText({ strategy, fallback }: RoutingDecision): string {
  return fallback === undefined ? strategy : `${strategy}, fallback ${fallback.kind}`;
}
