import type { Clock } from '../clock.js';
import type { Output } from './output.js';

/** What every command gets. */
export interface Cli {
  readonly output: Output;
  readonly clock: Clock;
}

/** Makes an action of a function that answers with the exit code. */
export type Action = <A extends unknown[]>(
  run: (cli: Cli, ...args: A) => Promise<number>,
) => (...args: A) => Promise<void>;
