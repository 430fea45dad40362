import type { RotaError } from '../protocol/errors.js';

/** As long as a client waits for an answer, and so as late as its request may be delivered once more. */
const KEPT_MS = 15_000;
const KEPT_MAX = 10_000;

/**
 * Assigns that were refused and left nothing in the journal. One that is delivered twice is refused twice: what its
 * client was told it can't have would else be carried out, and stay with an agent for good.
 */
export class RefusedAssigns {
  /** The earliest first. */
  readonly #refused = new Map<string, { readonly error: RotaError; readonly atMs: number }>();

  get size(): number {
    return this.#refused.size;
  }

  note(principal: string, taskId: string, error: RotaError, monoMs: number): void {
    const key = keyOf(principal, taskId);
    this.#refused.delete(key);
    this.#refused.set(key, { error, atMs: monoMs });
    for (const [first, { atMs }] of this.#refused) {
      if (this.#refused.size <= KEPT_MAX && atMs > monoMs - KEPT_MS) return;
      this.#refused.delete(first);
    }
  }

  find(principal: string, taskId: string, monoMs: number): RotaError | undefined {
    const found = this.#refused.get(keyOf(principal, taskId));
    return found !== undefined && found.atMs > monoMs - KEPT_MS ? found.error : undefined;
  }
}

/** Names have no blanks. */
function keyOf(principal: string, taskId: string): string {
  return `${principal} ${taskId}`;
}
