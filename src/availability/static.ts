import { type AvailabilitySource, sourceClosed } from './source.js';

/** Those that are named are there, always. */
export function createStaticSource(ids: readonly string[]): AvailabilitySource {
  const available = new Set(ids);
  let isClosed = false;
  return {
    async available() {
      if (isClosed) throw sourceClosed();
      return available;
    },
    close() {
      isClosed = true;
    },
  };
}
