import { Heap } from '../selection/heap.js';

/**
 * What is due when. A deadline that moved or lapsed is not searched for: whoever takes it looks at
 * the thing itself and decides, so that renewing one costs nothing.
 */
export class Deadlines<T> {
  #heap = newHeap<T>();

  get size(): number {
    return this.#heap.size;
  }

  add(dueMs: number, item: T): void {
    this.#heap.push({ dueMs, item });
  }

  /** Takes the next item that is due at `nowMs`. */
  take(nowMs: number): T | undefined {
    const first = this.#heap.peek();
    if (first === undefined || first.dueMs > nowMs) return undefined;
    return this.#heap.pop()?.item;
  }

  /** Drops what lapsed. */
  retain(isLive: (item: T, dueMs: number) => boolean): void {
    const old = this.#heap;
    this.#heap = newHeap();
    for (let one = old.pop(); one !== undefined; one = old.pop()) if (isLive(one.item, one.dueMs)) this.#heap.push(one);
  }
}

function newHeap<T>(): Heap<{ readonly dueMs: number; readonly item: T }> {
  return new Heap((a, b) => a.dueMs - b.dueMs);
}
