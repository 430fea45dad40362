import { CommanderError } from 'commander';
import { type ErrorCode, RotaError } from '../protocol/errors.js';

/** What a shell is told. Every command's help lists them. */
export const EXIT = { ok: 0, failed: 1, usage: 2, unreachable: 3, interrupted: 130 } as const;

export const EXIT_CODES_HELP = `
Exit codes:
  0    it went well
  1    it ran, and something did not go well
  2    the command line, a file or a setting is wrong; nothing was started
  3    no NATS server or no coordinator can be reached, or none can answer just now
  130  stopped by Ctrl-C`;

const EXIT_BY_CODE: Partial<Record<ErrorCode, number>> = {
  INVALID_VALUE: EXIT.usage,
  INVALID_NAME: EXIT.usage,
  GRAPH_CYCLE: EXIT.usage,
  NO_COORDINATOR: EXIT.unreachable,
  UNAVAILABLE: EXIT.unreachable,
  TIMEOUT: EXIT.unreachable,
};

/** A fault of the command line that its parser cannot see. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** There is no server, and none can be started. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof UsageError) return EXIT.usage;
  if (thrown instanceof UnreachableError) return EXIT.unreachable;
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (thrown instanceof RotaError) return EXIT_BY_CODE[thrown.code] ?? EXIT.failed;
  return EXIT.failed;
}
