import { Log } from '../support/signals.js';
import { Member } from './member.js';
import { until } from './until.js';

/** A coordinator's place in a cluster, and whether who has it leads. */
export class Coordinator extends Member {
  readonly #said = new Log<string>();
  #epoch = 0;
  readonly #waiting = new Set<() => void>();

  /** The epoch under which it leads, as far as it said; 0 while it does not. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Resolves as soon as it leads under a later epoch than this. */
  leads(after: number): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (this.#epoch <= after) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** How often its log has this message, of all processes in its place. */
  times(message: RegExp): number {
    return this.#said.items.filter((said) => message.test(said)).length;
  }

  /** Resolves once its log has this message so many times. */
  async logs(message: RegExp, times = 1): Promise<void> {
    await until(
      `${this.name} to log ${message} ${times} times`,
      this.#said.until(() => this.times(message) >= times),
    );
  }

  override async kill(): Promise<void> {
    await super.kill();
    this.#epoch = 0;
  }

  override async stop(): Promise<void> {
    await super.stop();
    this.#epoch = 0;
  }

  protected override hear(line: string): void {
    if (!line.startsWith('{')) return;
    const { msg = '', epoch = 0 }: { msg?: string; epoch?: number } = JSON.parse(line);
    if (msg === 'leading') this.#epoch = epoch;
    else if (/^(no longer leading|stopped)/.test(msg)) this.#epoch = 0;
    this.#said.push(msg);
    for (const look of [...this.#waiting]) look();
  }
}
