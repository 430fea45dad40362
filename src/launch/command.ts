import type { Clock } from '../clock.js';
import type { RotaError } from '../protocol/errors.js';
import type { Assignment } from '../protocol/frames.js';
import type { Json } from '../protocol/json.js';
import { LIMITS } from '../protocol/limits.js';
import { cancelFailure, exitFailure, outputFailure, startFailure, timeoutFailure } from './failure.js';
import { createHead, createTail, type Head } from './output.js';
import { type ProcessOptions, type RunningProcess, startProcess } from './process.js';
import { type CommandProgress, createLines, parseProgress } from './progress.js';

/** An agent that is a command: how one process is started for each task. */
export interface CommandSpec {
  /** A program that PATH has, or a path relative to `cwd`; with `shell`, a line for `/bin/sh`. */
  readonly command: string;
  /** Passed as they are; with `shell`, they are `$1`, `$2`…, never part of the line. */
  readonly args?: readonly string[] | undefined;
  readonly cwd?: string | undefined;
  /** Added to the base environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** A process that runs longer is stopped. Without it there is no bound. */
  readonly timeoutMs?: number | undefined;
  readonly shell?: boolean | undefined;
}

/** What a command is told of its task: an assignment without the token, which is the agent's own. */
export type CommandTask = Omit<Assignment, 'token' | 'timeoutMs'>;

export interface CommandOptions {
  /** Aborting stops the process and all that it started; the promise settles when they are gone. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** The base environment; PATH in it is where the command is looked for. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onProgress?: (progress: CommandProgress) => void;
}

/** Bytes of stdout that make a result, and of stderr that are kept. */
const OUTPUT_BYTES = LIMITS.stringBytes;

/**
 * Runs one task as one OS process.
 *
 * The process gets the task as one JSON document on stdin and as ROTA_TASK_ID, ROTA_ATTEMPT, ROTA_POOL,
 * ROTA_WORK_TYPE, ROTA_KEY and ROTA_ORCHESTRATION_ID (the last two only inside an orchestration). Exit
 * code 0 is success; the result is what stdout holds, parsed when it is JSON, else its trimmed text. A line
 * `rota:progress 40 half of the rows` on stderr reports progress.
 *
 * @throws RotaError COMMAND_NOT_FOUND, COMMAND_FAILED, TASK_TIMEOUT, RESULT_TOO_LARGE; when `signal` aborts,
 *   its reason if that is a RotaError, else COMMAND_FAILED.
 */
export async function runCommand(spec: CommandSpec, task: CommandTask, options: CommandOptions): Promise<Json> {
  const { signal, clock } = options;
  if (signal.aborted) throw cancelFailure(spec, signal.reason);

  const stdout = createHead(OUTPUT_BYTES);
  const stderr = createTail(OUTPUT_BYTES);
  const readLines = createLines((line) => reportProgress(line, options.onProgress));
  let running: RunningProcess | undefined;
  let fault: RotaError | undefined;
  const stopFor = (reason: RotaError): void => {
    fault ??= reason;
    running?.stop();
  };

  const onAbort = (): void => stopFor(cancelFailure(spec, signal.reason));
  const { timeoutMs } = spec;
  let cancelTimeout = () => {};
  try {
    running = startProcess({
      ...processOptions(spec, task, options),
      onStdout(chunk) {
        stdout.push(chunk);
        if (stdout.bytes > OUTPUT_BYTES) stopFor(outputFailure(spec, stdout.bytes, OUTPUT_BYTES));
      },
      onStderr(chunk) {
        stderr.push(chunk);
        readLines(chunk);
      },
    });
    signal.addEventListener('abort', onAbort);
    if (timeoutMs !== undefined) cancelTimeout = clock.after(timeoutMs, () => stopFor(timeoutFailure(spec, timeoutMs)));
    const exit = await running.ended;
    if (fault === undefined && exit.code !== 0) fault = exitFailure(spec, exit, stderr.text());
  } catch (cause) {
    throw await startFailure(spec, cause);
  } finally {
    signal.removeEventListener('abort', onAbort);
    cancelTimeout();
  }
  if (fault) throw fault;
  return readResult(spec, stdout);
}

type Startup = Omit<ProcessOptions, 'onStdout' | 'onStderr'>;

function processOptions(spec: CommandSpec, task: CommandTask, { clock, env }: CommandOptions): Startup {
  const { command, args = [], cwd, shell = false } = spec;
  const { taskId, attempt, pool, workType, payload, inputs = {}, key, orchestrationId } = task;
  return {
    // Arguments stay arguments: the word after the line is `$0`, so none of them is read as shell.
    ...(shell ? { file: '/bin/sh', args: ['-c', command, 'sh', ...args] } : { file: command, args }),
    cwd,
    env: {
      ...env,
      ...spec.env,
      ROTA_TASK_ID: taskId,
      ROTA_ATTEMPT: String(attempt),
      ROTA_POOL: pool,
      ROTA_WORK_TYPE: workType,
      ROTA_KEY: key,
      ROTA_ORCHESTRATION_ID: orchestrationId,
    },
    input: JSON.stringify({ taskId, attempt, pool, workType, payload, inputs, key, orchestrationId }),
    clock,
  };
}

function reportProgress(line: string, onProgress: CommandOptions['onProgress']): void {
  const progress = onProgress && parseProgress(line);
  if (!progress) return;
  try {
    onProgress(progress);
  } catch {
    // Thrown in a stream's event it would end this process; progress that is lost is replaced by the next.
  }
}

function readResult(spec: CommandSpec, stdout: Head): Json {
  const text = stdout.text();
  try {
    const value: Json = JSON.parse(text);
    return value;
  } catch {
    // Bytes that are not UTF-8 become longer as text.
    const bytes = Buffer.byteLength(text);
    if (bytes > OUTPUT_BYTES) throw outputFailure(spec, bytes, OUTPUT_BYTES);
    return text.trim();
  }
}
