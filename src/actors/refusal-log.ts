import type { Logger } from 'pino';
import type { Clock } from '../clock.js';
import { RateLimiter } from './rate-limit.js';
import { detailsOf } from './refusal.js';

/** One sender that gets everything wrong must not fill a disk. */
const LINES = { perSecond: 10, burst: 100 };

/** What the log hears of requests that are refused. Of many at a time it hears of some, and how many it did not hear of. */
export class RefusalLog {
  readonly #log: Logger;
  readonly #clock: Pick<Clock, 'monoMs'>;
  readonly #lines = new RateLimiter(LINES);
  #untold = 0;

  constructor(log: Logger, clock: Pick<Clock, 'monoMs'>) {
    this.#log = log;
    this.#clock = clock;
  }

  /** `isSaid`: what is wrong is no fault of the request, and was said where it came to be. `bytes` are those of its frame. */
  note(thrown: unknown, bytes: number, isSaid: boolean): void {
    const fields = { ...detailsOf(thrown), bytes };
    if (isSaid) return this.#log.debug(fields, 'request refused');
    if (this.#lines.take('', 1, this.#clock.monoMs()) > 0) {
      this.#untold++;
      return;
    }
    this.#log.warn(this.#untold === 0 ? fields : { ...fields, untold: this.#untold }, 'request refused');
    this.#untold = 0;
  }
}
