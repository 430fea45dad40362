import type { StrategyName } from '../../protocol/policy.js';
import { leastLoaded } from './least-loaded.js';
import { powerOfTwo } from './power-of-two.js';
import { random } from './random.js';
import { roundRobin } from './round-robin.js';
import type { Strategy } from './strategy.js';
import { weighted } from './weighted.js';

export const STRATEGY_BY_NAME: Readonly<Record<StrategyName, Strategy>> = {
  'round-robin': roundRobin,
  'least-loaded': leastLoaded,
  random,
  'power-of-two': powerOfTwo,
  weighted,
};
