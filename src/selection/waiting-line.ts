import { Heap } from './heap.js';
import type { Requirement } from './requirement.js';
import type { Member, Roster } from './roster.js';

export interface Waiting {
  readonly taskId: string;
  readonly requirement: Requirement;
  readonly priority: number;
  readonly order: number;
}

interface Group {
  readonly requirement: Requirement;
  readonly line: Heap<Waiting>;
}
type Groups = Map<string, Group>;

/**
 * The tasks of one pool that wait for an agent: the oldest of the highest priority first, apart for
 * each requirement, so that a task that nobody can take now holds up none that somebody can. Tasks that
 * name their agent are kept by agent: however many agents are named, nobody looks at another's.
 *
 * A task that stopped waiting (cancelled, say) is not searched for: it is dropped when it comes up.
 */
export class WaitingLine {
  readonly #open: Groups = new Map();
  readonly #byAssignee = new Map<string, Groups>();
  readonly #isWaiting: (entry: Waiting) => boolean;

  constructor(isWaiting: (entry: Waiting) => boolean) {
    this.#isWaiting = isWaiting;
  }

  push(entry: Waiting): void {
    const groups = this.#groupsOf(entry.requirement);
    let group = groups.get(entry.requirement.key);
    if (group === undefined) {
      group = { requirement: entry.requirement, line: new Heap(byTurn) };
      groups.set(entry.requirement.key, group);
    }
    group.line.push(entry);
  }

  /** The task that this agent should take next; it stays in line until it is assigned. */
  firstFor(roster: Roster, member: Member): Waiting | undefined {
    const first = this.#firstOf(this.#open, roster, member, undefined);
    const own = this.#byAssignee.get(member.id);
    if (own === undefined) return first;
    const ownFirst = this.#firstOf(own, roster, member, first);
    if (own.size === 0) this.#byAssignee.delete(member.id);
    return ownFirst;
  }

  /** The first of these groups and `best` that fits the agent. */
  #firstOf(groups: Groups, roster: Roster, member: Member, best: Waiting | undefined): Waiting | undefined {
    let first = best;
    for (const [key, { requirement, line }] of groups) {
      const head = this.#head(line);
      if (head === undefined) groups.delete(key);
      else if ((first === undefined || byTurn(head, first) < 0) && roster.fits(member, requirement)) first = head;
    }
    return first;
  }

  #head(line: Heap<Waiting>): Waiting | undefined {
    for (let head = line.peek(); head !== undefined; head = line.peek()) {
      if (this.#isWaiting(head)) return head;
      line.pop();
    }
    return undefined;
  }

  #groupsOf({ assignee }: Requirement): Groups {
    if (assignee === undefined) return this.#open;
    let groups = this.#byAssignee.get(assignee);
    if (groups === undefined) {
      groups = new Map();
      this.#byAssignee.set(assignee, groups);
    }
    return groups;
  }
}

function byTurn(a: Waiting, b: Waiting): number {
  return a.priority - b.priority || a.order - b.order;
}
