import type { Logger } from 'pino';
import { asRotaError, RotaError } from '../protocol/errors.js';
import type { Subjects } from '../protocol/subjects.js';
import type { Message } from '../transport/transport.js';
import type { Leader } from './leader.js';
import type { Outbox } from './outbox.js';
import { HANDLERS } from './requests.js';

/**
 * The only place that reads foreign bytes. A message is scanned, decoded and checked before an actor
 * hears of it; whatever is wrong with it is answered with a typed error and changes nothing.
 */
export class Intake {
  readonly #leader: Leader;
  readonly #outbox: Outbox;
  readonly #subjects: Subjects;
  readonly #log: Logger;
  #isOpen = true;
  #inFlight = 0;
  #onQuiet: (() => void) | undefined;

  constructor(leader: Leader, outbox: Outbox, subjects: Subjects, log: Logger) {
    this.#leader = leader;
    this.#outbox = outbox;
    this.#subjects = subjects;
    this.#log = log;
  }

  readonly receive = async ({ subject, data, reply }: Message): Promise<void> => {
    this.#inFlight++;
    try {
      await this.#handle(subject, data, reply);
    } catch (thrown) {
      const error = asRotaError(thrown, 'UNAVAILABLE');
      this.#log.warn({ code: error.code, field: error.field, bytes: data.length }, 'request refused');
      if (reply !== undefined) this.#outbox.respond(reply, { error: error.toWire() });
    } finally {
      this.#inFlight--;
      if (this.#inFlight === 0) this.#onQuiet?.();
    }
  };

  /** Refuses what comes from now on, and resolves once what came before has been handled. */
  close(): Promise<void> {
    this.#isOpen = false;
    return new Promise((resolve) => {
      this.#onQuiet = resolve;
      if (this.#inFlight === 0) resolve();
    });
  }

  #handle(subject: string, data: Uint8Array, reply: string | undefined): void | Promise<void> {
    const sender = this.#subjects.parse(subject);
    if (sender === undefined) throw new RotaError('UNKNOWN_VERB', 'The subject is not one that the coordinator reads.');
    if (!this.#isOpen) throw new RotaError('UNAVAILABLE', 'The coordinator is stopping.', { retryAfterMs: 1_000 });
    const answer = (frame: object) => {
      if (reply !== undefined) this.#leader.answer(reply, frame);
    };
    return HANDLERS[sender.verb](this.#leader, sender, data, answer);
  }
}
