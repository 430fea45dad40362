import type { AgentProfile, Presence } from '../protocol/agent.js';
import type { RotaError } from '../protocol/errors.js';
import type { PerformanceImage } from '../protocol/journal.js';
import { Bitset, nextBeyond } from './bitset.js';
import { growAgentColumns, roomFor, writeId } from './columns.js';
import { Embeddings } from './embeddings.js';
import { type Fit, Fits } from './fits.js';
import { LABEL_KINDS, type LabelKind, Labels } from './labels.js';
import { type Performance, PerformanceTable } from './performance.js';
import type { Requirement } from './requirement.js';
import type { AgentColumns, ScoreJob, WorkTypeColumns } from './score-job.js';
import { isAvailableState, type Standing, type State, StateSets } from './states.js';

/** One agent, as its pool's selector knows it. The roster alone changes it. */
export interface Member extends Standing {
  readonly id: string;
  /** Its place in the rotation, for as long as it is registered. */
  readonly index: number;
  /** How many had joined by then: whoever has an index after it has a higher number. */
  readonly joined: number;
  readonly session: string;
  readonly profile: AgentProfile;
  readonly presence: Presence;
  readonly isCordoned: boolean;
  readonly isOffDuty: boolean;
  /** Served within the rotation window. */
  readonly isRecent: boolean;
  /** Tasks that it holds, running and prefetched. */
  readonly load: number;
}
type Seat = { -readonly [Field in keyof Member]: Member[Field] };

/**
 * The agents of one pool, and the sets that answer who may take a task. Owned by one selector.
 *
 * Must hold: every agent is in the sets of its standing and in no others; a label's set has exactly the
 * agents that carry the label; the columns say of every agent what its member says; an index is one
 * agent's until it is removed, and then the next newcomer's that needs one so low.
 */
export class Roster {
  readonly #seats: (Seat | undefined)[] = [];
  readonly #byId = new Map<string, Seat>();
  readonly #everyone = new Bitset();
  /** Those that listen, and those that get handoffs alone. */
  readonly #listening = new StateSets();
  readonly #handoffOnly = new StateSets();
  readonly #labels = new Labels();
  readonly #fits = new Fits(this.#labels, this.#everyone);
  readonly #performance = new PerformanceTable();
  readonly #embeddings = new Embeddings();
  #columns: AgentColumns = growAgentColumns(undefined, roomFor(0, 0));
  /** No index below it is free. */
  #nextIndex = 0;
  #joins = 0;

  get size(): number {
    return this.#byId.size;
  }

  /** The index that the next newcomer gets: the lowest that is free. */
  get nextIndex(): number {
    return this.#nextIndex;
  }

  /** How many agents ever joined. */
  get joins(): number {
    return this.#joins;
  }

  members(): Iterable<Member> {
    return this.#byId.values();
  }

  get(id: string): Member | undefined {
    return this.#byId.get(id);
  }

  at(index: number): Member | undefined {
    return this.#seats[index];
  }

  // ── who is there ───────────────────────────────────────────────────────────────────────────────

  /** Whether the pool may have the labels that it has once this agent carries those of the profile. */
  hasRoomFor(id: string, profile: AgentProfile): boolean {
    return this.#labels.hasRoomFor(this.#byId.get(id)?.profile, profile);
  }

  /** Why an agent can't have this embedding; undefined where it can. */
  embeddingFault(id: string, profile: AgentProfile): RotaError | undefined {
    return this.#embeddings.fault(this.#byId.get(id)?.index, profile.embedding);
  }

  /**
   * Adds an agent, or takes over what a known one says of itself now. A new one is offline, without flags.
   * @throws RotaError INVALID_VALUE where `embeddingFault` finds one; nothing has changed then.
   */
  put(id: string, index: number, session: string, profile: AgentProfile): Member {
    const known = this.#byId.get(id);
    const fault = this.embeddingFault(id, profile);
    if (fault !== undefined) throw fault;
    const seat = known ?? this.#newSeat(id, index, session, profile);
    const isMoved = known === undefined || known.profile.availability !== profile.availability;
    if (known !== undefined && isMoved) this.#setsOf(known).delete(known.index, known);
    if (known === undefined || !hasSameLabels(known.profile, profile)) {
      if (known !== undefined) this.#labels.delete(known.index, known.profile);
      this.#labels.add(seat.index, profile);
      this.#fits.labelsChanged();
    }
    seat.session = session;
    seat.profile = profile;
    this.#embeddings.set(seat.index, profile.embedding);
    this.#columns.maxConcurrency[seat.index] = profile.maxConcurrency;
    if (isMoved) this.#setsOf(seat).add(seat.index, seat);
    this.#refresh(seat);
    return seat;
  }

