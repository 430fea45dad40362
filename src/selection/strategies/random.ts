import type { Strategy } from './strategy.js';

/** Any of them, with the same chance. */
export const random: Strategy = (candidates, { chance, crowd }) => {
  const { count } = candidates;
  const index = count === 1 ? candidates.next(-1) : candidates.nth(chance.below(count));
  return { index, probability: 1 / count, why: `drawn from ${crowd(count)}` };
};
