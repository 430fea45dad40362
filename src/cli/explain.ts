import type { Command } from 'commander';
import type { RoutingDecision } from '../protocol/decision.js';
import type { Explanation } from '../protocol/frames.js';
import { assertName } from '../protocol/names.js';
import { type ClientCommandOptions, withClient, withClientOptions } from './connect.js';
import type { Action, Cli } from './context.js';
import { strategyText } from './decisions.js';
import { EXIT, EXIT_CODES_HELP } from './exit.js';
import type { Output } from './output.js';
import { STATUS_COLOURS } from './status-colours.js';
import { count, instantText, oneLine } from './text.js';

interface ExplainOptions extends ClientCommandOptions {
  readonly json?: true;
}

export function addExplainCommand(program: Command, action: Action): void {
  const command = program
    .command('explain')
    .summary('tell why a task is with its agent, or with none')
    .description(
      'Tells where a task is and why: of one that waits, what to do about it; of one that was given to an agent, why ' +
        'to this one. Of all others it tells why not, and what would change that.',
    )
    .argument('<task>', 'id of the task; "rota tasks" lists them')
    .option('--json', 'print it as one line of JSON');
  withClientOptions(command)
    .addHelpText(
      'after',
      `\nExamples:\n  rota explain 01K0A1B2C3D4E5F6G7H8J9K0MN\n  rota tasks --status pending\n${EXIT_CODES_HELP}`,
    )
    .action(action(explain));
}

function explain(cli: Cli, task: string, { json, ...server }: ExplainOptions): Promise<number> {
  const id = assertName('the task', task);
  return withClient(cli, server, async (client) => {
    const explanation = await client.explain(id);
    if (json) cli.output.json(explanation);
    else printExplanation(cli.output, explanation);
    return EXIT.ok;
  });
}

function printExplanation(output: Output, explanation: Explanation): void {
  const { line, paint } = output;
  const { taskId, pool, status, summary, advice, decision } = explanation;
  line(`${paint('bold', taskId)} ${paint(STATUS_COLOURS[status], status)} in pool ${pool}`);
  line(oneLine(summary));
  if (advice.length > 0) {
    heading(output, 'What to do');
    for (const [i, step] of advice.entries()) line(`  ${i + 1}. ${oneLine(step)}`);
  }
  if (decision !== undefined) {
    heading(output, status === 'pending' ? `Who had it last: ${decision.agentId}` : `Why ${decision.agentId}`);
    // Of a task that does not wait, the summary has the reason.
    if (status === 'pending') line(`  ${oneLine(decision.reason)}`);
    printDecision(output, decision);
  }
  printOthers(output, explanation);
  printGroups(output, explanation);
}

function heading({ line, paint }: Output, text: string): void {
  line('');
  line(paint('bold', text));
}

function printDecision(output: Output, decision: RoutingDecision): void {
  const { attempt, atMs, candidates, probability, fallback } = decision;
  const { line, paint } = output;
  const chance = probability === undefined ? '' : `, its chance was ${percentText(probability)}`;
  if (fallback !== undefined) line(`  ${paint('yellow', 'fallback')}: ${oneLine(fallback.reason)}`);
  const score = scoreText(decision);
  if (score !== undefined) line(`  ${score}`);
  line(
    paint(
      'dim',
      `  attempt ${attempt}, ${instantText(atMs)}, ${strategyText(decision)}, ${count(candidates, 'candidate')}${chance}`,
    ),
  );
}

function scoreText({ score, scoreParts, scorer, successRatePercent }: RoutingDecision): string | undefined {
  if (score === undefined) return undefined;
  const by = scorer === undefined || scorer === 'builtin' ? '' : ` by ${oneLine(scorer)}`;
  if (scoreParts === undefined) return `score ${score.toFixed(3)}${by}`;
  const { context, success, specialization, load } = scoreParts;
  return (
    `score ${score.toFixed(1)} of 100: recent context ${context.toFixed(1)}, ` +
    `success rate ${success.toFixed(1)} (${successRatePercent} % so far), ` +
    `specialization ${specialization.toFixed(1)}, load ${load.toFixed(1)}`
  );
}

function percentText(share: number): string {
  const percent = share * 100;
  return `${percent >= 1 || percent === 0 ? Math.round(percent) : percent.toPrecision(1)} %`;
}

function printOthers(output: Output, { others, asOf }: Explanation): void {
  if (others.length === 0) return;
  heading(output, asOf === 'now' ? 'Who could take it now' : 'Who could have taken it instead');
  for (const { agentId, why, change } of others) {
    output.line(`  ${agentId}: ${oneLine(why)}`);
    printChange(output, change);
  }
}

function printGroups(output: Output, { groups, asOf }: Explanation): void {
  if (groups.length === 0) return;
  heading(
    output,
    asOf === 'now' ? 'Who can not, and what would change that' : 'Who could not, and what would have changed that',
  );
  for (const { count: amount, why, change, agents } of groups) {
    const more = amount - agents.length;
    const names = agents.length === 0 ? '' : `: ${agents.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
    output.line(`  ${count(amount, 'agent')}${names}`);
    output.line(`    ${oneLine(why)}`);
    printChange(output, change);
  }
}

function printChange({ line, paint }: Output, change: string): void {
  if (change !== '') line(paint('dim', `    → ${oneLine(change)}`));
}
