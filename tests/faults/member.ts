import { sleep, systemClock } from '#rota/clock.js';
import { Child } from './child.js';

/** How often, and how soon, a process is started again that found nobody to talk to. */
const STARTS_MAX = 50;
const START_AGAIN_MS = 100;

export type Environment = Readonly<Record<string, string>>;

export interface MemberOptions {
  readonly name: string;
  readonly args: readonly string[];
  readonly logFile: string;
  /** What it says when it does its part. */
  readonly ready: RegExp;
  readonly onLine?: (line: string) => void;
  /** It did its part, and ended unasked. */
  readonly onDeath: (problem: string) => void;
}

/**
 * A place in a cluster, through all the processes that take it. A process that ends before it is ready found no server
 * or no database: it is started again, as an init system does.
 */
export class Member {
  readonly name: string;
  readonly #options: MemberOptions;
  #child: Child | undefined;
  /** Whoever kills or stops it ends the start that is under way, also while that one has no process just then. */
  #start = new AbortController();

  constructor(options: MemberOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get child(): Child {
    if (this.#child === undefined) throw new Error(`${this.name} was not started.`);
    return this.#child;
  }

  /** Resolves once it is ready, or when it was killed or stopped before. */
  async start(env: Environment = {}): Promise<void> {
    const { args, logFile, ready, onDeath } = this.#options;
    const { name } = this;
    this.#start = new AbortController();
    const { signal } = this.#start;
    for (let starts = 1; starts <= STARTS_MAX; starts++) {
      const child = new Child({ name, args, env, logFile, onLine: (line) => this.hear(line) });
      this.#child = child;
      const isReady = await child.says((line) => ready.test(line));
      if (signal.aborted) return;
      if (isReady) return child.mustLive((how) => onDeath(`${name} ended with ${how}, and nobody asked for it`));
      await sleep(systemClock, START_AGAIN_MS, signal);
      if (signal.aborted) return;
    }
    throw new Error(`${name} does not start: ${this.child.lines.at(-1)}`);
  }

  async kill(): Promise<void> {
    this.#start.abort();
    await this.#child?.kill();
  }

  async stop(): Promise<void> {
    this.#start.abort();
    if (this.#child !== undefined && !this.#child.isOver) await this.#child.stop();
  }

  protected hear(line: string): void {
    this.#options.onLine?.(line);
  }
}
