import { type Logger, pino } from 'pino';
import { Log } from './signals.js';

export interface HeardLog {
  readonly log: Logger;
  /** Resolves once something was logged whose message has this text. */
  hears(text: string): Promise<void>;
}

/** A log that tests listen to. */
export function heardLog(): HeardLog {
  const lines = new Log<string>();
  return {
    log: pino({ level: 'debug' }, { write: (line) => lines.push(JSON.parse(line).msg) }),
    hears: async (text) => void (await lines.first((msg) => msg.includes(text))),
  };
}
