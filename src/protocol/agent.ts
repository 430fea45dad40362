import { z } from 'zod';
import { LIMITS } from './limits.js';
import { Label, Name } from './names.js';

export const AGENT_KINDS = ['ai', 'human', 'bot'] as const;

/** `suspect`: a heartbeat is late; it keeps what it has and gets nothing new. */
export const PRESENCES = ['online', 'suspect', 'draining', 'offline'] as const;
export type Presence = (typeof PRESENCES)[number];

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'must be HH:MM, 00:00 to 24:00');

function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** When an agent works. Outside of them it gets nothing new and finishes what it has. */
export const WorkingHoursSchema = z.strictObject({
  /** IANA name, such as `Europe/Berlin`. */
  timeZone: z.string().max(LIMITS.nameChars).refine(isTimeZone, 'must be an IANA time zone, such as Europe/Berlin'),
  /** A span whose `to` is not after its `from` ends on the next day. */
  spans: z
    .array(z.strictObject({ days: z.array(z.enum(DAYS)).min(1).max(7), from: timeOfDay, to: timeOfDay }))
    .min(1)
    .max(LIMITS.labels),
});
export type WorkingHours = z.infer<typeof WorkingHoursSchema>;

/** What a task or an agent is about, as a model of the user's sees it. All of one pool have the same length. */
export const Embedding = z.array(z.number()).min(1).max(LIMITS.embedding);

/** What an agent says of itself when it registers. */
export const AgentProfileSchema = z.strictObject({
  pool: Name,
  kind: z.enum(AGENT_KINDS).default('bot'),
  /** One that is not gets nothing new. */
  enabled: z.boolean().default(true),
  /** How it is known to be there: by its own heartbeats, or by the pool's availability source. */
  availability: z.enum(['heartbeat', 'source']).default('heartbeat'),
  capabilities: z.array(Label).max(LIMITS.labels).default([]),
  roles: z.array(Label).max(LIMITS.labels).default([]),
  /** Work types that it is best at: `weighted` prefers it for them. */
  specializations: z.array(Label).max(LIMITS.labels).default([]),
  /** Tasks it works on at a time. */
  maxConcurrency: z.number().int().min(1).max(LIMITS.creditPerAgent).default(1),
  /** Tasks it holds ready beyond those: fewer round trips for tiny tasks, earlier binding for all. */
  prefetch: z.number().int().min(0).max(LIMITS.creditPerAgent).default(0),
  workingHours: WorkingHoursSchema.optional(),
  embedding: Embedding.optional(),
});
export type AgentProfile = z.infer<typeof AgentProfileSchema>;
export type AgentProfileInput = z.input<typeof AgentProfileSchema>;

/** How hard an attempt was. Derived where nobody says: a first attempt that succeeds is straightforward, a later one tricky. */
export const DIFFICULTIES = ['straightforward', 'tricky', 'failed'] as const;
export const Difficulty = z.enum(DIFFICULTIES);
export type Difficulty = z.infer<typeof Difficulty>;
