import { Heap } from './heap.js';
import type { Member, Requirement, Roster } from './roster.js';

export interface Waiting {
  readonly taskId: string;
  readonly requirement: Requirement;
  readonly priority: number;
  readonly order: number;
}

/**
 * The tasks of one pool that wait for an agent: the oldest of the highest priority first, apart for
 * each requirement, so that a task that nobody can take now holds up none that somebody can.
 *
 * A task that stopped waiting (cancelled, say) is not searched for: it is dropped when it comes up.
 */
export class WaitingLine {
  readonly #groups = new Map<string, { requirement: Requirement; line: Heap<Waiting> }>();
  readonly #isWaiting: (entry: Waiting) => boolean;

  constructor(isWaiting: (entry: Waiting) => boolean) {
    this.#isWaiting = isWaiting;
  }

  push(entry: Waiting): void {
    let group = this.#groups.get(entry.requirement.key);
    if (group === undefined) {
      group = { requirement: entry.requirement, line: new Heap(byTurn) };
      this.#groups.set(entry.requirement.key, group);
    }
    group.line.push(entry);
  }

  /** The task that this agent should take next; it stays in line until it is assigned. */
  firstFor(roster: Roster, member: Member): Waiting | undefined {
    let first: Waiting | undefined;
    for (const [key, group] of this.#groups) {
      const head = this.#head(key, group.line);
      if (head === undefined || (first !== undefined && byTurn(head, first) >= 0)) continue;
      if (roster.fits(member, group.requirement)) first = head;
    }
    return first;
  }

  #head(key: string, line: Heap<Waiting>): Waiting | undefined {
    for (;;) {
      const head = line.peek();
      if (head === undefined) {
        this.#groups.delete(key);
        return undefined;
      }
      if (this.#isWaiting(head)) return head;
      line.pop();
    }
  }
}

function byTurn(a: Waiting, b: Waiting): number {
  return a.priority - b.priority || a.order - b.order;
}
