export { type Clock, systemClock } from './clock.js';
export { type ErrorCode, RotaError, type WireError } from './protocol/errors.js';
export type { Json } from './protocol/json.js';
export type { Transport } from './transport/transport.js';
