import { setImmediate } from 'node:timers/promises';
import { type Outcome, simulate } from './simulate.js';

/** Seeds that follow one another, on one thread. */
export interface SeedRange {
  readonly from: number;
  readonly count: number;
  /** Whether the first seed that breaks an invariant ends it. */
  readonly endsAtFirst: boolean;
}

export interface Failure {
  readonly seed: number;
  readonly invariant: string;
  readonly problem: string;
}

/** What came out of any number of seeds. */
export interface Tally {
  readonly seeds: number;
  readonly steps: number;
  readonly tasks: number;
  readonly rows: number;
  readonly terms: number;
  readonly virtualMs: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
}

export const NO_TALLY: Tally = {
  ...{ seeds: 0, steps: 0, tasks: 0, rows: 0, terms: 0, virtualMs: 0 },
  faults: {},
  failures: [],
};

export function sum(a: Tally, b: Tally): Tally {
  const faults: Record<string, number> = { ...a.faults };
  for (const [fault, count] of Object.entries(b.faults)) faults[fault] = (faults[fault] ?? 0) + count;
  return {
    seeds: a.seeds + b.seeds,
    steps: a.steps + b.steps,
    tasks: a.tasks + b.tasks,
    rows: a.rows + b.rows,
    terms: a.terms + b.terms,
    virtualMs: a.virtualMs + b.virtualMs,
    faults,
    failures: [...a.failures, ...b.failures],
  };
}

export async function runSeeds({ from, count, endsAtFirst }: SeedRange): Promise<Tally> {
  let tally = NO_TALLY;
  for (let seed = from; seed < from + count; seed++) {
    const outcome = await runSeed(seed);
    tally = sum(tally, toTally(outcome));
    if (endsAtFirst && outcome.violation !== undefined) break;
  }
  return tally;
}

/**
 * One seed. A promise that rejects and that nobody waits for would have ended a process, and Node warns of leaks: these
 * are violations too.
 */
export async function runSeed(seed: number, hasTranscript = false): Promise<Outcome> {
  let fault: unknown;
  const note = (reason: unknown) => {
    fault ??= reason ?? 'nothing';
  };
  process.on('unhandledRejection', note);
  process.on('warning', note);
  try {
    const outcome = await simulate(seed, { hasTranscript });
    await setImmediate();
    if (fault === undefined || outcome.violation !== undefined) return outcome;
    const problem = `Node would have ended a process, or warned: ${fault instanceof Error ? (fault.stack ?? fault.message) : fault}`;
    return { ...outcome, violation: { invariant: 'fault', problem } };
  } finally {
    process.off('unhandledRejection', note);
    process.off('warning', note);
  }
}

function toTally({ seed, violation, steps, tasks, rows, terms, virtualMs, faults }: Outcome): Tally {
  const failures = violation === undefined ? [] : [{ seed, ...violation }];
  return { seeds: 1, steps, tasks, rows, terms, virtualMs, faults, failures };
}
