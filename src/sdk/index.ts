export { RotaError } from '../protocol/errors.js';
export type { Assignment } from '../protocol/frames.js';
export type { Json } from '../protocol/json.js';
export {
  type Agent,
  type AgentOptions,
  createAgent,
  type Handler,
  type HandlerContext,
  PermanentError,
} from './agent.js';
export {
  type Client,
  type ClientOptions,
  type CoordinatorStatus,
  createClient,
  type OrchestrationOutcome,
  type StartedOrchestration,
  type SubmitOptions,
  type SubmitTask,
  type TaskOutcome,
  type TaskQuery,
  type Update,
} from './client.js';