  /** Forgets an agent and how it has done. Whatever it held must have been released. */
  remove(member: Member): void {
    const { id, index } = member;
    if (member.load > 0) throw new Error(`Agent ${id} holds ${member.load} tasks and can't be removed.`);
    this.#setsOf(member).delete(index, member);
    this.#labels.delete(index, member.profile);
    this.#embeddings.delete(index);
    this.#performance.forget(index);
    this.#columns.recentLoads[index] = 0;
    this.#everyone.delete(index);
    this.#fits.labelsChanged();
    this.#byId.delete(id);
    this.#seats[index] = undefined;
    this.#nextIndex = Math.min(this.#nextIndex, index);
  }

  setPresence(member: Member, presence: Presence): void {
    const seat = this.#seat(member);
    seat.presence = presence;
    this.#refresh(seat);
  }

  setFlag(member: Member, flag: 'cordoned' | 'offDuty', isSet: boolean): void {
    const seat = this.#seat(member);
    if (flag === 'cordoned') seat.isCordoned = isSet;
    else seat.isOffDuty = isSet;
    this.#refresh(seat);
  }

  /** For the assignment history alone: whether it was served within the rotation window. */
  setRecent(member: Member, isRecent: boolean): void {
    const seat = this.#seat(member);
    seat.isRecent = isRecent;
    this.#refresh(seat);
  }

  // ── what it holds, and how it has done ─────────────────────────────────────────────────────────

  /** Counts one more task that the agent holds. */
  take(member: Member): void {
    this.#setLoad(member, member.load + 1);
  }

  /** Counts one task less. */
  release(member: Member): void {
    this.#setLoad(member, member.load - 1);
  }

  /** For the open load alone: one more, or one less, of what it holds was assigned a short while ago. */
  addRecentLoad(index: number, change: 1 | -1): void {
    const { recentLoads } = this.#columns;
    recentLoads[index] = (recentLoads[index] as number) + change;
  }

  /** Whether the pool may have all of these beside those that it has. */
  hasRoomForWorkTypes(workTypes: ReadonlySet<string>): boolean {
    return this.#performance.hasRoomFor(workTypes);
  }

  noteWorkType(workType: string): void {
    this.#performance.noteWorkType(workType);
  }

  note(member: Member, workType: string, outcome: 'success' | 'failure', monoMs: number): void {
    this.#performance.note(member.index, workType, outcome, monoMs);
  }

  /** What is said of an agent that is not registered is left out. */
  restorePerformance(image: PerformanceImage): void {
    const member = this.#byId.get(image.agentId);
    if (member !== undefined) this.#performance.restore(member.index, image);
  }

  performanceOf(member: Member, workType: string): Performance {
    return this.#performance.of(member.index, workType);
  }

  // ── who may take a task ────────────────────────────────────────────────────────────────────────

  /** Whether it may take one more task now. */
  isAvailable(member: Member): boolean {
    return isAvailableState(member.state);
  }

  /** How many agents may take one more task now, whatever it asks for. */
  get availableCount(): number {
    return this.#listening.availableCount + this.#handoffOnly.availableCount;
  }

  /** Whether the agent is one that the task may go to, free or not. */
  fits(member: Member, requirement: Requirement): boolean {
    const { assignee, excludeAgents, isHandoff } = requirement;
    if (assignee !== undefined && assignee !== member.id) return false;
    if (!isHandoff && isHandoffOnly(member)) return false;
    if (excludeAgents.includes(member.id)) return false;
    const { bits } = this.fit(requirement);
    return bits === undefined || bits.has(member.index);
  }

