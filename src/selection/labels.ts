import type { AgentProfile } from '../protocol/agent.js';
import { LIMITS } from '../protocol/limits.js';
import { Bitset } from './bitset.js';

/** What an agent's profile lists labels under. */
export const LABEL_KINDS = ['capabilities', 'roles', 'specializations'] as const;
export type LabelKind = (typeof LABEL_KINDS)[number];
type Labelled = Pick<AgentProfile, LabelKind>;

/**
 * Who carries each label, by kind of label. Must hold: a label has a set if and only if an agent carries
 * it, and the set has exactly those that do.
 */
export class Labels {
  readonly #sets: Record<LabelKind, Map<string, Bitset>> = {
    capabilities: new Map(),
    roles: new Map(),
    specializations: new Map(),
  };

  carriers(kind: LabelKind, label: string): Bitset | undefined {
    return this.#sets[kind].get(label);
  }

  all(kind: LabelKind): ReadonlyMap<string, Bitset> {
    return this.#sets[kind];
  }

  /** Whether the pool may have as many labels as it has once the agent changes from `old` to `profile`. */
  hasRoomFor(old: Labelled | undefined, profile: Labelled): boolean {
    let count = 0;
    for (const kind of LABEL_KINDS) {
      const sets = this.#sets[kind];
      const kept = new Set(profile[kind]);
      const dropped = new Set((old?.[kind] ?? []).filter((label) => !kept.has(label) && sets.get(label)?.size === 1));
      const added = [...kept].filter((label) => !sets.has(label));
      count += sets.size + added.length - dropped.size;
    }
    return count <= LIMITS.labelsPerPool;
  }

  add(index: number, profile: Labelled): void {
    for (const kind of LABEL_KINDS) {
      for (const label of profile[kind]) {
        let carriers = this.#sets[kind].get(label);
        if (carriers === undefined) {
          carriers = new Bitset();
          this.#sets[kind].set(label, carriers);
        }
        carriers.add(index);
      }
    }
  }

  delete(index: number, profile: Labelled): void {
    for (const kind of LABEL_KINDS) {
      for (const label of profile[kind]) {
        const carriers = this.#sets[kind].get(label);
        carriers?.delete(index);
        if (carriers?.size === 0) this.#sets[kind].delete(label);
      }
    }
  }
}
