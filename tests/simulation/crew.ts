import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import { NO_TALLY, type SeedRange, sum, type Tally } from './seeds.js';

export interface CrewOptions {
  readonly from: number;
  readonly count: number;
  readonly endsAtFirst: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (tally: Tally) => void;
}

/** Seeds that a thread takes at once. */
const BATCH = 25;
/** What a seed leaves behind is garbage all at once: room for it costs less than looking through it. */
const YOUNG_MB = 64;

/**
 * Runs seeds on as many threads as there are processors, with the compiled harness of `folder`. Resolves with what came out
 * of those that were run, also where it was told to stop.
 */
export async function runCrew(folder: URL, options: CrewOptions): Promise<Tally> {
  const { from, count, endsAtFirst, signal, onProgress } = options;
  const piscina = new Piscina<SeedRange, Tally>({
    filename: new URL('harness/worker.js', folder).href,
    maxThreads: availableParallelism(),
    minThreads: 1,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  let next = from;
  let tally = NO_TALLY;
  const work = async () => {
    while (next < from + count && !signal.aborted && !(endsAtFirst && tally.failures.length > 0)) {
      const range = { from: next, count: Math.min(BATCH, from + count - next), endsAtFirst };
      next += range.count;
      const part = await piscina.run(range);
      tally = sum(tally, part);
      onProgress(tally);
    }
  };
  try {
    await Promise.all(Array.from({ length: availableParallelism() }, work));
  } finally {
    // A thread that is only just starting, and has nothing to do any more, may find its files gone.
    piscina.on('error', () => {});
    await piscina.destroy();
  }
  return tally;
}
