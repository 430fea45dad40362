import { Heap } from '../selection/heap.js';

/**
 * What is due when. A deadline that moved or lapsed is not searched for: whoever takes it looks at
 * the thing itself and decides, so that renewing one costs nothing.
 */
export class Deadlines<T> {
  readonly #heap = new Heap<{ readonly dueMs: number; readonly item: T }>((a, b) => a.dueMs - b.dueMs);

  add(dueMs: number, item: T): void {
    this.#heap.push({ dueMs, item });
  }

  /** Takes the next item that is due at `nowMs`. */
  take(nowMs: number): T | undefined {
    const first = this.#heap.peek();
    if (first === undefined || first.dueMs > nowMs) return undefined;
    return this.#heap.pop()?.item;
  }
}
