import { stat } from 'node:fs/promises';
import { errorRule, RotaError } from '../protocol/errors.js';
import { LIMITS } from '../protocol/limits.js';
import type { Exit } from './process.js';
import { parseProgress, printable } from './progress.js';

/** How messages name a command. Its arguments stay out of them: they may hold secrets. */
interface CommandPlace {
  readonly command: string;
  readonly cwd?: string | undefined;
}

const COMMAND_CHARS = 200;
const LINES_SHOWN = 20;

/** Why a process could not be started: a missing program and a missing folder are the same to the system, not to people. */
export async function startFailure(place: CommandPlace, cause: unknown): Promise<RotaError> {
  const { cwd } = place;
  const name = commandText(place);
  if (cwd !== undefined && !(await isFolder(cwd))) {
    return new RotaError('COMMAND_NOT_FOUND', `${name} cannot start: its cwd ${quoted(cwd)} is not a folder.`, {
      cause,
    });
  }
  const where = `from ${cwd === undefined ? 'the current folder' : quoted(cwd)}`;
  switch (systemCode(cause)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new RotaError('COMMAND_NOT_FOUND', `${name} was not found, looked for ${where}.`, { cause });
    case 'EACCES':
      return new RotaError('COMMAND_NOT_FOUND', `${name} may not be executed ${where}.`, { cause });
    default: {
      const reason = cause instanceof Error ? cause.message : String(cause);
      return new RotaError('COMMAND_FAILED', `${name} could not be started: ${reason}.`, { cause });
    }
  }
}

/** What an unsuccessful exit means to the reader: the code or the signal, and what the command said last. */
export function exitFailure(place: CommandPlace, exit: Exit, stderr: string): RotaError {
  const how = exit.signal === null ? `with exit code ${exit.code}` : `by signal ${exit.signal}`;
  const head = `${commandText(place)} ended ${how}`;
  const room = LIMITS.errorChars - head.length - errorRule('COMMAND_FAILED').remedy.length - 40;
  const said = lastLines(stderr, room);
  return new RotaError(
    'COMMAND_FAILED',
    said ? `${head}. It said last:\n${said}\n` : `${head} and said nothing on stderr.`,
  );
}

export function timeoutFailure(place: CommandPlace, timeoutMs: number): RotaError {
  return new RotaError('TASK_TIMEOUT', `${commandText(place)} ran longer than its ${timeoutMs} ms and was stopped.`);
}

export function outputFailure(place: CommandPlace, bytes: number, maxBytes: number): RotaError {
  const problem = `${commandText(place)} wrote ${bytes} bytes to stdout when it was stopped; the limit is ${maxBytes}.`;
  return new RotaError('RESULT_TOO_LARGE', problem);
}

/** The error for an aborted signal: its reason where that is ours. */
export function cancelFailure(place: CommandPlace, reason: unknown): RotaError {
  if (reason instanceof RotaError) return reason;
  return new RotaError('COMMAND_FAILED', `${commandText(place)} was stopped, because its task was cancelled.`, {
    cause: reason,
  });
}

/**
 * The last lines that fit into `room`, without progress reports and control characters. They are
 * indented, so that no output can pass itself off as a line of a log.
 */
function lastLines(stderr: string, room: number): string {
  return stderr
    .split(/\r\n|\r|\n/)
    .filter((line) => line.trim() !== '' && parseProgress(line) === undefined)
    .slice(-LINES_SHOWN)
    .map((line) => `  ${printable(line)}`)
    .join('\n')
    .slice(-room);
}

function commandText({ command }: CommandPlace): string {
  return `The command ${quoted(command)}`;
}

function quoted(text: string): string {
  return JSON.stringify(text.length > COMMAND_CHARS ? `${text.slice(0, COMMAND_CHARS)}…` : text);
}

function systemCode(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : undefined;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
