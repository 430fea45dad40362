import { slotsInWords } from '../words.js';
import type { Strategy } from './strategy.js';

/** Who could begin the most tasks at once; the rotation settles ties. */
export const leastLoaded: Strategy = (candidates, { cursor, crowd }) => {
  const most = candidates.withMostSlots();
  const index = most.next(cursor);
  const tie = most.count === 1 ? '' : `, next in turn of ${most.count} with as many`;
  const why = `${slotsInWords(candidates.slotsOf(index))}, the most of ${crowd(candidates.count)}${tie}`;
  return { index, probability: 1, why };
};
