import { z } from 'zod';
import { LIMITS } from './limits.js';
import { Label, Name } from './names.js';
import { Strategy } from './policy.js';

/**
 * Why an agent was no candidate. An agent is counted once, under the first that holds for it: what it
 * could never do comes first, what passes comes last.
 */
export const EXCLUSIONS = [
  /** It lacks a capability that the task needs. */
  'capability',
  /** It has none of the roles of which the task needs one. */
  'role',
  /** The task is for another agent. */
  'assignee',
  /** The task names it among those that must not get it. */
  'excluded',
  /** It does not listen: it gets what others hand over, and tasks that are dispatched go elsewhere. */
  'handoffOnly',
  'disabled',
  'cordoned',
  /** Its presence is not online. */
  'offline',
  /** Outside its working hours. */
  'offDuty',
  /** It holds as many tasks as it may. */
  'busy',
  /** Served within the rotation window. */
  'recent',
  /** It had this task before and failed it, lost it or refused it. */
  'triedBefore',
] as const;
export type Exclusion = (typeof EXCLUSIONS)[number];

/** Points of a score of the built-in scorer; they add up to the total, 0 to 100. */
export const ScorePartsSchema = z.strictObject({
  context: z.number(),
  success: z.number(),
  specialization: z.number(),
  load: z.number(),
});
export type ScoreParts = z.infer<typeof ScorePartsSchema>;

/** Why the choice was not the plain one. `window`: all were served recently; `triedBefore`: all that are free had it before. */
export const FALLBACKS = ['window', 'triedBefore', 'scorer', 'strategy'] as const;
export type FallbackKind = (typeof FALLBACKS)[number];

const count = z.number().int().min(0);
/** The next best that are kept with the decision. */
export const RUNNERS_UP = 3;
/** Scores of a scorer on a thread that are kept with the decision. */
export const GIVEN_SCORES = 8;

/** Why an agent was chosen, with what chance and whom else there was. */
export const DecisionSchema = z.strictObject({
  strategy: Strategy,
  policyVersion: z.string().max(LIMITS.nameChars),
  /** In words, for people. */
  reason: z.string(),
  /** Agents that could have taken it, the chosen one included. */
  candidates: count,
  /** How many agents could not, by the first reason that holds for each. */
  excluded: z.partialRecord(z.enum(EXCLUSIONS), count),
  /** The chance that this agent had. Absent where it has no closed form: a draw of `thompson`. */
  probability: z.number().min(0).max(1).optional(),
  /** What chance was drawn from. */
  seed: z.number().int().min(0).max(0xffffffff).optional(),
  /** Of `weighted`. */
  score: z.number().optional(),
  /** Of the built-in scorer. */
  scoreParts: ScorePartsSchema.optional(),
  /** Who scored: `builtin`, `semantic`, or the module. */
  scorer: z.string().max(1_024).optional(),
  /** Of the chosen agent in this work type, 0 to 100; 50 where nothing is known. */
  successRatePercent: z.number().int().min(0).max(100),
  specializationMatch: z.boolean(),
  recentContextMatch: z.boolean(),
  /** It was tried before. */
  retried: z.boolean(),
  fallback: z.strictObject({ kind: z.enum(FALLBACKS), reason: z.string() }).optional(),
  /** The next best, best first. */
  runnersUp: z
    .array(z.strictObject({ agentId: Name, score: z.number() }))
    .max(RUNNERS_UP)
    .optional(),
  /** The best of what a scorer on a thread answered, best first: replaying the decision starts from them. */
  given: z
    .array(z.strictObject({ agentId: Name, score: z.number() }))
    .max(GIVEN_SCORES)
    .optional(),
  /** From when the task could be assigned to when it was, milliseconds of the coordinator's clock. */
  latencyMs: z.number().min(0),
});
export type Decision = z.infer<typeof DecisionSchema>;

/** The stored record of one choice. */
export const RoutingDecisionSchema = z.strictObject({
  taskId: Name,
  token: z.number().int().min(1),
  attempt: z.number().int().min(1),
  workType: Label,
  pool: Name,
  agentId: Name,
  atMs: z.number(),
  ...DecisionSchema.shape,
});
export type RoutingDecision = z.infer<typeof RoutingDecisionSchema>;
