import { runCrew } from './crew.js';
import { MUTANTS, type Mutant } from './mutants.js';
import { plant } from './workshop.js';

export interface PlantedOptions {
  readonly seeds: number;
  readonly from: number;
  readonly only: string;
  readonly isJson: boolean;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** What became of one planted bug. */
interface Found {
  readonly bug: string;
  readonly invariant: string;
  /** Undefined where no seed found it. */
  readonly by: string | undefined;
  readonly seed: number | undefined;
  /** Seeds that were run until then. */
  readonly seeds: number;
  readonly elapsedMs: number;
}

/**
 * The test of the tests: each bug is planted into a copy of the code, and seeds are run until one finds it. Resolves with
 * 0 if all were found, and each invariant found one of those that are its own.
 */
export async function findPlanted(folder: URL, options: PlantedOptions): Promise<number> {
  const rows: Found[] = [];
  for (const mutant of MUTANTS.filter(({ name }) => name.includes(options.only))) {
    if (options.signal.aborted) break;
    options.say(`${mutant.invariant} ${mutant.name}`);
    rows.push(await find(folder, mutant, options));
    options.say('');
    if (!options.isJson) process.stdout.write(`${inWords(rows.at(-1) as Found)}\n`);
  }
  if (options.isJson) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  const blind = options.only === '' ? blindInvariants(rows) : [];
  if (blind.length > 0) process.stderr.write(`Found none of their own bugs: ${blind.join(', ')}.\n`);
  return rows.every(({ by }) => by !== undefined) && blind.length === 0 ? 0 : 1;
}

async function find(folder: URL, mutant: Mutant, { from, seeds: count, signal }: PlantedOptions): Promise<Found> {
  const startMs = performance.now();
  await using copy = await plant(folder, mutant);
  const { seeds, failures } = await runCrew(copy.folder, {
    ...{ from, count, endsAtFirst: true, signal },
    onProgress: () => {},
  });
  // Whoever found it by its own invariant comes first.
  const [first] = [...failures].sort(
    (a, b) => rank(a.invariant, mutant) - rank(b.invariant, mutant) || a.seed - b.seed,
  );
  const { name: bug, invariant } = mutant;
  return { bug, invariant, by: first?.invariant, seed: first?.seed, seeds, elapsedMs: performance.now() - startMs };
}

function rank(invariant: string, mutant: Mutant): number {
  return invariant === mutant.invariant ? 0 : 1;
}

function blindInvariants(rows: readonly Found[]): string[] {
  const sharp = new Set(rows.filter(({ by, invariant }) => by === invariant).map(({ invariant }) => invariant));
  return [...new Set(rows.map(({ invariant }) => invariant))].filter((invariant) => !sharp.has(invariant));
}

function inWords({ bug, invariant, by, seed, seeds, elapsedMs }: Found): string {
  const found = by === undefined ? `NOT FOUND in ${seeds} seeds` : `${by.padEnd(5)} seed ${seed}, after ${seeds} seeds`;
  return `${invariant.padEnd(4)} ${bug.padEnd(52)} ${found}, ${(elapsedMs / 1_000).toFixed(1)} s`;
}
