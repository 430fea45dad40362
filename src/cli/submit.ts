import type { Command } from 'commander';
import { createIds, systemRandom } from '../ids.js';
import { RotaError } from '../protocol/errors.js';
import { LIMITS } from '../protocol/limits.js';
import type { Client, TaskOutcome } from '../sdk/index.js';
import { type ClientCommandOptions, withClient, withClientOptions } from './connect.js';
import type { Action, Cli } from './context.js';
import { EXIT, EXIT_CODES_HELP } from './exit.js';
import { wholeNumber } from './options.js';
import type { Output } from './output.js';
import { onInterrupt } from './signals.js';
import { type TaskOptions, taskOf, withTaskOptions } from './task-options.js';
import { indented } from './text.js';

interface SubmitOptions extends ClientCommandOptions, TaskOptions {
  readonly timeoutMs?: number;
  readonly backoffMs?: number;
  readonly wait?: true;
  readonly json?: true;
}

export function addSubmitCommand(program: Command, action: Action): void {
  const durationMs = wholeNumber(1, LIMITS.durationMs);
  const command = program
    .command('submit')
    .summary('submit one task')
    .description('Submits one task, and prints its id once the task is stored. --wait waits for its end.');
  withTaskOptions(command)
    .option('--timeout-ms <n>', 'an attempt may run so long, milliseconds (default: no bound)', durationMs)
    .option(
      '--backoff-ms <n>',
      'pause before the second attempt; doubles (default: 1000)',
      wholeNumber(0, LIMITS.durationMs),
    )
    .option('--wait', 'wait for its end, and print the result')
    .option('--json', 'print JSON');
  withClientOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  rota submit --pool dev --payload '{"issue": 42}'
  rota submit --pool dev --payload-file task.json --wait
  rota submit --pool dev --work-type deploy --roles lead,admin --strategy weighted
  echo '{"issue": 42}' | rota submit --pool dev --payload - --id issue-42
${EXIT_CODES_HELP}
  A task that nobody could ever take fails at once: that is an exit code of 1, and with --wait whatever does not
  complete.`,
    )
    .action(action(submit));
}

async function submit(cli: Cli, options: SubmitOptions): Promise<number> {
  const { timeoutMs, backoffMs } = options;
  const task = {
    // Made here, so that it can be told where nobody answers.
    id: createIds(cli.clock, systemRandom)(),
    ...(await taskOf(options)),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(backoffMs === undefined ? {} : { backoffMs }),
  };
  return withClient(cli, options, async (client) => {
    const id = await client.submit(task).catch((thrown: unknown) => {
      if (thrown instanceof RotaError && thrown.retryable) cli.output.note(`rota: ${unacknowledged(task.id)}`);
      throw thrown;
    });
    if (!options.wait) return afterSubmit(cli, client, id, options.json === true);
    if (!options.json) cli.output.line(id);
    const outcome = await waitFor(client, id);
    if (outcome === undefined) {
      cli.output.note(`rota: no longer waiting; the task goes on. See it with: rota show ${id}`);
      return EXIT.interrupted;
    }
    if (options.json) cli.output.json(outcome);
    else printOutcome(cli.output, outcome);
    return outcome.status === 'completed' ? EXIT.ok : EXIT.failed;
  });
}

function unacknowledged(id: string): string {
  return `task ${id} was not acknowledged. Send it again with --id ${id}: that makes no second task.`;
}

/** Prints the id; and the error, where nobody could ever take the task. */
async function afterSubmit({ output }: Cli, client: Client, id: string, isJson: boolean): Promise<number> {
  const { task } = await client.task(id);
  const { status, error } = task;
  if (isJson) output.json({ id, status, ...(error === undefined ? {} : { error }) });
  else output.line(id);
  if (status !== 'failed') return EXIT.ok;
  if (!isJson) output.note(`rota: ${indented(error?.message ?? 'It failed.', '')}`);
  return EXIT.failed;
}

/** How the task ended; undefined when the user waits no longer. */
async function waitFor(client: Client, id: string): Promise<TaskOutcome | undefined> {
  const abort = new AbortController();
  using interrupts = onInterrupt(() => abort.abort());
  try {
    return await client.result(id, abort.signal);
  } catch (thrown) {
    if (interrupts.count > 0) return undefined;
    throw thrown;
  }
}

function printOutcome({ line, paint }: Output, { status, agentId, attempt, result, error }: TaskOutcome): void {
  const where = agentId === undefined ? '' : ` on ${agentId}, attempt ${attempt}`;
  line(`${paint(status === 'completed' ? 'green' : 'red', status)}${where}`);
  if (error !== undefined) line(indented(error.message, '  '));
  if (result !== undefined) line(indented(typeof result === 'string' ? result : JSON.stringify(result, null, 2), ''));
}
