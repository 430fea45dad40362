import type { AgentProfileInput } from '#rota/protocol/agent.js';
import type { Dice } from './dice.js';

/** Who works in a run, and how. */

export const POOLS = ['p', 'q'] as const;
export const CAPABILITIES = ['sql', 'gpu'] as const;
export const ROLES = ['dev', 'ops'] as const;
export const WORK_TYPES = ['w1', 'w2'] as const;

export interface AgentPlan {
  readonly id: string;
  readonly profile: AgentProfileInput;
  /** Handlers run up to so long. */
  readonly workMs: number;
}

/** What agents do with tasks, by weight. */
export interface Temper {
  readonly succeed: number;
  readonly fail: number;
  readonly failForGood: number;
  readonly reject: number;
  /** Never ends by itself; only of tasks that have a timeout. */
  readonly hang: number;
  /** Takes its whole process down. */
  readonly crash: number;
}

export const CALM_TEMPER: Temper = { succeed: 10, fail: 1, failForGood: 0, reject: 0, hang: 0, crash: 0 };

export function drawTemper(dice: Dice): Temper {
  return {
    succeed: 10,
    fail: dice.pick([0, 1, 5]),
    failForGood: dice.pick([0, 1]),
    reject: dice.pick([0, 0, 3]),
    hang: dice.pick([0, 2]),
    crash: dice.pick([0, 0, 1]),
  };
}

export function drawAgents(dice: Dice, pools: readonly string[], most: number): AgentPlan[] {
  return Array.from({ length: dice.int(Math.min(2, most), most) }, (_, nth) => {
    // The first of a pool can take everything: no task waits for somebody who never comes.
    const isFirst = nth < pools.length;
    return {
      id: `a${nth + 1}`,
      profile: {
        pool: pools[nth % pools.length] ?? 'p',
        maxConcurrency: dice.int(1, 3),
        prefetch: dice.pick([0, 0, 0, 2]),
        capabilities: isFirst ? [...CAPABILITIES] : dice.some(CAPABILITIES, 0.5),
        roles: isFirst ? [...ROLES] : dice.some(ROLES, 0.5),
        specializations: dice.some(WORK_TYPES, 0.3),
      },
      workMs: dice.pick([0, 50, 500, 1_500]),
    };
  });
}
