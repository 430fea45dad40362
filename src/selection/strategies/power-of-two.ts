import type { Candidates } from '../candidates.js';
import { slotsInWords } from '../words.js';
import type { Strategy } from './strategy.js';

/**
 * Two different ones are drawn, and the one with more free slots gets it; with as many, the one drawn
 * first. Nearly as even as looking at all of them, and it does not send everybody to the same agent.
 */
export const powerOfTwo: Strategy = (candidates, { chance, nameOf, crowd }) => {
  const { count } = candidates;
  if (count === 1) return { index: candidates.next(-1), probability: 1, why: `drawn from ${crowd(count)}` };
  const firstRank = chance.below(count);
  const otherRank = chance.below(count - 1);
  const first = candidates.nth(firstRank);
  const second = candidates.nth(otherRank < firstRank ? otherRank : otherRank + 1);
  const isFirst = candidates.slotsOf(first) >= candidates.slotsOf(second);
  const [index, other] = isFirst ? [first, second] : [second, first];
  const slots = candidates.slotsOf(index);
  const than = `drawn with ${nameOf(other)} (${slotsInWords(candidates.slotsOf(other))}) from ${crowd(count)}`;
  return { index, probability: probabilityWith(candidates, slots), why: `${slotsInWords(slots)}, ${than}` };
};

/** Of the ordered pairs of two different candidates, how many are won by one with so many free slots. */
function probabilityWith(candidates: Candidates, slots: number): number {
  const { count } = candidates;
  const weaker = candidates.countWithFewerSlots(slots);
  const equals = candidates.countWithSlots(slots) - 1;
  // Drawn first it wins against weaker ones and equals, drawn second against weaker ones alone.
  return (2 * weaker + equals) / (count * (count - 1));
}
