/** What the authors of scorers write against: a module with a function `score`, named in `scoring.scorer` of a policy. */

/** The task that is to be given away. */
export interface ScorerTask {
  readonly pool: string;
  readonly id: string;
  readonly workType: string;
  /** 1 to 5, 1 first. */
  readonly priority: number;
  /** 1 is the first try. */
  readonly attempt: number;
  readonly capabilities: readonly string[];
  readonly embedding?: readonly number[];
}

/** An agent that may take the task. What it says is read when it is asked, so ask for what you need and no more. */
export interface ScorerAgent {
  readonly id: string;
  /** Its place in the pool, the same until it leaves. */
  readonly index: number;
  /** Tasks that it holds. */
  readonly load: number;
  /** Of those, the ones assigned within the policy's `loadMs`. */
  readonly recentLoad: number;
  readonly maxConcurrency: number;
  /** Tasks that it could begin at once. */
  readonly freeSlots: number;
  /** Executions of the task's work type. */
  readonly successes: number;
  readonly failures: number;
  /** Since the last execution of the task's work type; Infinity where there is none. */
  readonly lastExecutionAgoMs: number;
  /** Whether its specializations name the task's work type. */
  readonly isSpecialist: boolean;
  readonly capabilities: readonly string[];
  readonly roles: readonly string[];
  readonly specializations: readonly string[];
  /** The pool's own memory, not a copy: read it, never write it. */
  readonly embedding: (ArrayLike<number> & Iterable<number>) | undefined;
}

export interface ScorerModule {
  /**
   * One finite number for each agent, in the order of `agents`; the highest gets the task. Runs in a thread, within the
   * policy's `deadlineMs`. A run that takes longer is stopped together with its thread and all that the module
   * keeps in its variables; whatever goes wrong, the built-in scorer scores this task instead.
   */
  score(task: ScorerTask, agents: readonly ScorerAgent[]): ArrayLike<number> | Promise<ArrayLike<number>>;
}
