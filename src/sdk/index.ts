export type { AgentProfileInput, Difficulty, WorkingHours } from '../protocol/agent.js';
export type { Exclusion, FallbackKind, RoutingDecision, ScoreParts } from '../protocol/decision.js';
export { RotaError } from '../protocol/errors.js';
export type { Assignment, Explanation, MetricsReport, PerformanceRow, Replay } from '../protocol/frames.js';
export type { Json } from '../protocol/json.js';
export type { StrategyName } from '../protocol/policy.js';
export { type Agent, type AgentOptions, createAgent } from './agent.js';
export { createClient } from './client.js';
export type {
  AssignOptions,
  Client,
  ClientOptions,
  Completion,
  CoordinatorStatus,
  DecisionQuery,
  Handoff,
  HandoffListener,
  OrchestrationOutcome,
  PerformanceQuery,
  RegistryAgent,
  Settled,
  SettlementInput,
  StartedOrchestration,
  SubmitOptions,
  SubmitTask,
  TaskOutcome,
  TaskQuery,
  Update,
} from './client-api.js';
export type { Contact } from './contact.js';
export { type Accept, type Handler, type HandlerContext, PermanentError } from './handler.js';
