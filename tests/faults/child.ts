import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { killWithParent } from '#rota/launch/kill-with-parent.js';
import { until } from './until.js';

/**
 * One process of a cluster. Everything it says is in its log file, and its last lines here.
 *
 * Must hold: once it must live, an end that nobody asked for is told; a process that was paused is let go before it is waited
 * for; none outlives this one.
 */

export interface ChildOptions {
  readonly name: string;
  /** What Node is to run, and what it gets. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly logFile: string;
  readonly onLine?: (line: string) => void;
}

const LINES_KEPT = 200;

export class Child {
  readonly name: string;
  /** Resolves when it has ended and all that it said was read. */
  readonly ended: Promise<void>;
  readonly #process: ChildProcess;
  readonly #lines: string[] = [];
  readonly #listeners = new Set<(line: string) => void>();
  #onDeath: ((how: string) => void) | undefined;
  #isOver = false;

  constructor({ name, args, env = {}, logFile, onLine }: ChildOptions) {
    this.name = name;
    if (onLine !== undefined) this.#listeners.add(onLine);
    // In a group of its own: the Ctrl-C of a terminal is for this process alone.
    this.#process = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: environment(env),
    });
    const log = createWriteStream(logFile, { flags: 'a' });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        log.write(`${line}\n`);
        this.#hear(line);
      });
    }
    const { pid } = this.#process;
    this.ended = new Promise((resolve) => {
      this.#process.once('close', (code, signal) => {
        const how = signal ?? `code ${code}`;
        log.end(`── ended with ${how}${this.#onDeath === undefined ? '' : ', which nobody asked for'}\n`);
        this.#isOver = true;
        this.#onDeath?.(how);
        resolve();
      });
    });
    if (pid !== undefined) killWithParent(pid, this.ended);
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Resolves once it says something that fits, also if it did before; with false when it ended without. */
  async says(fits: (line: string) => boolean): Promise<boolean> {
    if (this.#lines.some(fits)) return true;
    let listener = (_line: string): void => {};
    const said = new Promise<void>((resolve) => {
      listener = (line) => {
        if (fits(line)) resolve();
      };
    });
    this.#listeners.add(listener);
    try {
      await until(`${this.name} to say what it is to`, Promise.race([said, this.ended]));
      return this.#lines.some(fits);
    } finally {
      this.#listeners.delete(listener);
    }
  }

  /** From now on an end that nobody asks for is told. */
  mustLive(onDeath: (how: string) => void): void {
    if (this.#isOver) onDeath('an end that came at once');
    else this.#onDeath = onDeath;
  }

  /** Its end is wanted from now on, whatever brings it about. */
  mayDie(): void {
    this.#onDeath = undefined;
  }

  async kill(): Promise<void> {
    this.mayDie();
    this.#process.kill('SIGKILL');
    await this.ended;
  }

  pause(): void {
    this.#process.kill('SIGSTOP');
  }

  resume(): void {
    this.#process.kill('SIGCONT');
  }

  /** Asks it to stop and waits until it has. */
  async stop(): Promise<void> {
    this.mayDie();
    this.resume();
    this.#process.kill('SIGTERM');
    await until(`${this.name} to stop`, this.ended);
  }

  #hear(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > LINES_KEPT) this.#lines.shift();
    for (const listener of [...this.#listeners]) listener(line);
  }
}

/** That of a user who has set nothing of rota. */
function environment(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(ROTA_|NODE_|VITEST)/.test(name));
  return { ...Object.fromEntries(inherited), ...more };
}
