import type { Command } from 'commander';
import type { MetricsReport } from '../protocol/frames.js';
import { type ClientCommandOptions, withClient, withClientOptions } from './connect.js';
import type { Action, Cli } from './context.js';
import { EXIT, EXIT_CODES_HELP } from './exit.js';
import { type Output, printTable } from './output.js';
import { count, instantText } from './text.js';

interface MetricsOptions extends ClientCommandOptions {
  readonly json?: true;
}

/** More agents are in the JSON. */
const AGENTS_SHOWN = 20;

export function addMetricsCommand(program: Command, action: Action): void {
  const command = program
    .command('metrics')
    .summary('count assignments, fallbacks, latency and what waits')
    .description(
      'Counts what the coordinator has decided since it leads: assignments by pool, strategy and agent, fallbacks, ' +
        'refused offers, how evenly agents are served, how long assigning takes, and why tasks wait now.',
    )
    .option('--json', 'print it as one line of JSON');
  withClientOptions(command)
    .addHelpText('after', `\nExamples:\n  rota metrics\n  rota metrics --json | jq .latency\n${EXIT_CODES_HELP}`)
    .action(action(showMetrics));
}

function showMetrics(cli: Cli, { json, ...server }: MetricsOptions): Promise<number> {
  return withClient(cli, server, async (client) => {
    const metrics = await client.metrics();
    if (json) cli.output.json(metrics);
    else printMetrics(cli.output, metrics);
    return EXIT.ok;
  });
}

function printMetrics(output: Output, metrics: MetricsReport): void {
  const { journal, assignments, agents, fallbacks, refusals, distribution, pending } = metrics;
  const total = assignments.reduce((sum, row) => sum + row.count, 0);
  output.line(`${count(total, 'assignment')} since ${instantText(metrics.sinceMs)}`);
  output.line(
    `journal at row ${journal.seq}, tables ${journal.lag === 0 ? 'up to date' : `${count(journal.lag, 'row')} behind`}`,
  );
  section(output, ['POOL', 'STRATEGY', 'ASSIGNMENTS'], assignments, (row) => [row.pool, row.strategy, row.count]);
  const shown = agents.slice(0, AGENTS_SHOWN);
  section(output, ['POOL', 'AGENT', 'ASSIGNMENTS'], shown, (row) => [row.pool, row.agentId, row.count]);
  if (agents.length > shown.length) output.line(`… and ${agents.length - shown.length} more agents`);
  section(output, ['POOL', 'MOST', 'LEAST', 'SPREAD'], distribution, (row) => [row.pool, row.max, row.min, row.spread]);
  section(output, ['POOL', 'FALLBACK', 'TIMES'], fallbacks, (row) => [row.pool, row.kind, row.count]);
  section(output, ['AGENT', 'OFFERS REFUSED'], refusals, (row) => [row.agentId, row.count]);
  section(output, ['POOL', 'WAITS FOR', 'TASKS'], pending, (row) => [row.pool, row.reason, row.count]);
  if (total > 0) {
    const buckets = latencyRows(metrics.latency);
    section(output, ['ASSIGNED WITHIN', 'TASKS', 'SHARE'], buckets, (row) => row);
  }
}

/** The buckets up to the first that has all: those behind it say nothing more. */
function latencyRows(latency: MetricsReport['latency']): (string | number)[][] {
  const total = latency.at(-1)?.count ?? 0;
  const last = latency.findIndex((bucket) => bucket.count === total);
  return latency.slice(0, last + 1).map(({ leMs, count: below }) => {
    const bound = leMs === null ? 'longer' : `${leMs} ms`;
    return [bound, below, `${((100 * below) / total).toFixed(1)} %`];
  });
}

/** A table, with a line above it; nothing at all where there are no rows. */
function section<Row>(
  output: Output,
  head: readonly string[],
  rows: readonly Row[],
  cells: (row: Row) => readonly (string | number)[],
): void {
  if (rows.length === 0) return;
  output.line('');
  printTable(
    output,
    head,
    rows.map((row) => cells(row).map((value) => ({ text: String(value) }))),
  );
}
