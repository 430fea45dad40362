import { z } from 'zod';
import { validate } from './codec.js';
import { LIMITS } from './limits.js';
import { Name } from './names.js';

/** How a pool picks one of the agents that may take a task. */
export const STRATEGIES = ['round-robin', 'least-loaded', 'random', 'power-of-two', 'weighted'] as const;
export type StrategyName = (typeof STRATEGIES)[number];
export const Strategy = z.enum(STRATEGIES);

const share = z.number().min(0).max(1);
const points = z.number().min(0).max(100);

/**
 * The score of `weighted`, 0 to 100: its four parts (plan 03-03 in docs/requirements.md), their weights, and what
 * they are measured over. `weights` add up to 100.
 */
export const ScoringSchema = z.strictObject({
  weights: z
    .strictObject({
      /** For having executed the same work type within `contextMs`. */
      context: points.default(30),
      /** Times the success rate of this work type. */
      success: points.default(40),
      /** For naming the work type among its specializations. */
      specialization: points.default(20),
      /** Times one minus a tenth of the open assignments of `loadMs`, of which ten count at most. */
      load: points.default(10),
    })
    .prefault({})
    .superRefine((weights, context) => {
      const sum = Object.values(weights).reduce((total, weight) => total + weight, 0);
      if (Math.abs(sum - 100) < 1e-9) return;
      const message = `context, success, specialization and load must add up to 100, and they are ${+sum.toFixed(6)}`;
      context.addIssue({ code: 'custom', message });
    }),
  contextMs: z
    .number()
    .int()
    .min(0)
    .max(LIMITS.durationMs)
    .default(4 * 3_600_000),
  loadMs: z.number().int().min(1).max(LIMITS.durationMs).default(3_600_000),
  /** The success rate counts above so many executions of the work type; up to them it is taken for 0.5. */
  minimumSample: z.number().int().min(0).max(1_000_000).default(10),
  /**
   * How a rate from few executions is taken. `none`: as it is, above the minimum sample. `lower-bound`: what it is
   * at least, with 95 % confidence (Wilson, 1927). `thompson`: drawn from its Beta posterior each time (Thompson,
   * 1933), so that who is little known is tried. The minimum sample counts for `none` alone.
   */
  confidence: z.enum(['none', 'lower-bound', 'thompson']).default('none'),
  /** Of so many choices the agent is drawn from all candidates, whatever their scores: 0.05 is one of twenty. */
  explorationShare: share.default(0),
  /** `builtin`, `semantic` (cosine of the embeddings of task and agent), or the address of a module: `file:///…/score.mjs`. */
  scorer: z
    .string()
    .max(1_024)
    .refine((scorer) => scorer === 'builtin' || scorer === 'semantic' || scorer.startsWith('file://'), {
      error: 'must be builtin, semantic or the address of a module, such as file:///srv/score.mjs',
    })
    .default('builtin'),
  /** A run of a scorer that takes longer is stopped, and the built-in one scores instead. */
  deadlineMs: z.number().int().min(1).max(10_000).default(50),
});
export type Scoring = z.infer<typeof ScoringSchema>;

const address = z
  .url({ protocol: /^https?$/, error: 'must be an address that starts with http:// or https://' })
  .max(2_048)
  // A policy is recorded and shown to whoever asks.
  .refine((url) => !URL.canParse(url) || new URL(url).username + new URL(url).password === '', {
    error: 'must not hold a user or a password',
  });

export const AvailabilitySchema = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z.literal('http'),
      /** Answers `{"agents": [{"id": "ann", "available": true}]}`. */
      url: address,
      timeoutMs: z.number().int().min(1).max(60_000).default(2_000),
      /** How long an answer holds. While a newer one can't be had, the old one holds on. */
      ttlMs: z.number().int().min(100).max(LIMITS.durationMs).default(30_000),
    }),
    z.strictObject({ kind: z.literal('static'), available: z.array(Name).max(LIMITS.rowsPerQuery) }),
  ],
  'must be http or static',
);
export type Availability = z.infer<typeof AvailabilitySchema>;

