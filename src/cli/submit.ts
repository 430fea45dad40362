import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import type { Json } from '../protocol/json.js';
import { LIMITS } from '../protocol/limits.js';
import { assertName } from '../protocol/names.js';
import type { Client, SubmitTask, TaskOutcome } from '../sdk/client.js';
import { type ClientCommandOptions, withClient, withClientOptions } from './connect.js';
import type { Action, Cli } from './context.js';
import { EXIT, EXIT_CODES_HELP, UsageError } from './exit.js';
import { commaList, wholeNumber } from './options.js';
import type { Output } from './output.js';
import { onInterrupt } from './signals.js';
import { indented } from './text.js';

interface SubmitOptions extends ClientCommandOptions {
  readonly pool: string;
  readonly payload?: string;
  readonly payloadFile?: string;
  readonly id?: string;
  readonly workType?: string;
  readonly capabilities?: string[];
  readonly priority?: number;
  readonly maxAttempts?: number;
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
    .description('Submits one task, and prints its id once the task is stored. --wait waits for its end.')
    .requiredOption('--pool <name>', 'the agents that may take it')
    .option('--payload <json>', 'what the agent gets; - reads standard input')
    .addOption(new Option('--payload-file <file>', 'the same from a file; - reads standard input').conflicts('payload'))
    .option('--id <id>', 'its id; submitting an id again does nothing (default: a new one)')
    .option('--work-type <type>', 'the kind of work (default: "default")')
    .option('--capabilities <a,b>', 'what its agent must be capable of, all of them', commaList)
    .option('--priority <n>', '1 goes first, 5 last (default: 3)', wholeNumber(1, 5))
    .option('--max-attempts <n>', 'attempts before it has failed (default: 3)', wholeNumber(1, LIMITS.attempts))
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
  echo '{"issue": 42}' | rota submit --pool dev --payload - --id issue-42
${EXIT_CODES_HELP}
  With --wait, a task that does not complete is an exit code of 1.`,
    )
    .action(action(submit));
}

async function submit(cli: Cli, options: SubmitOptions): Promise<number> {
  const task = await taskOf(options);
  return withClient(cli, options, async (client) => {
    const id = await client.submit(task);
    if (!options.wait) {
      if (options.json) cli.output.json({ id });
      else cli.output.line(id);
      return EXIT.ok;
    }
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

async function taskOf(options: SubmitOptions): Promise<SubmitTask> {
  const { id, workType, capabilities, priority, maxAttempts, timeoutMs, backoffMs } = options;
  const payload = await payloadOf(options);
  return {
    pool: assertName('--pool', options.pool),
    ...(id === undefined ? {} : { id: assertName('--id', id) }),
    ...(payload === undefined ? {} : { payload }),
    ...(workType === undefined ? {} : { workType }),
    ...(capabilities === undefined ? {} : { capabilities }),
    ...(priority === undefined ? {} : { priority }),
    ...(maxAttempts === undefined ? {} : { maxAttempts }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(backoffMs === undefined ? {} : { backoffMs }),
  };
}

async function payloadOf({ payload, payloadFile }: SubmitOptions): Promise<Json | undefined> {
  if (payload === '-' || payloadFile === '-') return parsePayload('standard input', await readStandardInput());
  if (payload !== undefined) return parsePayload('--payload', payload);
  if (payloadFile === undefined) return undefined;
  return parsePayload(payloadFile, readPayloadFile(payloadFile));
}

function readPayloadFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`--payload-file ${file} can't be read (${cause instanceof Error ? cause.message : cause}).`);
  }
}

function parsePayload(place: string, text: string): Json {
  try {
    const value: Json = JSON.parse(text);
    return value;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : cause;
    throw new UsageError(`${place} is not JSON (${reason}). Text needs quotes of its own: '"text"'.`);
  }
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
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
