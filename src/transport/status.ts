import type { TransportStatus } from './transport.js';

/**
 * The status of one connection and who wants to hear of it. A listener hears each change once, in
 * order; `closed` is the last.
 */
export interface StatusCell {
  readonly current: TransportStatus;
  set(next: TransportStatus): void;
  listen(listener: (status: TransportStatus) => void): () => void;
}

export function createStatus(onListenerError: (thrown: unknown) => void): StatusCell {
  const listeners = new Set<(status: TransportStatus) => void>();
  let current: TransportStatus = 'connected';
  return {
    get current() {
      return current;
    },
    set(next) {
      if (next === current || current === 'closed') return;
      current = next;
      for (const listener of [...listeners]) {
        try {
          listener(next);
        } catch (error) {
          onListenerError(error);
        }
      }
    },
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