  /** Whether any agent that is registered fits. */
  couldFit(requirement: Requirement): boolean {
    const { assignee, excludeAgents, isHandoff } = requirement;
    if (assignee !== undefined) {
      const member = this.#byId.get(assignee);
      return member !== undefined && this.fits(member, requirement);
    }
    const { bits } = this.fit(requirement);
    const anyOf = isHandoff ? [this.#everyone] : [this.#listening.all];
    const excluded = new Set(excludeAgents.map((id) => this.#byId.get(id)?.index ?? -1));
    return nextBeyond({ anyOf, allOf: bits === undefined ? [] : [bits] }, -1, excluded) !== -1;
  }

  /** Who has the labels that it names. */
  fit(requirement: Requirement): Fit {
    return this.#fits.of(requirement);
  }

  /** Those that tasks of this kind may go to, by state. */
  kindsFor(isHandoff: boolean): readonly StateSets[] {
    return isHandoff ? [this.#listening, this.#handoffOnly] : [this.#listening];
  }

  /** Agents that get handoffs alone. */
  get handoffOnly(): Bitset {
    return this.#handoffOnly.all;
  }

  // ── what scoring reads ─────────────────────────────────────────────────────────────────────────

  get columns(): AgentColumns {
    return this.#columns;
  }

  workTypeColumns(workType: string): WorkTypeColumns | undefined {
    return this.#performance.columns(workType);
  }

  get embeddings(): ScoreJob['embeddings'] {
    return this.#embeddings.columns;
  }

  carriers(kind: LabelKind, label: string): Bitset | undefined {
    return this.#labels.carriers(kind, label);
  }

  labels(kind: LabelKind): ReadonlyMap<string, Bitset> {
    return this.#labels.all(kind);
  }

  // ── parts ──────────────────────────────────────────────────────────────────────────────────────

  #newSeat(id: string, index: number, session: string, profile: AgentProfile): Seat {
    const room = roomFor(index, this.#columns.loads.length);
    if (room > this.#columns.loads.length) this.#columns = growAgentColumns(this.#columns, room);
    writeId(this.#columns, index, id);
    const flags = { isCordoned: false, isOffDuty: false, isRecent: false };
    const standing: Standing = { state: 'offline', slots: profile.maxConcurrency };
    const joined = ++this.#joins;
    const seat: Seat = { id, index, joined, session, profile, presence: 'offline', ...flags, load: 0, ...standing };
    this.#byId.set(id, seat);
    this.#seats[index] = seat;
    this.#everyone.add(index);
    this.#nextIndex = this.#everyone.firstMissing(this.#nextIndex);
    return seat;
  }

  #setLoad(member: Member, load: number): void {
    const seat = this.#seat(member);
    seat.load = load;
    this.#columns.loads[seat.index] = load;
    this.#refresh(seat);
  }

  #seat(member: Member): Seat {
    const seat = this.#seats[member.index];
    if (seat !== member) throw new Error(`Agent ${member.id} is not registered any more.`);
    return seat;
  }

  #setsOf(member: Member): StateSets {
    return isHandoffOnly(member) ? this.#handoffOnly : this.#listening;
  }

  #refresh(seat: Seat): void {
    const state = stateOf(seat);
    const slots = Math.max(0, seat.profile.maxConcurrency - seat.load);
    if (state === seat.state && slots === seat.slots) return;
    this.#setsOf(seat).move(seat.index, seat, { state, slots });
    seat.state = state;
    seat.slots = slots;
  }
}

export function isHandoffOnly(member: Member): boolean {
  return member.profile.availability === 'source';
}

function stateOf({ profile, isCordoned, presence, isOffDuty, isRecent, load }: Member): State {
  if (!profile.enabled) return 'disabled';
  if (isCordoned) return 'cordoned';
  if (presence !== 'online') return 'offline';
  if (isOffDuty) return 'offDuty';
  if (load >= profile.maxConcurrency + profile.prefetch) return 'busy';
  return isRecent ? 'recent' : 'free';
}

function hasSameLabels(one: AgentProfile, other: AgentProfile): boolean {
  return LABEL_KINDS.every((kind) => one[kind].join(' ') === other[kind].join(' '));
}
