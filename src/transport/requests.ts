import type { Clock } from '../clock.js';
import { RotaError } from '../protocol/errors.js';
import type { Message } from './transport.js';

interface Pending {
  readonly subject: string;
  resolve(message: Message): void;
  reject(error: RotaError): void;
  cancelTimer(): void;
}

/**
 * The requests of one connection that wait for their answer. Owns one timer for each.
 *
 * - A reply subject is used once: `<inbox>.<number>`.
 * - A request settles once, and then is forgotten; a later answer to it finds nothing.
 */
export interface Requests {
  /** Calls `send` with the subject to answer on. What `send` throws rejects the request. */
  ask(subject: string, timeoutMs: number, send: (reply: string) => void): Promise<Message>;
  answer(message: Message): void;
  /** Nobody subscribes to what the request with this reply subject asked. */
  noResponders(reply: string): void;
  /** Fails those that `problem` has an error for; it gets the subject that was asked. */
  fail(problem: (subject: string) => RotaError | undefined): void;
}

export function createRequests(inbox: string, clock: Pick<Clock, 'after'>): Requests {
  const pending = new Map<string, Pending>();
  let asked = 0;

  const take = (reply: string): Pending | undefined => {
    const request = pending.get(reply);
    if (request === undefined) return undefined;
    pending.delete(reply);
    request.cancelTimer();
    return request;
  };

  return {
    ask(subject, timeoutMs, send) {
      asked += 1;
      const reply = `${inbox}.${asked.toString(36)}`;
      return new Promise((resolve, reject) => {
        const cancelTimer = clock.after(timeoutMs, () => take(reply)?.reject(timedOut(subject, timeoutMs)));
        pending.set(reply, { subject, resolve, reject, cancelTimer });
        try {
          send(reply);
        } catch (error) {
          take(reply);
          reject(error);
        }
      });
    },
    answer(message) {
      take(message.subject)?.resolve(message);
    },
    noResponders(reply) {
      const request = take(reply);
      request?.reject(new RotaError('NO_COORDINATOR', `Nobody answers on "${request.subject}".`));
    },
    fail(problem) {
      for (const [reply, { subject }] of [...pending]) {
        const error = problem(subject);
        if (error !== undefined) take(reply)?.reject(error);
      }
    },
  };
}

function timedOut(subject: string, timeoutMs: number): RotaError {
  return new RotaError('TIMEOUT', `"${subject}" did not answer within ${timeoutMs} ms.`);
}
