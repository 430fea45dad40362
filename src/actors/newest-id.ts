import { isTimeSorted } from '../ids.js';

/**
 * The latest of all ids that sort by time, over every task that there ever was. An id that sorts after
 * it belongs to none of them, so a submit with such ids needs no look into the store. No clock is
 * believed: an id from a clock that is behind is looked up, like any other.
 */
export class NewestId {
  #newest: string;

  constructor(newest: string) {
    this.#newest = newest;
  }

  note(id: string): void {
    if (id > this.#newest && isTimeSorted(id)) this.#newest = id;
  }

  /** Whether no task can have this id. */
  isNew(id: string): boolean {
    return id > this.#newest && isTimeSorted(id);
  }
}
