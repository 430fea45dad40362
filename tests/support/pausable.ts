import type { Store } from '#rota/index.js';
import { type Gate, gate } from './signals.js';

/** A store that stands still when the test says so, as for a process that is paused. */
export interface Pausable {
  readonly store: Store;
  pause(): void;
  /** What was asked meanwhile goes on. */
  resume(): void;
}

export function pausable(store: Store): Pausable {
  let open: Gate | undefined;
  const { renew, append, lead } = store;
  const held =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      await open?.passed;
      return call.apply(store, args);
    };
  store.renew = held(renew);
  store.append = held(append);
  store.lead = held(lead);
  return {
    store,
    pause() {
      open = gate();
    },
    resume() {
      open?.open();
      open = undefined;
    },
  };
}
