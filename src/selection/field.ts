import type { Exclusion } from '../protocol/decision.js';
import { type Bitset, countIn } from './bitset.js';
import { type Candidates, FoundCandidates, OneCandidate } from './candidates.js';
import { type Demand, exclusionOf, type Look } from './exclusion.js';
import type { Fit } from './fits.js';
import type { Requirement } from './requirement.js';
import { isHandoffOnly, type Member, type Roster } from './roster.js';
import { STATES, type StateSets } from './states.js';

export type ExclusionCounts = Partial<Record<Exclusion, number>>;

/** Who of a pool may get one task, and how many may not and why, at one moment. */
export interface Field {
  /** Whom this look finds; undefined where it finds nobody. */
  candidates(look: Look): Candidates | undefined;
  /** How many it does not find, each under the first reason that holds for it; reasons of nobody are left out. */
  excluded(look: Look): ExclusionCounts;
}

export function fieldOf(roster: Roster, demand: Demand): Field {
  const { assignee } = demand.requirement;
  return assignee === undefined ? new PoolField(roster, demand) : new AssigneeField(roster, demand, assignee);
}

/** Counts without looking at agents one by one: a task without labels costs the same in a pool of any size. */
class PoolField implements Field {
  readonly #roster: Roster;
  readonly #requirement: Requirement;
  readonly #fit: Fit;
  readonly #kinds: readonly StateSets[];
  /** Agents that the task excludes by name and that have its labels. */
  readonly #named: readonly Member[];
  /** Those of them that are of the kinds that it may go to. */
  readonly #namedOfKinds: readonly Member[];
  /** Agents that fit, could take it now, and had it before. */
  readonly #tried: readonly Member[];

  constructor(roster: Roster, { requirement, triedBefore }: Demand) {
    this.#roster = roster;
    this.#requirement = requirement;
    this.#fit = roster.fit(requirement);
    this.#kinds = roster.kindsFor(requirement.isHandoff);
    const { bits } = this.#fit;
    this.#named = known(roster, requirement.excludeAgents, ({ index }) => bits === undefined || bits.has(index));
    this.#namedOfKinds = this.#named.filter((member) => requirement.isHandoff || !isHandoffOnly(member));
    this.#tried = known(roster, triedBefore, (one) => roster.isAvailable(one) && roster.fits(one, requirement));
  }

  candidates(look: Look): Candidates | undefined {
    if (!this.#kinds.some((kind) => look.states.some((state) => kind.in(state).size > 0))) return undefined;
    const roster = this.#roster;
    const slotsOf = (index: number) => roster.at(index)?.slots ?? 0;
    const source = { kinds: this.#kinds, states: look.states, bits: this.#fit.bits, slotsOf };
    const candidates = new FoundCandidates(source, this.#without(look));
    return candidates.count === 0 ? undefined : candidates;
  }

  excluded(look: Look): ExclusionCounts {
    const counts: ExclusionCounts = {};
    set(counts, 'capability', this.#fit.lacksCapability);
    set(counts, 'role', this.#fit.lacksRole);
    set(counts, 'excluded', this.#named.length);
    if (!this.#requirement.isHandoff) {
      const named = this.#named.length - this.#namedOfKinds.length;
      set(counts, 'handoffOnly', this.#countOf(this.#roster.handoffOnly) - named);
    }
    for (const state of STATES) {
      if (state === 'free' || (state === 'recent' && look.states.includes(state))) continue;
      let count = 0;
      for (const kind of this.#kinds) count += this.#countOf(kind.in(state));
      for (const member of this.#namedOfKinds) if (member.state === state) count--;
      set(counts, state, count);
    }
    if (!look.takesTried) {
      const isCounted = ({ state }: Member) => state === 'free' || look.states.includes('recent');
      set(counts, 'triedBefore', this.#tried.filter(isCounted).length);
    }
    return counts;
  }

  /** The indexes that this look finds and passes over. */
  #without(look: Look): ReadonlySet<number> {
    if (this.#namedOfKinds.length === 0 && this.#tried.length === 0) return NOBODY;
    const members = look.takesTried ? this.#namedOfKinds : [...this.#namedOfKinds, ...this.#tried];
    const states: readonly string[] = look.states;
    return new Set(members.filter(({ state }) => states.includes(state)).map(({ index }) => index));
  }

  /** How many of a set have the labels. */
  #countOf(set: Bitset): number {
    const { bits } = this.#fit;
    return bits === undefined || set.size === 0 ? set.size : countIn({ anyOf: [set], allOf: [bits] });
  }
}

/** Of a task that names its agent: there is one to look at. */
class AssigneeField implements Field {
  readonly #fit: Fit;
  readonly #demand: Demand;
  /** The one, where it is registered and has the labels. */
  readonly #member: Member | undefined;

  constructor(roster: Roster, demand: Demand, assignee: string) {
    this.#fit = roster.fit(demand.requirement);
    this.#demand = demand;
    const { bits } = this.#fit;
    [this.#member] = known(roster, [assignee], ({ index }) => bits === undefined || bits.has(index));
  }

  candidates(look: Look): Candidates | undefined {
    const member = this.#member;
    if (member === undefined || exclusionOf(member, this.#demand, look) !== undefined) return undefined;
    return new OneCandidate(member.index, member.slots);
  }

  excluded(look: Look): ExclusionCounts {
    const member = this.#member;
    const counts: ExclusionCounts = {};
    set(counts, 'capability', this.#fit.lacksCapability);
    set(counts, 'role', this.#fit.lacksRole);
    set(counts, 'assignee', this.#fit.size - (member === undefined ? 0 : 1));
    const reason = member && exclusionOf(member, this.#demand, look);
    if (reason !== undefined) set(counts, reason, 1);
    return counts;
  }
}

const NOBODY: ReadonlySet<number> = new Set();

/** Those of them that are registered and that `isMeant` holds for. */
function known(roster: Roster, ids: Iterable<string>, isMeant: (member: Member) => boolean): Member[] {
  const members: Member[] = [];
  for (const id of ids) {
    const member = roster.get(id);
    if (member !== undefined && isMeant(member)) members.push(member);
  }
  return members;
}

/** Reasons are set in the order of `EXCLUSIONS`, so that the same counts read the same; those of nobody are left out. */
function set(counts: ExclusionCounts, reason: Exclusion, count: number): void {
  if (count > 0) counts[reason] = count;
}
