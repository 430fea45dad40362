import { setMaxListeners } from 'node:events';

/** Many calls wait on one signal: that is no leak of listeners, of which Node would warn. */
export function unwarned(signal: AbortSignal): AbortSignal {
  setMaxListeners(0, signal);
  return signal;
}
