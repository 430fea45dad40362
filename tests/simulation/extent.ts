import type { Dice } from './dice.js';

/** How much there is of everything in one run. Most runs are small: they cost little, and few things are enough to go wrong. */
export interface Extent {
  /** For so long things go wrong. */
  readonly roughMs: { readonly from: number; readonly to: number };
  readonly agentsMax: number;
  readonly clientsMax: number;
  /** Of one client, submits that is; what else it does comes on top. */
  readonly submitsMax: number;
  readonly mishapsMax: number;
  /** A mishap that comes with a row, or at a step, comes with one of so many. */
  readonly rowsMax: number;
  readonly stepsMax: number;
}

const EXTENTS = {
  small: {
    ...{ roughMs: { from: 700, to: 2_000 }, agentsMax: 2, clientsMax: 1, submitsMax: 1, mishapsMax: 3 },
    ...{ rowsMax: 12, stepsMax: 200 },
  },
  medium: {
    ...{ roughMs: { from: 1_500, to: 4_000 }, agentsMax: 3, clientsMax: 2, submitsMax: 2, mishapsMax: 5 },
    ...{ rowsMax: 25, stepsMax: 400 },
  },
  large: {
    ...{ roughMs: { from: 2_500, to: 7_000 }, agentsMax: 4, clientsMax: 2, submitsMax: 4, mishapsMax: 9 },
    ...{ rowsMax: 50, stepsMax: 800 },
  },
} as const satisfies Record<string, Extent>;

export function drawExtent(dice: Dice): Extent {
  return EXTENTS[dice.weighted({ small: 6, medium: 3, large: 1 })];
}
