import { z } from 'zod';
import { LIMITS } from './limits.js';
import { Label, Name } from './names.js';

export const AGENT_KINDS = ['ai', 'human', 'bot'] as const;

/** `suspect`: a heartbeat is late; it keeps what it has and gets nothing new. */
export const PRESENCES = ['online', 'suspect', 'draining', 'offline'] as const;
export type Presence = (typeof PRESENCES)[number];

/** What an agent says of itself when it registers. */
export const AgentProfileSchema = z.strictObject({
  pool: Name,
  kind: z.enum(AGENT_KINDS).default('bot'),
  capabilities: z.array(Label).max(LIMITS.labels).default([]),
  /** Tasks it works on at a time. */
  maxConcurrency: z.number().int().min(1).max(LIMITS.creditPerAgent).default(1),
  /** Tasks it holds ready beyond those: fewer round trips for tiny tasks, earlier binding for all. */
  prefetch: z.number().int().min(0).max(LIMITS.creditPerAgent).default(0),
});
export type AgentProfile = z.infer<typeof AgentProfileSchema>;
export type AgentProfileInput = z.input<typeof AgentProfileSchema>;
