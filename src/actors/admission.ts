import type { Logger } from 'pino';
import { LIMITS } from '../protocol/limits.js';

/** How full it may be when it is said that there is room again. */
const RELIEF = 0.5;

/** What waits in one room, and how much of it may. */
export interface Room {
  readonly what: string;
  readonly requests: number;
  readonly bytes: number;
}

/** What carries work on. */
export const WORK: Room = { what: 'requests', requests: LIMITS.waitingRequests, bytes: LIMITS.waitingBytes };
/** What only wants to know takes none of that room, however much of it comes. */
export const QUESTIONS: Room = {
  what: 'questions',
  requests: LIMITS.waitingQuestions,
  bytes: LIMITS.waitingQuestionBytes,
};

/**
 * Room for requests that wait, for the store above all: one that hangs must not fill the memory with those who ask.
 * Each that enters leaves, answered or not. It is said once that there is no room, until there is a lot of it.
 */
export class Admission {
  readonly #log: Logger;
  readonly #room: Room;
  #requests = 0;
  #bytes = 0;
  #isCrowded = false;

  constructor(log: Logger, room: Room) {
    this.#log = log;
    this.#room = room;
  }

  get isEmpty(): boolean {
    return this.#requests === 0;
  }

  /** Whether there is room for one more; if so it is inside. */
  enter(bytes: number): boolean {
    if (this.#fill(bytes) > 1) {
      if (!this.#isCrowded) {
        const { what } = this.#room;
        this.#log.warn({ [what]: this.#requests, bytes: this.#bytes }, `${what} are refused: too many wait`);
      }
      this.#isCrowded = true;
      return false;
    }
    this.#requests++;
    this.#bytes += bytes;
    return true;
  }

  leave(bytes: number): void {
    this.#requests--;
    this.#bytes -= bytes;
    if (!this.#isCrowded || this.#fill(0) > RELIEF) return;
    this.#isCrowded = false;
    this.#log.info(`there is room for ${this.#room.what} again`);
  }

  /** With one more of so many bytes: up to 1 where that has room. */
  #fill(bytes: number): number {
    const room = this.#room;
    return Math.max((this.#requests + 1) / room.requests, (this.#bytes + bytes) / room.bytes);
  }
}
