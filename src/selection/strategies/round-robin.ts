import type { Strategy } from './strategy.js';

/**
 * The next candidate after the one served last. An agent that joins or leaves moves nobody else's
 * turn, because the rotation remembers a place, not a position in a list that changes.
 */
export const roundRobin: Strategy = (candidates, { cursor, nameOf, crowd }) => {
  const index = candidates.next(cursor);
  const last = cursor === index ? '' : nameOf(cursor);
  const after = last === '' ? '' : `, after ${last}`;
  return { index, probability: 1, why: `next in turn of ${crowd(candidates.count)}${after}` };
};
