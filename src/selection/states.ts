import { Bitset } from './bitset.js';

/** Every agent is in exactly one, the first that holds for it. The last two may take one more task now. */
export const STATES = ['disabled', 'cordoned', 'offline', 'offDuty', 'busy', 'recent', 'free'] as const;
export type State = (typeof STATES)[number];
export type AvailableState = Extract<State, 'recent' | 'free'>;

export function isAvailableState(state: State): state is AvailableState {
  return state === 'recent' || state === 'free';
}

/** Where an agent stands: its state, and how many tasks it could begin at once. */
export interface Standing {
  readonly state: State;
  readonly slots: number;
}

/**
 * The agents of one kind by state, and those that may take a task by free slots too.
 *
 * Must hold: an agent is in the set of its state and in no other; one that may take a task is in the
 * level of its slots, of its state, and in no other.
 */
export class StateSets {
  readonly all = new Bitset();
  readonly #byState = Object.fromEntries(STATES.map((state) => [state, new Bitset()])) as Record<State, Bitset>;
  /** By free slots; one that nobody had yet is missing. */
  readonly #levels: Record<AvailableState, (Bitset | undefined)[]> = { free: [], recent: [] };

  in(state: State): Bitset {
    return this.#byState[state];
  }

  level(state: AvailableState, slots: number): Bitset | undefined {
    return this.#levels[state][slots];
  }

  /** The most free slots that an agent in this state ever had. */
  topLevel(state: AvailableState): number {
    return this.#levels[state].length - 1;
  }

  get availableCount(): number {
    return this.#byState.free.size + this.#byState.recent.size;
  }

  add(index: number, { state, slots }: Standing): void {
    this.all.add(index);
    this.#byState[state].add(index);
    if (isAvailableState(state)) this.#levelOf(state, slots).add(index);
  }

  delete(index: number, { state, slots }: Standing): void {
    this.all.delete(index);
    this.#byState[state].delete(index);
    if (isAvailableState(state)) this.#levelOf(state, slots).delete(index);
  }

  /** Cheaper than to delete and add: most changes leave one of the two as it is. */
  move(index: number, from: Standing, to: Standing): void {
    if (from.state !== to.state) {
      this.#byState[from.state].delete(index);
      this.#byState[to.state].add(index);
    } else if (from.slots === to.slots) return;
    if (isAvailableState(from.state)) this.#levelOf(from.state, from.slots).delete(index);
    if (isAvailableState(to.state)) this.#levelOf(to.state, to.slots).add(index);
  }

  #levelOf(state: AvailableState, slots: number): Bitset {
    const levels = this.#levels[state];
    let level = levels[slots];
    if (level === undefined) {
      level = new Bitset();
      levels[slots] = level;
    }
    return level;
  }
}
