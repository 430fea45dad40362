import { setMaxListeners } from 'node:events';
import type { Logger } from 'pino';
import { sleep } from '../clock.js';
import { failpoint } from '../failpoints.js';
import { RotaError } from '../protocol/errors.js';
import { LIMITS } from '../protocol/limits.js';
import type { Sender, Subjects, Verb } from '../protocol/subjects.js';
import type { Message } from '../transport/transport.js';
import { Admission, QUESTIONS, WORK } from './admission.js';
import type { Leader } from './leader.js';
import type { Outbox } from './outbox.js';
import { crowded, isKnown, isStoreFailure, refusalOf, stopping, unsure } from './refusal.js';
import { RefusalLog } from './refusal-log.js';
import { HANDLERS } from './requests.js';

/** For so long a leader that may not act leaves the answer to another, before it says that it can't give one. */
const PRECEDENCE_MS = 1_000;

/** What always leaves facts in the journal. Signs of life are heard also when that has no room: nobody is to be lost for it. */
const RECORDED = new Set<Verb>([
  'register',
  'report',
  'submit',
  'orchestrate',
  'assign',
  'settle',
  'cancel',
  'registry',
]);
/** What begins something. What ends something is taken for longer. */
const NEW = new Set<Verb>(['submit', 'orchestrate', 'assign']);

export interface IntakeOptions {
  readonly leader: Leader;
  readonly outbox: Outbox;
  readonly subjects: Subjects;
  readonly log: Logger;
  /** Aborts when the leader's term is over. */
  readonly over: AbortSignal;
}

/**
 * The only place that reads foreign bytes. A message is scanned, decoded and checked before an actor
 * hears of it; whatever is wrong with it is answered with a typed error and changes nothing.
 *
 * Must hold: nothing is refused for what a leader remembers that may not act. Another may lead by now, and know of an
 * agent or a session that this one has never heard of.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #work: Admission;
  readonly #questions: Admission;
  readonly #refusals: RefusalLog;
  #isOpen = true;
  /** Refusals that wait whether another answers. */
  #waiting = 0;
  #onQuiet: (() => void) | undefined;

  constructor(options: IntakeOptions) {
    this.#options = options;
    // Many refusals may wait for one end.
    setMaxListeners(0, options.over);
    this.#work = new Admission(options.log, WORK);
    this.#questions = new Admission(options.log, QUESTIONS);
    this.#refusals = new RefusalLog(options.log, options.leader.clock);
  }

  /** The frame is gone by the time that a refusal waits. */
  readonly receive = (message: Message): Promise<void> => {
    const { reply } = message;
    return this.#take(message).then((isDone) => (isDone || reply === undefined ? undefined : this.#refuseLate(reply)));
  };

  /** Refuses what comes from now on, and resolves once what came before has been handled. */
  close(): Promise<void> {
    this.#isOpen = false;
    return new Promise((resolve) => {
      this.#onQuiet = resolve;
      if (this.#isQuiet) resolve();
    });
  }

  /** False where nothing may be answered yet. */
  async #take({ subject, data, reply }: Message): Promise<boolean> {
    const { leader, subjects } = this.#options;
    const sender = subjects.parse(subject);
    const admission = sender?.verb === 'query' ? this.#questions : this.#work;
    if (!admission.enter(data.length)) {
      if (leader.isCurrent) this.#refuse(crowded(), data, reply);
      return leader.isCurrent;
    }
    try {
      await this.#handle(sender, data, reply);
      return true;
    } catch (thrown) {
      // Either the store is away for all, which is said then, or it can't answer this one question.
      if (isStoreFailure(thrown)) await leader.confirm().catch(() => {});
      if (leader.isCurrent) this.#refuse(thrown, data, reply);
      return leader.isCurrent;
    } finally {
      admission.leave(data.length);
      if (this.#isQuiet) this.#onQuiet?.();
    }
  }

  get #isQuiet(): boolean {
    return this.#work.isEmpty && this.#questions.isEmpty;
  }

  #handle(sender: Sender | undefined, data: Uint8Array, reply: string | undefined): void | Promise<void> {
    const { leader } = this.#options;
    failpoint('intake.received');
    if (sender === undefined) throw new RotaError('UNKNOWN_VERB', 'The subject is not one that the coordinator reads.');
    if (!this.#isOpen) throw stopping();
    // Before anything is decoded: a flood is refused at the least cost.
    if (RECORDED.has(sender.verb)) leader.assertRoom();
    if (NEW.has(sender.verb)) leader.assertFollowed();
    const answer = (frame: object) => {
      if (reply !== undefined) leader.answer(reply, frame);
    };
    return HANDLERS[sender.verb](leader, sender, data, answer);
  }

  #refuse(thrown: unknown, data: Uint8Array, reply: string | undefined): void {
    const { leader, outbox } = this.#options;
    this.#refusals.note(thrown, data.length, isKnown(thrown) || (isStoreFailure(thrown) && leader.isStalled));
    if (reply !== undefined) outbox.respond(reply, { error: refusalOf(thrown).toWire() });
  }

  /** Whoever leads now answers first: to be told that nobody can must not come before. */
  async #refuseLate(reply: string): Promise<void> {
    const { leader, outbox, over } = this.#options;
    // Who hears nothing asks again.
    if (this.#waiting >= LIMITS.uncommittedReplies) return;
    this.#waiting++;
    await sleep(leader.clock, PRECEDENCE_MS, over);
    this.#waiting--;
    if (!over.aborted) outbox.respond(reply, { error: unsure().toWire() });
  }
}
