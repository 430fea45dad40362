import type { Message } from './transport.js';

export type Handler = (message: Message) => void | Promise<void>;
export type OnError = (error: Error) => void;

/**
 * Runs what users hand in, for one connection.
 *
 * - Nothing that a handler, a listener or `onError` does throws through here: the caller is a read
 *   loop, which one exception would end.
 * - `idle` resolves when each promise that a handler returned has settled.
 */
export interface Handlers {
  run(handler: Handler, message: Message): void;
  report(thrown: unknown): void;
  idle(): Promise<void>;
}

export function createHandlers(onError: OnError = (error) => process.emitWarning(error)): Handlers {
  const running = new Set<Promise<void>>();

  const report = (thrown: unknown): void => {
    try {
      onError(asError(thrown));
    } catch (error) {
      process.emitWarning(asError(error));
    }
  };

  return {
    run(handler, message) {
      try {
        const returned = handler(message);
        if (!(returned instanceof Promise)) return;
        const settled: Promise<void> = returned.catch(report).finally(() => running.delete(settled));
        running.add(settled);
      } catch (error) {
        report(error);
      }
    },
    report,
    async idle() {
      await Promise.all(running);
    },
  };
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
