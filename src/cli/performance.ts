import type { Command } from 'commander';
import type { PerformanceRow } from '../protocol/frames.js';
import { assertName } from '../protocol/names.js';
import { type ClientCommandOptions, withClient, withClientOptions } from './connect.js';
import type { Action, Cli } from './context.js';
import { EXIT, EXIT_CODES_HELP } from './exit.js';
import { type Cell, printTable } from './output.js';
import { durationText, instantText } from './text.js';

interface PerformanceOptions extends ClientCommandOptions {
  readonly agent?: string;
  readonly workType?: string;
  readonly json?: true;
}

export function addPerformanceCommand(program: Command, action: Action): void {
  const command = program
    .command('performance')
    .summary('tell how agents have done')
    .description('Tells how agents have done, for each kind of work: what the strategy "weighted" goes by.')
    .option('--agent <id>', 'only this agent')
    .option('--work-type <type>', 'only this kind of work')
    .option('--json', 'print a line of JSON for each agent and kind of work');
  withClientOptions(command)
    .addHelpText('after', `\nExamples:\n  rota performance --work-type deploy\n${EXIT_CODES_HELP}`)
    .action(action(listPerformance));
}

function listPerformance(cli: Cli, { agent, workType, json, ...server }: PerformanceOptions): Promise<number> {
  const query = {
    ...(agent === undefined ? {} : { agentId: assertName('--agent', agent) }),
    ...(workType === undefined ? {} : { workType }),
  };
  return withClient(cli, server, async (client) => {
    const rows = await client.performance(query);
    if (json) for (const row of rows) cli.output.json(row);
    else if (rows.length === 0) cli.output.note('no executions yet');
    else {
      const head = ['AGENT', 'WORK', 'DONE', 'FAILED', 'SUCCESS', 'MEAN', 'LAST', 'DIFFICULTY'];
      printTable(cli.output, head, rows.map(cellsOf));
    }
    return EXIT.ok;
  });
}

function cellsOf(row: PerformanceRow): Cell[] {
  const { successCount, failureCount, totalDurationMs, lastExecutionAtMs, difficultyAssessment } = row;
  const executions = successCount + failureCount;
  return [
    { text: row.agentId },
    { text: row.workType },
    { text: String(successCount) },
    { text: String(failureCount), colour: failureCount > 0 ? 'red' : undefined },
    { text: executions === 0 ? '-' : `${Math.round((100 * successCount) / executions)} %` },
    { text: executions === 0 ? '-' : durationText(totalDurationMs / executions) },
    { text: lastExecutionAtMs === undefined ? '-' : instantText(lastExecutionAtMs), colour: 'dim' },
    { text: difficultyAssessment ?? '-' },
  ];
}