/** The rule set of a pool. Everything has a default. */
export const PolicySchema = z.strictObject({
  strategy: Strategy.default('round-robin'),
  /** Who was served within it is skipped while others are there; 0 turns it off. */
  rotationWindowMinutes: z.number().min(0).max(1_440).default(5),
  /** Who was served so often within the window counts as recently served. */
  assignmentsPerWindow: z.number().int().min(1).max(1_000).default(1),
  /** Assignments that are remembered, for 24 hours at most. */
  historySize: z.number().int().min(1).max(LIMITS.historySize).default(1_000),
  /** Whether rotations and history go on after a restart, or begin anew. */
  onRestart: z.enum(['keep', 'reset']).default('keep'),
  /** How often an assignment without dispatch is tried again while nobody is available. */
  fallbackRetryAttempts: z.number().int().min(0).max(LIMITS.attempts).default(3),
  /** An offer that is not accepted within it goes to the next agent; 0: when the lease ends. Agents that prefetch are exempt. */
  acceptTimeoutMs: z.number().int().min(0).max(LIMITS.durationMs).default(60_000),
  /** A task that was handed over so often is not handed over again. */
  maxHops: z.number().int().min(0).max(LIMITS.excludedAgents).default(5),
  /** What becomes of a task that no registered agent could ever take: it fails at once, or waits for one to register. */
  unschedulable: z.enum(['fail', 'wait']).default('fail'),
  scoring: ScoringSchema.prefault({}),
  /** Who of the agents that send no heartbeats is there. */
  availability: AvailabilitySchema.optional(),
});
export type Policy = z.infer<typeof PolicySchema>;
export type PolicyInput = z.input<typeof PolicySchema>;

const ResolvedSchema = z.strictObject({
  defaults: PolicySchema.prefault({}),
  pools: z.record(Name, PolicySchema).default({}),
});
export type Policies = z.infer<typeof ResolvedSchema>;
export type PoliciesInput = z.input<typeof ResolvedSchema>;

/**
 * The policies of a coordinator: a pool that is not named has `defaults`, and one that is has from them what it
 * leaves out.
 */
export const PoliciesSchema = z.preprocess(inherit, ResolvedSchema);

/** @throws RotaError INVALID_VALUE, naming the field, such as `pools.dev.strategy`. */
export function resolvePolicies(input: PoliciesInput): Policies {
  return validate(PoliciesSchema, input);
}

/** Gives each pool of `input` what it leaves out. Where the defaults don't hold, pools are judged by what they say alone. */
function inherit(input: unknown): unknown {
  if (!isMap(input)) return input;
  const defaults = PolicySchema.prefault({}).safeParse(input.defaults);
  if (!isMap(input.pools)) return input;
  const inherited = (policy: unknown) =>
    defaults.success ? over(defaults.data, policy, INHERITED) : withoutWeights(policy);
  const pools = Object.entries(input.pools).map(([pool, policy]) => [pool, inherited(policy)]);
  return { ...input, pools: Object.fromEntries(pools) };
}

/** The weights of a pool add up with those that it inherits: without these nothing can be said of them. */
function withoutWeights(policy: unknown): unknown {
  if (!isMap(policy) || !isMap(policy.scoring)) return policy;
  return { ...policy, scoring: { ...policy.scoring, weights: undefined } };
}

/** The maps whose keys are inherited one by one. */
interface Nested {
  readonly [key: string]: Nested;
}
const INHERITED: Nested = { scoring: { weights: {} } };

/** `given`, and what it leaves out from `base`. What is no map stays as it is, for the schema to refuse. */
function over(base: unknown, given: unknown, nested: Nested): unknown {
  if (!isMap(base) || !isMap(given)) return given;
  const own = Object.entries(given)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => [key, nested[key] === undefined ? value : over(base[key], value, nested[key])]);
  return { ...base, ...Object.fromEntries(own) };
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
