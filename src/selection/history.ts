import type { HistoryEntry } from '../protocol/journal.js';
import type { Policy } from '../protocol/policy.js';
import type { Roster } from './roster.js';

/** What was assigned longer ago is forgotten. */
const KEEP_MS = 24 * 3_600_000;

/** No agent has this id. */
const NOBODY = '';

export type HistoryPolicy = Pick<Policy, 'historySize' | 'rotationWindowMinutes' | 'assignmentsPerWindow'>;

/** What is known of one agent that has entries. */
interface Served {
  entries: number;
  /** Those of them within the rotation window. */
  inWindow: number;
  lastMs: number;
}

/**
 * The last assignments of one pool: who, what, when, and nothing else of anybody. It marks in the roster
 * whom the rotation passes over because it was served a short while ago.
 *
 * Must hold: entries are in order of time, so `monoMs` never falls; an agent is marked as recent if and only if
 * at least `assignmentsPerWindow` of the entries are its own and younger than the window. So whoever
 * restores the entries has restored the marks.
 */
export class AssignmentHistory {
  readonly #marks: Pick<Roster, 'get' | 'setRecent'>;
  #policy: HistoryPolicy;
  #windowMs: number;
  /** A ring: the oldest is at `#first`. */
  #ring: HistoryEntry[] = [];
  #first = 0;
  #size = 0;
  /** How many of the youngest are within the window. */
  #inWindow = 0;
  #nowMs = -Infinity;
  readonly #served = new Map<string, Served>();

  constructor(marks: Pick<Roster, 'get' | 'setRecent'>, policy: HistoryPolicy) {
    this.#marks = marks;
    this.#policy = policy;
    this.#windowMs = policy.rotationWindowMinutes * 60_000;
  }

  /** Takes over another policy, for what was assigned before too. */
  configure(policy: HistoryPolicy): void {
    const entries = this.entries();
    this.clear();
    this.#policy = policy;
    this.#windowMs = policy.rotationWindowMinutes * 60_000;
    this.restore(entries);
  }

  push(agentId: string, taskId: string, monoMs: number): void {
    this.#append({ agentId, taskId, monoMs });
    this.advance(monoMs);
  }

  /** Lets go what is too old by now. */
  advance(monoMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, monoMs);
    while (this.#inWindow > 0 && this.#nowMs - this.#at(this.#size - this.#inWindow).monoMs >= this.#windowMs) {
      this.#leaveWindow();
    }
    while (this.#size > 0 && this.#nowMs - this.#at(0).monoMs >= KEEP_MS) this.#dropOldest();
  }

  wasRecentlyAssigned(agentId: string, windowMs: number, monoMs: number): boolean {
    const served = this.#served.get(agentId);
    return served !== undefined && monoMs - served.lastMs < windowMs;
  }

  /** When each agent that is marked will be so no longer, if it is assigned nothing more. */
  windowEnds(): Map<string, number> {
    const counts = new Map<string, number>();
    const ends = new Map<string, number>();
    for (let nth = this.#size - 1; nth >= this.#size - this.#inWindow; nth--) {
      const { agentId, monoMs } = this.#at(nth);
      const count = (counts.get(agentId) ?? 0) + 1;
      counts.set(agentId, count);
      if (count === this.#policy.assignmentsPerWindow) ends.set(agentId, monoMs + this.#windowMs);
    }
    return ends;
  }

  /** Oldest first. */
  entries(): HistoryEntry[] {
    return Array.from({ length: this.#size }, (_, nth) => this.#at(nth));
  }

  /** Starts from these, oldest first. The agents must be in the roster already. */
  restore(entries: readonly HistoryEntry[]): void {
    this.clear();
    for (const entry of entries) this.#append(entry);
    this.advance(entries.at(-1)?.monoMs ?? this.#nowMs);
  }

  clear(): void {
    while (this.#size > 0) this.#dropOldest();
    this.#ring = [];
    this.#first = 0;
  }

  /**
   * An agent is no more: if it ever comes back, it is a newcomer. What it was assigned keeps its place, so
   * that the entries are the pool's last decisions, whoever is gone since.
   */
  forget(agentId: string): void {
    if (!this.#served.has(agentId)) return;
    this.restore(this.entries().map((entry) => (entry.agentId === agentId ? { ...entry, agentId: NOBODY } : entry)));
  }

  #append(entry: HistoryEntry): void {
    const { historySize, assignmentsPerWindow } = this.#policy;
    if (this.#size === historySize) this.#dropOldest();
    this.#ring[(this.#first + this.#size) % historySize] = entry;
    this.#size++;
    const served = this.#served.get(entry.agentId) ?? { entries: 0, inWindow: 0, lastMs: 0 };
    served.entries++;
    served.lastMs = entry.monoMs;
    this.#served.set(entry.agentId, served);
    if (this.#windowMs === 0) return;
    this.#inWindow++;
    served.inWindow++;
    if (served.inWindow === assignmentsPerWindow) this.#mark(entry.agentId, true);
  }

  #dropOldest(): void {
    if (this.#inWindow === this.#size) this.#leaveWindow();
    const { agentId } = this.#at(0);
    this.#first = (this.#first + 1) % this.#policy.historySize;
    this.#size--;
    const served = this.#servedOf(agentId);
    served.entries--;
    if (served.entries === 0) this.#served.delete(agentId);
  }

  /** The oldest that is within the window is so no longer. */
  #leaveWindow(): void {
    const { agentId } = this.#at(this.#size - this.#inWindow);
    this.#inWindow--;
    const served = this.#servedOf(agentId);
    if (served.inWindow === this.#policy.assignmentsPerWindow) this.#mark(agentId, false);
    served.inWindow--;
  }

  #mark(agentId: string, isRecent: boolean): void {
    const member = this.#marks.get(agentId);
    if (member !== undefined) this.#marks.setRecent(member, isRecent);
  }

  #at(nth: number): HistoryEntry {
    return this.#ring[(this.#first + nth) % this.#policy.historySize] as HistoryEntry;
  }

  #servedOf(agentId: string): Served {
    return this.#served.get(agentId) as Served;
  }
}
