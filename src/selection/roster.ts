import type { AgentProfile, Presence } from '../protocol/agent.js';
import { Bitset, countInAll, nextInAll } from './bitset.js';

/** What a task asks of its agent. Those that ask the same have the same key. */
export interface Requirement {
  readonly key: string;
  readonly capabilities: readonly string[];
}

const ANYONE: Requirement = { key: '', capabilities: [] };

export function requirementOf(capabilities: readonly string[]): Requirement {
  if (capabilities.length === 0) return ANYONE;
  const wanted = [...new Set(capabilities)].sort();
  return { key: wanted.join(' '), capabilities: wanted };
}

/** One agent, as its pool's selector knows it. */
export interface Member {
  readonly id: string;
  /** Its place in the rotation, for good. */
  readonly index: number;
  session: string;
  profile: AgentProfile;
  presence: Presence;
  /** Tasks that it holds, running and prefetched. */
  load: number;
}

/**
 * The agents of one pool, and the bit sets that answer who may take a task. Owned by one selector.
 *
 * Must hold: `available` has an agent if and only if it is online and holds fewer tasks than its
 * credit; a label's set has exactly the agents that carry the label; an index never changes hands.
 */
export class Roster {
  readonly #byIndex: Member[] = [];
  readonly #byId = new Map<string, Member>();
  readonly #available = new Bitset();
  readonly #labels = new Map<string, Bitset>();

  get size(): number {
    return this.#byId.size;
  }

  /** The index that the next newcomer gets. */
  get nextIndex(): number {
    return this.#byIndex.length;
  }

  members(): Iterable<Member> {
    return this.#byId.values();
  }

  get(id: string): Member | undefined {
    return this.#byId.get(id);
  }

  at(index: number): Member | undefined {
    return this.#byIndex[index];
  }

  /** Adds an agent, or takes over what a known one says of itself now. It is offline until `setPresence`. */
  put(id: string, index: number, session: string, profile: AgentProfile): Member {
    const known = this.#byId.get(id);
    const member: Member = known ?? { id, index, session, profile, presence: 'offline', load: 0 };
    for (const label of member.profile.capabilities) this.#label(label).delete(member.index);
    member.session = session;
    member.profile = profile;
    for (const label of profile.capabilities) this.#label(label).add(member.index);
    this.#byId.set(id, member);
    this.#byIndex[member.index] = member;
    this.#refresh(member);
    return member;
  }

  setPresence(member: Member, presence: Presence): void {
    member.presence = presence;
    this.#refresh(member);
  }

  /** Counts one more task that the agent holds. */
  take(member: Member): void {
    member.load++;
    this.#refresh(member);
  }

  /** Counts one task less. */
  release(member: Member): void {
    member.load--;
    this.#refresh(member);
  }

  isAvailable(member: Member): boolean {
    return this.#available.has(member.index);
  }

  /** The next agent in the rotation after `cursor` that may take it now. */
  next(requirement: Requirement, cursor: number): Member | undefined {
    const sets = this.#setsOf(requirement);
    return sets && this.#byIndex[nextInAll(sets, cursor)];
  }

  /** How many agents may take it now. */
  countAvailable(requirement: Requirement): number {
    const sets = this.#setsOf(requirement);
    return sets === undefined ? 0 : countInAll(sets);
  }

  /** Whether the agent has what it takes, free or not. */
  fits(member: Member, requirement: Requirement): boolean {
    return requirement.capabilities.every((label) => this.#labels.get(label)?.has(member.index) === true);
  }

  /** Whose intersection may take it now; undefined where it asks for a label that no agent ever had. */
  #setsOf({ capabilities }: Requirement): Bitset[] | undefined {
    const sets = [this.#available];
    for (const label of capabilities) {
      const set = this.#labels.get(label);
      if (set === undefined) return undefined;
      sets.push(set);
    }
    return sets;
  }

  #label(label: string): Bitset {
    let set = this.#labels.get(label);
    if (set === undefined) {
      set = new Bitset();
      this.#labels.set(label, set);
    }
    return set;
  }

  #refresh(member: Member): void {
    const credit = member.profile.maxConcurrency + member.profile.prefetch;
    if (member.presence === 'online' && member.load < credit) this.#available.add(member.index);
    else this.#available.delete(member.index);
  }
}
