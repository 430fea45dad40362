import type { Decision } from '../protocol/decision.js';
import type { DecideTask } from './decide-input.js';
import { type DecideInput, strategyOf } from './decide-input.js';
import type { Found } from './looks.js';

/** How a choice is said in words, for people. */

export function crowdInWords(count: number, { fallback }: Found): string {
  if (fallback === 'window') return `${count} free agents that were served recently`;
  if (fallback === 'triedBefore') return `${count} free agents that had it before`;
  return `${count} free agents`;
}

export function onlyOneInWords({ requirement }: DecideTask, { fallback }: Found): string {
  const who = requirement.assignee === undefined ? 'the only free agent' : 'the agent that the task names';
  if (fallback === 'window') return `${who}, though served recently`;
  if (fallback === 'triedBefore') return `${who}, though it had the task before`;
  return who;
}

/** What was not as the policy asks. Of several the gravest is told: that a strategy or a scorer failed. */
export function fallbackOf(input: DecideInput, found: Found, failure: string | undefined): Decision['fallback'] {
  if (failure !== undefined) return { kind: 'strategy', reason: `${strategyOf(input)} failed: ${failure}` };
  const { given, policy } = input;
  if (strategyOf(input) === 'weighted' && given !== undefined && 'failure' in given) {
    return { kind: 'scorer', reason: given.failure };
  }
  switch (found.fallback) {
    case 'window': {
      const within = `within the last ${policy.rotationWindowMinutes} min`;
      return { kind: 'window', reason: `whoever is free and fits was served ${within} or had the task before` };
    }
    case 'triedBefore':
      return { kind: 'triedBefore', reason: 'whoever is free and fits had the task before' };
    case undefined:
      return undefined;
  }
}
