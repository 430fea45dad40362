import { z } from 'zod';

interface ErrorRule {
  /** Whether the same request may succeed later without being changed. */
  readonly retryable: boolean;
  /** What the reader of the message can do about it. */
  readonly remedy: string;
}

const RULES = {
  INVALID_FRAME: { retryable: false, remedy: 'Send what docs/protocol.md describes for this subject.' },
  FRAME_TOO_LARGE: {
    retryable: false,
    remedy: 'Send fewer tasks in a frame, or keep large data in a file or object store and send its address.',
  },
  FRAME_TOO_DEEP: { retryable: false, remedy: 'Nest maps and arrays less deeply.' },
  INVALID_NAME: { retryable: false, remedy: 'Use 1 to 64 of the characters A-Z a-z 0-9 _ and -, but not __proto__.' },
  INVALID_VALUE: { retryable: false, remedy: 'Correct the named field.' },
  UNKNOWN_VERB: { retryable: false, remedy: 'Use a subject that docs/protocol.md lists.' },
  UNKNOWN_AGENT: { retryable: true, remedy: 'Register again, then repeat the request.' },
  UNKNOWN_TASK: { retryable: false, remedy: 'Check the id; `rota tasks` lists what there is.' },
  UNKNOWN_ORCHESTRATION: { retryable: false, remedy: 'Check the id that the run printed.' },
  SESSION_REPLACED: {
    retryable: false,
    remedy: 'Another process registered this agent id later. Stop one of the two, or give it its own id.',
  },
  POOL_MISMATCH: { retryable: false, remedy: 'An agent id belongs to one pool. Use another id for the other pool.' },
  STALE_LEASE: { retryable: false, remedy: 'The task was given to another attempt. Drop this one.' },
  TASK_ENDED: { retryable: false, remedy: 'The task has its one result already. Drop this one.' },
  POOL_FULL: { retryable: false, remedy: 'Split the agents over more pools.' },
  LABELS_FULL: { retryable: false, remedy: 'Use fewer different labels in one pool, or split it.' },
  WORK_TYPES_FULL: {
    retryable: false,
    remedy:
      'A work type is a kind of work, such as deploy_service: put what differs from task to task into the payload.',
  },
  NO_AGENT: { retryable: false, remedy: 'Register an agent that fits, or correct what the task asks for.' },
  NONE_AVAILABLE: {
    retryable: false,
    remedy: 'Assign it again later, under a new id; `rota agents` shows who is there.',
  },
  TOO_MANY_HOPS: {
    retryable: false,
    remedy: 'The task goes round in circles. Settle it where it is, or give it to a pool that can.',
  },
  NOT_YOURS: { retryable: false, remedy: 'Only the client that assigned the task may settle it.' },
  RATE_LIMITED: { retryable: true, remedy: 'Wait for retryAfterMs, or have the limit raised.' },
  REJECTED: { retryable: true, remedy: 'It goes to another agent, if there is one that fits.' },
  NOT_ACCEPTED: { retryable: true, remedy: 'It goes to another agent. Check this one, or raise acceptTimeoutMs.' },
  NOT_REPLAYABLE: { retryable: false, remedy: 'Use a store that keeps its journal.' },
  GRAPH_CYCLE: { retryable: false, remedy: 'Remove one of the named dependencies.' },
  UNAVAILABLE: { retryable: true, remedy: 'Try again shortly.' },
  NO_COORDINATOR: { retryable: true, remedy: 'Start one with `rota up`, or check the address and namespace.' },
  TIMEOUT: { retryable: true, remedy: 'Try again; check that the coordinator is running and reachable.' },
  CLOSED: { retryable: false, remedy: 'Open a new connection.' },
  DEPOSED: { retryable: false, remedy: 'Another coordinator leads this store now; this one stands by.' },
  SCHEMA_MISMATCH: { retryable: false, remedy: 'Use the rota version that wrote this store, or a newer one.' },
  STORE_FAILED: {
    retryable: true,
    remedy: 'Check the disk and the path of the store, or the database and its address.',
  },
  COMMAND_NOT_FOUND: { retryable: true, remedy: 'Install the command, or correct its path.' },
  COMMAND_FAILED: { retryable: true, remedy: "See the command's own output." },
  HANDLER_FAILED: { retryable: true, remedy: "See the agent's log." },
  TASK_TIMEOUT: { retryable: true, remedy: 'Give the task a longer timeoutMs, or make it shorter.' },
  LEASE_EXPIRED: { retryable: true, remedy: 'The agent stopped answering. Check that it is running.' },
  AGENT_LEFT: { retryable: true, remedy: 'Its process left, or was replaced, while it held the task.' },
  DEPENDENCY_FAILED: { retryable: false, remedy: 'Repair the task that it depends on, then run again.' },
  INPUT_TOO_LARGE: {
    retryable: false,
    remedy: 'Let the tasks before it write their data to files and return the paths.',
  },
  RESULT_TOO_LARGE: { retryable: false, remedy: 'Write the data to a file and return its path.' },
} as const satisfies Record<string, ErrorRule>;

/** The closed set of what can go wrong, the same on the wire, in code and in the store. */
export type ErrorCode = keyof typeof RULES;

export const ERROR_CODES = Object.keys(RULES) as [ErrorCode, ...ErrorCode[]];

export function errorRule(code: ErrorCode): ErrorRule {
  return RULES[code];
}

interface ErrorDetails {
  /** Where in the request the fault lies, such as `tasks[3].priority`. */
  readonly field?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  /** Where this one differs from the rule of its code: a handler knows best whether another try can help. */
  readonly retryable?: boolean | undefined;
  /** Where there is a better one than its code's. */
  readonly remedy?: string | undefined;
  readonly cause?: unknown;
}

/** Every error that rota throws or sends. The message names the place, the value and the remedy. */
export class RotaError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly field: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, problem: string, details: ErrorDetails = {}) {
    const rule = RULES[code];
    super(
      `${problem}${problem.endsWith('\n') ? '' : ' '}${details.remedy ?? rule.remedy}`,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.name = 'RotaError';
    this.code = code;
    this.retryable = details.retryable ?? rule.retryable;
    this.field = details.field;
    this.retryAfterMs = details.retryAfterMs;
  }

  /** The error as it travels. */
  toWire(): WireError {
    return {
      code: this.code,
      message: this.message,
      retryable: this.retryable,
      ...(this.field === undefined ? {} : { field: this.field }),
      ...(this.retryAfterMs === undefined ? {} : { retryAfterMs: this.retryAfterMs }),
    };
  }

  /** Rebuilds an error that arrived from another process; its message has its remedy already. */
  static fromWire(wire: WireError): RotaError {
    const { field, retryAfterMs, retryable } = wire;
    const error = new RotaError(wire.code, '', { field, retryAfterMs, retryable });
    error.message = wire.message;
    return error;
  }
}

export const WireErrorSchema = z.strictObject({
  code: z.enum(ERROR_CODES),
  message: z.string(),
  retryable: z.boolean(),
  field: z.string().optional(),
  retryAfterMs: z.number().nonnegative().optional(),
});
export type WireError = z.infer<typeof WireErrorSchema>;

/** Turns whatever was thrown into a RotaError, keeping one that is one already. */
export function asRotaError(thrown: unknown, code: ErrorCode): RotaError {
  if (thrown instanceof RotaError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new RotaError(code, `${message}.`, { cause: thrown });
}
