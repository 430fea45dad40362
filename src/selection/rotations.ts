import { LIMITS } from '../protocol/limits.js';

/** The rotation of tasks without labels, and of kinds that came too late for one of their own. */
const SHARED = '';

/**
 * Whom each rotation of a pool served last, by index; -1 where it served nobody yet. Each kind of task, by
 * the `labelsKey` of its requirement, has one of its own: with a single one, tasks that only some agents may
 * take would move it past others again and again, and those would get nothing.
 *
 * Must hold: the same moves in the same order give the same rotations, and there are no more than
 * `LIMITS.rotationsPerPool`.
 */
export class Rotations {
  readonly #cursors = new Map([[SHARED, -1]]);

  /** A kind that was never served begins where the shared one stands: not everything begins with the first agent. */
  cursorOf(labelsKey: string): number {
    return this.#cursors.get(labelsKey) ?? this.#shared;
  }

  /** The rotation that a task of this kind moves. */
  keyFor(labelsKey: string): string {
    return this.#cursors.has(labelsKey) || this.#cursors.size < LIMITS.rotationsPerPool ? labelsKey : SHARED;
  }

  move(rotation: string, cursor: number): void {
    this.#cursors.set(rotation, cursor);
  }

  /** All begin anew. */
  clear(): void {
    this.#cursors.clear();
    this.#cursors.set(SHARED, -1);
  }

  restore(cursors: Readonly<Record<string, number>>): void {
    for (const [rotation, cursor] of Object.entries(cursors)) this.move(rotation, cursor);
  }

  entries(): Record<string, number> {
    return Object.fromEntries(this.#cursors);
  }

  get #shared(): number {
    return this.#cursors.get(SHARED) ?? -1;
  }
}
