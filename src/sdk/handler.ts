import type { Difficulty } from '../protocol/agent.js';
import type { Assignment } from '../protocol/frames.js';
import type { Json } from '../protocol/json.js';

/** A handler throws this when another attempt could not help: the task fails at once. */
export class PermanentError extends Error {
  override readonly name = 'PermanentError';
}

export interface HandlerContext {
  /** Aborts when the task is cancelled, runs too long, or is no longer this agent's. Its outcome counts no more. */
  readonly signal: AbortSignal;
  /** Tells how far the work is, 0 to 100. The last one counts. */
  progress(percent: number, message?: string): void;
  /** Says how hard this attempt is; the last one counts. By default a success is straightforward at first, later tricky. */
  difficulty(difficulty: Difficulty): void;
  /**
   * Refuses the task: it throws, and whatever the handler does then, the task goes to another agent and
   * this attempt does not count. For a handler that sees, before it has changed anything, that the work
   * is not its own; what has begun and can't go on is an error to throw.
   */
  reject(reason?: string): never;
}

// biome-ignore lint/suspicious/noConfusingVoidType: a handler that returns nothing is one too.
type HandlerResult = Json | undefined | void;

/** Does one task. What it returns is the result; what it throws fails the attempt. */
export type Handler = (task: Assignment, context: HandlerContext) => Promise<HandlerResult> | HandlerResult;

/** Whether to take a task, asked before its handler: false, or a reason in words, refuses it. What it throws fails the attempt. */
export type Accept = (task: Assignment) => boolean | string | Promise<boolean | string>;
