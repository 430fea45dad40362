import type { Dice } from './dice.js';
import type { Extent } from './extent.js';
import type { AgentPlan } from './staff.js';

/** When something goes wrong: at an instant, at the nth step, or with the nth row, before whoever wrote it hears of that. */
export type Moment = { readonly kind: 'time' | 'step' | 'row'; readonly at: number };

/** Something that goes wrong; what has a duration ends by itself, and at the latest when all is calm. */
export type Mishap = { readonly when: Moment; readonly forMs: number } & (
  | { readonly kind: 'kill' | 'pause' | 'cut' | 'clock'; readonly whom: string }
  /** A second process under the same id, while the first one is paused and comes back. */
  | { readonly kind: 'twin'; readonly whom: string }
  | { readonly kind: 'stop' | 'drain'; readonly whom: string }
  | { readonly kind: 'broker' | 'store' }
);

/** Whoever leads when it happens. */
export const LEADER = 'leader';

export interface MishapsInput {
  readonly coordinators: number;
  readonly agents: readonly AgentPlan[];
  readonly clients: readonly { readonly id: string }[];
  readonly extent: Extent;
  readonly untilMs: number;
}

export function drawMishaps(dice: Dice, input: MishapsInput): Mishap[] {
  const count = dice.int(0, input.extent.mishapsMax);
  return Array.from({ length: count }, () => drawMishap(dice, input));
}

function drawMishap(dice: Dice, { coordinators, agents, clients, extent, untilMs }: MishapsInput): Mishap {
  const when = drawMoment(dice, extent, untilMs);
  const forMs = dice.pick([50, 500, 1_500, 2_500, 4_000]);
  const kind = dice.weighted({ kill: 6, pause: 4, cut: 3, clock: 2, twin: 1, stop: 2, drain: 1, broker: 1, store: 1 });
  if (kind === 'broker' || kind === 'store') return { kind, when, forMs };
  const agent = dice.pick(agents).id;
  if (kind === 'twin' || kind === 'drain') return { kind, when, forMs, whom: agent };
  const coordinator = dice.pick([LEADER, LEADER, `k${dice.int(1, coordinators)}`]);
  if (kind === 'stop') return { kind, when, forMs, whom: dice.pick([coordinator, agent]) };
  return { kind, when, forMs, whom: dice.pick([coordinator, coordinator, agent, agent, dice.pick(clients).id]) };
}

function drawMoment(dice: Dice, { rowsMax, stepsMax }: Extent, untilMs: number): Moment {
  const kind = dice.weighted({ time: 2, step: 2, row: 3 });
  switch (kind) {
    case 'time':
      return { kind, at: dice.between(100, untilMs * 0.9) };
    case 'step':
      return { kind, at: dice.int(20, stepsMax) };
    case 'row':
      return { kind, at: dice.int(1, rowsMax) };
  }
}
