import type { z } from 'zod';
import { DIFFICULTIES } from '#rota/protocol/agent.js';
import type { Json } from '#rota/protocol/json.js';
import { LIMITS } from '#rota/protocol/limits.js';
import { STRATEGIES } from '#rota/protocol/policy.js';

export type Path = readonly (string | number)[];

/** What one field takes and refuses, at its bounds and one beyond. */
export interface Bound {
  readonly at: Path;
  readonly takes: readonly Json[];
  readonly refuses: readonly Json[];
  /** Where the error points, when that is inside the value: an element of a list. */
  readonly names?: string;
}

export interface FrameCase {
  readonly schema: z.ZodType;
  /** Every required field, and of the others those in `optional` alone. */
  readonly minimal: { readonly [key: string]: Json };
  /** Fields of `minimal` that may be left out: they are there for what is inside of them. */
  readonly optional?: readonly string[];
  readonly bounds: readonly Bound[];
}

export const chars = (count: number) => 'x'.repeat(count);
const list = (count: number, item: Json): Json => new Array<Json>(count).fill(item);

export const name = (...at: Path): Bound => ({
  at,
  takes: ['a', 'A-Z_9', chars(LIMITS.nameChars), 'constructor'],
  refuses: ['', chars(LIMITS.nameChars + 1), 'a.b', '*', '>', 'a b', 'a\r\nb', 'a\n', 'a\0', 'é', '__proto__', 7, null],
});
export const label = (...at: Path): Bound => ({
  at,
  takes: ['a', 'lang:c++/v1.0#x@y_z-', chars(LIMITS.nameChars)],
  refuses: ['', chars(LIMITS.nameChars + 1), 'a b', 'é', 7, null],
});
export const integer = (min: number, max: number, ...at: Path): Bound => ({
  at,
  takes: [min, max],
  refuses: [min - 1, max + 1, min + 0.5, String(min), null],
});
export const atLeast = (min: number, ...at: Path): Bound => integer(min, Number.MAX_SAFE_INTEGER, ...at);
export const oneOf = (values: readonly string[], ...at: Path): Bound => ({
  at,
  takes: values,
  refuses: [`${values[0]}x`, '', 'constructor', 1, null],
});
/** `min` to `max` items; `min` 0 takes the empty list. */
export const items = (min: number, max: number, item: Json, ...at: Path): Bound => ({
  at,
  takes: [list(min, item), list(max, item)],
  refuses: [...(min > 0 ? [list(min - 1, item)] : []), list(max + 1, item), item === null ? 1 : null, 'x'],
});
export const version: Bound = { at: ['v'], takes: [1], refuses: [0, 2, '1', null] };
export const session = name('session');
export const bool = (...at: Path): Bound => ({ at, takes: [true, false], refuses: [0, 'true', null] });
export const text = (...at: Path): Bound => ({ at, takes: ['', 'x\ny'], refuses: [1, null] });
export const instant = (...at: Path): Bound => ({ at, takes: [0, 1_760_000_000_000, 0.5], refuses: ['0', null] });
export const nonNegative = (...at: Path): Bound => ({ at, takes: [0, 0.5], refuses: [-1, -0.001, '0', null] });
export const longText = (max: number, ...at: Path): Bound => ({
  at,
  takes: ['', chars(max)],
  refuses: [chars(max + 1), 1, null],
});
/** A list of labels, and what each may be. */
const labels = (...at: Path): Bound[] => [items(0, LIMITS.labels, 'a', ...at), label(...at, 0)];
const embedding = (...at: Path): Bound[] => [
  items(1, LIMITS.embedding, 0.5, ...at),
  { at: [...at, 0], takes: [-1, 0, 1e9], refuses: ['0', null] },
];
export const difficulty = (...at: Path): Bound => oneOf(DIFFICULTIES, ...at);

export const held = { taskId: 't', token: 1 };
export const heldBounds = (field: string) => [items(0, 2 * LIMITS.creditPerAgent, held, field)];
export const task = { id: 't' };
export const node = { key: 'k', pool: 'p' };
export const wireError = { code: 'HANDLER_FAILED', message: 'm', retryable: true };
export const wireErrorBounds = (...at: Path): Bound[] => [
  oneOf(['HANDLER_FAILED', 'INVALID_FRAME'], ...at, 'code'),
  text(...at, 'message'),
  bool(...at, 'retryable'),
  text(...at, 'field'),
  nonNegative(...at, 'retryAfterMs'),
];
export const taskFieldBounds = (...at: Path): Bound[] => [
  label(...at, 'workType'),
  ...labels(...at, 'capabilities'),
  ...labels(...at, 'roles'),
  name(...at, 'assignee'),
  items(0, LIMITS.excludedAgents, 'a', ...at, 'excludeAgents'),
  name(...at, 'excludeAgents', 0),
  oneOf(STRATEGIES, ...at, 'strategy'),
  ...embedding(...at, 'embedding'),
  integer(1, 5, ...at, 'priority'),
  integer(1, LIMITS.attempts, ...at, 'maxAttempts'),
  integer(0, LIMITS.durationMs, ...at, 'backoffMs'),
  integer(1, LIMITS.durationMs, ...at, 'timeoutMs'),
  { at: [...at, 'payload'], takes: [null, 0, '', [], { any: [{ thing: true }] }], refuses: [] },
];
export const watch = oneOf(['end', 'all'], 'watch');

export const progress = { taskId: 't', token: 1 };
export const progressBounds = (...at: Path): Bound[] => [
  name(...at, 'taskId'),
  atLeast(1, ...at, 'token'),
  { at: [...at, 'percent'], takes: [0, 99.5, 100], refuses: [-0.1, 100.1, '1', null] },
  longText(LIMITS.errorChars, ...at, 'message'),
];

export const profile = { pool: 'p' };
export const profileBounds = (...at: Path): Bound[] => [
  name(...at, 'pool'),
  oneOf(['ai', 'human', 'bot'], ...at, 'kind'),
  bool(...at, 'enabled'),
  oneOf(['heartbeat', 'source'], ...at, 'availability'),
  ...['capabilities', 'roles', 'specializations'].flatMap((field) => labels(...at, field)),
  integer(1, LIMITS.creditPerAgent, ...at, 'maxConcurrency'),
  integer(0, LIMITS.creditPerAgent, ...at, 'prefetch'),
  ...embedding(...at, 'embedding'),
];

const span = { days: ['mon'], from: '08:00', to: '17:00' };
export const workingHours = { timeZone: 'Europe/Berlin', spans: [span] };
const timeOfDay = (...at: Path): Bound => ({
  at,
  takes: ['00:00', '09:05', '23:59', '24:00'],
  refuses: ['24:01', '9:00', '08:60', '', 8, null],
});
export const workingHoursBounds = (...at: Path): Bound[] => [
  {
    at: [...at, 'timeZone'],
    takes: ['UTC', 'America/New_York'],
    refuses: ['Mars/Olympus', '', chars(LIMITS.nameChars + 1), 1, null],
  },
  items(1, LIMITS.labels, span, ...at, 'spans'),
  items(1, 7, 'mon', ...at, 'spans', 0, 'days'),
  oneOf(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], ...at, 'spans', 0, 'days', 0),
  timeOfDay(...at, 'spans', 0, 'from'),
  timeOfDay(...at, 'spans', 0, 'to'),
];
