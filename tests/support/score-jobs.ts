import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { ScoringSchema } from '#rota/protocol/policy.js';
import type { ScoreJob } from '#rota/selection/score-job.js';
import { temporaryFolder } from './stores.js';

/** What a test says of an agent; the rest is nothing. */
export interface JobAgent {
  readonly id?: string;
  readonly load?: number;
  readonly recentLoad?: number;
  readonly maxConcurrency?: number;
  readonly successes?: number;
  readonly failures?: number;
  readonly lastMs?: number;
  readonly isSpecialist?: boolean;
  readonly capabilities?: readonly string[];
  readonly roles?: readonly string[];
  readonly specializations?: readonly string[];
  readonly embedding?: readonly number[];
}

interface JobFields {
  readonly task?: Partial<ScoreJob['task']>;
  readonly scoring?: Partial<ScoreJob['scoring']>;
  readonly candidates?: readonly number[];
  readonly monoMs?: number;
}

/** Longer than any test: what must not happen, does not happen by a slow machine. */
const NEVER_MS = 10_000;

/** A job over shared columns, as a pool's roster makes them. All agents are candidates unless the test says who. */
export function jobOf(agents: readonly JobAgent[], fields: JobFields = {}): ScoreJob {
  const column = <T>(make: (buffer: SharedArrayBuffer) => T & { set(values: number[]): void }, values: number[]): T => {
    const array = make(new SharedArrayBuffer(Math.max(8, values.length * 8)));
    array.set(values);
    return array;
  };
  const ints = (read: (agent: JobAgent) => number) => column((buffer) => new Int32Array(buffer), agents.map(read));
  const counts = (read: (agent: JobAgent) => number) => column((buffer) => new Uint32Array(buffer), agents.map(read));
  const dimensions = agents.find(({ embedding }) => embedding !== undefined)?.embedding?.length;
  return {
    pool: 'dev',
    task: { id: 't-1', workType: 'review', priority: 3, attempt: 1, capabilities: [], ...fields.task },
    scoring: ScoringSchema.parse({ deadlineMs: NEVER_MS, ...fields.scoring }),
    monoMs: fields.monoMs ?? 1_000,
    seed: 7,
    candidates: Uint32Array.from(fields.candidates ?? agents.keys()),
    agents: {
      ids: idsOf(agents.map(({ id }, index) => id ?? `agent-${index}`)),
      loads: ints(({ load = 0 }) => load),
      recentLoads: ints(({ recentLoad = 0 }) => recentLoad),
      maxConcurrency: ints(({ maxConcurrency = 1 }) => maxConcurrency),
    },
    performance: {
      successes: counts(({ successes = 0 }) => successes),
      failures: counts(({ failures = 0 }) => failures),
      lastMs: column(
        (buffer) => new Float64Array(buffer),
        agents.map(({ lastMs = Number.NEGATIVE_INFINITY }) => lastMs),
      ),
    },
    specialists: bitsOf(agents.map(({ isSpecialist = false }) => isSpecialist)),
    labels: {
      capabilities: carriers(agents.map(({ capabilities = [] }) => capabilities)),
      roles: carriers(agents.map(({ roles = [] }) => roles)),
      specializations: carriers(agents.map(({ specializations = [] }) => specializations)),
    },
    ...(dimensions === undefined
      ? {}
      : {
          embeddings: {
            dimensions,
            values: column(
              (buffer) => new Float32Array(buffer),
              agents.flatMap(({ embedding }) => [...(embedding ?? new Array<number>(dimensions).fill(0))]),
            ),
            has: bitsOf(agents.map(({ embedding }) => embedding !== undefined)),
          },
        }),
  };
}

function idsOf(names: readonly string[]): Uint8Array {
  const ids = new Uint8Array(new SharedArrayBuffer(Math.max(1, names.length) * 65));
  for (const [index, name] of names.entries()) ids.set([name.length, ...Buffer.from(name, 'latin1')], index * 65);
  return ids;
}

function bitsOf(members: readonly boolean[]): Uint32Array {
  const bits = new Uint32Array(new SharedArrayBuffer(4 * (1 + (members.length >>> 5))));
  for (const [index, isMember] of members.entries()) {
    if (isMember) bits[index >>> 5] = (bits[index >>> 5] ?? 0) | (1 << (index & 31));
  }
  return bits;
}

function carriers(labels: readonly (readonly string[])[]): Record<string, Uint32Array> {
  const all = new Set(labels.flat());
  return Object.fromEntries([...all].map((label) => [label, bitsOf(labels.map((own) => own.includes(label)))]));
}

/** Scorers' modules in a folder of the test's own. */
export interface Modules extends AsyncDisposable {
  /** The address of a module with this source. */
  scorer(source: string): Promise<string>;
  /** The address of no module. */
  readonly missing: string;
}

export async function scorerModules(): Promise<Modules> {
  const folder = await temporaryFolder();
  let count = 0;
  return {
    async scorer(source) {
      const path = folder.file(`scorer-${++count}.mjs`);
      await writeFile(path, source);
      return pathToFileURL(path).href;
    },
    missing: pathToFileURL(folder.file('missing.mjs')).href,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
