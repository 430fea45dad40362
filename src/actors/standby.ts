import type { Logger } from 'pino';
import type { Clock } from '../clock.js';
import { decode, encode } from '../protocol/codec.js';
import { RotaError } from '../protocol/errors.js';
import { ErrorReply, type Query, QueryFrame } from '../protocol/frames.js';
import { COMBINED_BOUNDS } from '../protocol/limits.js';
import { isInbox, type Subjects } from '../protocol/subjects.js';
import { isTerminal } from '../protocol/task.js';
import type { Store } from '../store/store.js';
import type { Message, Transport } from '../transport/transport.js';
import { Admission, QUESTIONS } from './admission.js';
import { createOneByOne, type OneByOne } from './one-by-one.js';
import { answerFromStore } from './queries.js';
import { crowded, isKnown, isStoreFailure, refusalOf } from './refusal.js';
import { RefusalLog } from './refusal-log.js';

export interface StandbyOptions {
  readonly transport: Transport;
  readonly subjects: Subjects;
  readonly clock: Clock;
  readonly store: Store;
  readonly namespace: string;
  readonly version: string;
  readonly log: Logger;
}

/** How long a leader may take for a question that was passed on to it. */
const LEADER_MS = 1_000;

/**
 * Answers questions while another leads: from the store what the store knows as well as the leader; what it does not,
 * such as why a task waits just now, is passed on to the leader, and answered from the store where there is none.
 */
export class Standby {
  readonly #options: StandbyOptions;
  readonly #admission: Admission;
  readonly #refusals: RefusalLog;
  /** Work that reads much of the journal goes one at a time. */
  readonly oneByOne: OneByOne;

  constructor(options: StandbyOptions) {
    this.#options = options;
    this.oneByOne = createOneByOne(options.clock);
    this.#admission = new Admission(options.log, QUESTIONS);
    this.#refusals = new RefusalLog(options.log, options.clock);
  }

  get store(): Store {
    return this.#options.store;
  }

  async receive({ subject, data, reply }: Message): Promise<void> {
    if (reply === undefined || !isInbox(reply)) return;
    if (!this.#admission.enter(data.length)) return this.#reply(reply, this.#refusal(crowded(), data));
    try {
      this.#reply(reply, await this.#answer(subject, data));
    } catch (thrown) {
      this.#reply(reply, this.#refusal(thrown, data));
    } finally {
      this.#admission.leave(data.length);
    }
  }

  #reply(reply: string, bytes: Uint8Array): void {
    try {
      this.#options.transport.publish(reply, bytes);
    } catch {
      // Whoever asked asks again.
    }
  }

  #refusal(thrown: unknown, data: Uint8Array): Uint8Array {
    // That its store is away says the coordinator, who looks after it all the time.
    this.#refusals.note(thrown, data.length, isKnown(thrown) || isStoreFailure(thrown));
    return encode({ error: refusalOf(thrown).toWire() });
  }

  async #answer(subject: string, data: Uint8Array): Promise<Uint8Array> {
    const { subjects } = this.#options;
    const sender = subjects.parse(subject);
    if (sender === undefined) throw new RotaError('UNKNOWN_VERB', 'The subject is not one that the coordinator reads.');
    const query = decode(QueryFrame, data);
    if (await this.#isForLeader(query)) {
      const answer = await this.#passOn(subjects.from(sender.principal, 'query'), data);
      if (answer !== undefined) return answer;
    }
    return encode(await this.#fromStore(query));
  }

  /** Whether its memory says more than the store. */
  async #isForLeader(query: Query): Promise<boolean> {
    switch (query.query) {
      case 'agents':
      case 'orchestration':
      case 'decisions':
      case 'performance':
      case 'replay':
        return false;
      case 'task':
      case 'explain': {
        // A store that fails here may answer the leader.
        const known = await this.store.task(query.taskId).catch(() => undefined);
        return known === undefined || !isTerminal(known.task.status);
      }
      case 'events':
      case 'tasks':
      case 'status':
      case 'metrics':
        return true;
    }
  }

  /** Undefined where no leader answers, or one that can't just now. */
  async #passOn(subject: string, data: Uint8Array): Promise<Uint8Array | undefined> {
    try {
      const answer = await this.#options.transport.request(subject, data, { timeoutMs: LEADER_MS });
      return isUnavailable(answer.data) ? undefined : answer.data;
    } catch {
      return undefined;
    }
  }

  async #fromStore(query: Query): Promise<object> {
    if (query.query === 'status') return this.#status();
    const answer = await answerFromStore(this, query);
    if (answer !== undefined) return answer;
    throw new RotaError('UNAVAILABLE', `Nobody leads just now, and ${query.query} is asked of the leader alone.`, {
      retryAfterMs: 500,
    });
  }

  async #status(): Promise<object> {
    const { namespace, version } = this.#options;
    const leadership = await this.store.leadership();
    const { description } = this.store;
    return {
      state: 'standby',
      namespace,
      epoch: leadership?.epoch ?? 0,
      store: description,
      version,
      pools: [],
    };
  }
}

function isUnavailable(answer: Uint8Array): boolean {
  try {
    return decode(ErrorReply, answer, COMBINED_BOUNDS).error.code === 'UNAVAILABLE';
  } catch {
    return false;
  }
}
