import { runSeeds, type SeedRange, type Tally } from './seeds.js';

// Errors are part of every run, and nobody reads where they came from.
Error.stackTraceLimit = 0;

/** What a thread of piscina runs. */
export default (range: SeedRange): Promise<Tally> => runSeeds(range);
