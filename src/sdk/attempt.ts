import { Difficulty } from '../protocol/agent.js';
import { validate } from '../protocol/codec.js';
import { RotaError, type WireError } from '../protocol/errors.js';
import type { Assignment, Report } from '../protocol/frames.js';
import { LIMITS } from '../protocol/limits.js';
import { type Accept, type Handler, type HandlerContext, PermanentError } from './handler.js';

/** How an attempt ended, as its agent reports it. */
export type EndReport = Exclude<Report, { outcome: 'accepted' }>;

export interface AttemptOptions {
  readonly handler: Handler;
  readonly accept: Accept | undefined;
  readonly signal: AbortSignal;
  readonly monoMs: () => number;
  /** The handler is about to be called. */
  started(): void;
  progress(percent: number, message?: string): void;
}

/** Thrown by `reject`, to end the handler. */
class Rejection extends Error {
  override readonly name = 'Rejection';
}

/** Asks whether the task is taken, and if so has the handler do it. Never rejects. */
export async function attempt(task: Assignment, options: AttemptOptions): Promise<EndReport> {
  const { handler, accept, signal, monoMs } = options;
  const { taskId, token } = task;
  const rejected = (reason: string | undefined): EndReport => ({
    ...{ outcome: 'rejected', taskId, token },
    ...(reason ? { reason: reason.slice(0, LIMITS.errorChars) } : {}),
  });
  let startMs = monoMs();
  let said: { readonly difficulty?: Difficulty } = {};
  let refusal: { readonly reason: string | undefined } | undefined;
  const context: HandlerContext = {
    signal,
    progress: options.progress,
    difficulty(difficulty) {
      said = { difficulty: validate(Difficulty, difficulty) };
    },
    reject(reason) {
      refusal = { reason: reason === undefined ? undefined : String(reason) };
      throw new Rejection(reason);
    },
  };
  try {
    // Without a question the handler begins in this turn.
    const answer = accept === undefined ? true : await accept(task);
    if (answer !== true) return rejected(answer === false ? undefined : String(answer));
    // It may have gone to another meanwhile; then nothing of this is reported.
    signal.throwIfAborted();
    options.started();
    startMs = monoMs();
    const result = await handler(task, context);
    // A handler may have caught what `reject` threw.
    if (refusal !== undefined) return rejected(refusal.reason);
    return { outcome: 'completed', taskId, token, result: result ?? null, durationMs: monoMs() - startMs, ...said };
  } catch (thrown) {
    if (refusal !== undefined) return rejected(refusal.reason);
    return { outcome: 'failed', taskId, token, error: toWireError(thrown), durationMs: monoMs() - startMs, ...said };
  }
}

function toWireError(thrown: unknown): WireError {
  if (thrown instanceof RotaError) return trimmed(thrown.toWire());
  const retryable = !(thrown instanceof PermanentError);
  return trimmed({ code: 'HANDLER_FAILED', message: textOf(thrown), retryable });
}

/** Anything can be thrown, also what has no text. */
function textOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  } catch {
    return 'The handler threw something that has no text.';
  }
}

function trimmed(error: WireError): WireError {
  return { ...error, message: error.message.slice(0, LIMITS.errorChars) };
}
