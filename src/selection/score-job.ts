import type { Scoring } from '../protocol/policy.js';

/**
 * What scoring reads of the agents: columns in shared memory, by an agent's index, which threads read
 * without a copy while the pool's selector alone writes them. A number that changes while it is being read
 * makes a score that is a moment old, and no more.
 */
export interface AgentColumns {
  /** Ids: for each agent one byte of length and 64 of ASCII. */
  readonly ids: Uint8Array;
  /** Tasks that it holds. */
  readonly loads: Int32Array;
  /** Of those, the ones assigned within the scoring's `loadMs`. */
  readonly recentLoads: Int32Array;
  /** Tasks that it works on at a time. */
  readonly maxConcurrency: Int32Array;
}

/** How agents have done in one work type. */
export interface WorkTypeColumns {
  readonly successes: Uint32Array;
  readonly failures: Uint32Array;
  /** `monoMs` of the last execution; -Infinity where there is none. */
  readonly lastMs: Float64Array;
}

/** Agents by index, one bit each: word `index >>> 5`, bit `index & 31`. */
export type IndexBits = Uint32Array;

/** Everything that scoring the candidates of one task needs. All arrays over shared memory but `candidates`. */
export interface ScoreJob {
  readonly pool: string;
  readonly task: {
    readonly id: string;
    readonly workType: string;
    readonly priority: number;
    readonly attempt: number;
    readonly capabilities: readonly string[];
    readonly embedding?: readonly number[];
  };
  readonly scoring: Scoring;
  readonly monoMs: number;
  /** Of `thompson`. */
  readonly seed: number;
  /** Agent indexes, ascending; the job's own. */
  readonly candidates: Uint32Array;
  readonly agents: AgentColumns;
  /** Absent where no agent has executed the work type. */
  readonly performance?: WorkTypeColumns;
  /** Whose specializations name the work type; absent where nobody's do. */
  readonly specialists?: IndexBits;
  /** `dimensions` numbers for each agent, and who has any. */
  readonly embeddings?: { readonly dimensions: number; readonly values: Float32Array; readonly has: IndexBits };
  /** Who carries each label that the pool knows. For a module's scorer alone. */
  readonly labels?: {
    readonly capabilities: Readonly<Record<string, IndexBits>>;
    readonly roles: Readonly<Record<string, IndexBits>>;
    readonly specializations: Readonly<Record<string, IndexBits>>;
  };
}

/** `scores[i]` is of `candidates[i]`. A failure says in words why there are none. */
export type ScoreOutcome =
  | { readonly scores: Float64Array }
  | {
      readonly failure: 'threw' | 'deadline' | 'memory' | 'nonsense' | 'queueFull' | 'unloadable';
      readonly reason: string;
    };
