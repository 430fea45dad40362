import { LIMITS } from '#rota/protocol/limits.js';
import { type Policies, type PolicyInput, resolvePolicies, STRATEGIES } from '#rota/protocol/policy.js';
import type { Dice } from './dice.js';
import type { DiskFaults } from './disk.js';
import { drawErrands, type Errand } from './errands.js';
import { drawExtent } from './extent.js';
import { drawMishaps, type Mishap } from './mishaps.js';
import type { NetworkFaults } from './network.js';
import { type AgentPlan, drawAgents, drawTemper, POOLS, type Temper } from './staff.js';

/** Everything that one run is made of, drawn from its seed before it begins. */
export interface Scenario {
  readonly timing: { readonly leaseMs: number; readonly heartbeatMs: number; readonly tickMs: number };
  readonly failover: {
    readonly leaseMs: number;
    readonly renewMs: number;
    readonly fenceMs: number;
    readonly pollMs: number;
  };
  readonly coordinators: number;
  /** What a turn may submit of graphs: one task, or all that are ready. */
  readonly fanOutBytes: number;
  readonly policies: Policies;
  readonly agents: readonly AgentPlan[];
  readonly temper: Temper;
  readonly clients: readonly { readonly id: string; readonly errands: readonly Errand[] }[];
  /** Whether somebody speaks who lies about what is its own. */
  readonly hasImpostor: boolean;
  readonly network: NetworkFaults;
  readonly disk: DiskFaults;
  readonly mishaps: readonly Mishap[];
  /** From here on nothing goes wrong any more. */
  readonly calmMs: number;
  /** For how long it goes on when everything has ended: what is kept for a while is to go as well. */
  readonly lingerMs: number;
}

export function drawScenario(dice: Dice): Scenario {
  const pools = POOLS.slice(0, dice.chance(0.3) ? 2 : 1);
  const extent = drawExtent(dice);
  const calmMs = dice.between(extent.roughMs.from, extent.roughMs.to);
  const agents = drawAgents(dice, pools, extent.agentsMax);
  const coordinators = dice.pick([1, 1, 2, 2, 3]);
  const clients = Array.from({ length: dice.int(1, extent.clientsMax) }, (_, nth) => ({
    id: `c${nth + 1}`,
    errands: drawErrands(dice, { client: `c${nth + 1}`, pools, agents, extent, untilMs: calmMs }),
  }));
  const rough = dice.chance(0.8) ? 1 : 0;
  return {
    timing: drawTiming(dice),
    failover: drawFailover(dice),
    coordinators,
    policies: resolvePolicies({ pools: Object.fromEntries(pools.map((pool) => [pool, drawPolicy(dice)])) }),
    agents,
    temper: drawTemper(dice),
    clients,
    hasImpostor: dice.chance(0.25),
    network: {
      drop: rough * dice.pick([0, 0.02, 0.1]),
      duplicate: rough * dice.pick([0, 0.05]),
      reorder: rough * dice.pick([0, 0.1]),
    },
    disk: {
      fail: rough * dice.pick([0, 0.02]),
      unknown: rough * dice.pick([0, 0, 0.03]),
      late: rough * dice.pick([0, 0, 0.02]),
      slow: rough * dice.pick([0, 0, 0.03]),
    },
    mishaps: drawMishaps(dice, { coordinators, agents, clients, extent, untilMs: calmMs }),
    calmMs,
    lingerMs: dice.chance(0.05) ? 15_000 : 0,
    fanOutBytes: dice.pick([1, LIMITS.fanOutBytes]),
  };
}

function drawTiming(dice: Dice): Scenario['timing'] {
  const leaseMs = dice.pick([2_000, 4_000]);
  return { leaseMs, heartbeatMs: leaseMs / 4, tickMs: dice.pick([100, 250, 400]) };
}

function drawFailover(dice: Dice): Scenario['failover'] {
  const leaseMs = dice.pick([1_500, 3_000]);
  return { leaseMs, renewMs: leaseMs / 3, fenceMs: (leaseMs * 2) / 3, pollMs: leaseMs / 6 };
}

function drawPolicy(dice: Dice): PolicyInput {
  return {
    strategy: dice.chance(0.5) ? 'round-robin' : dice.pick(STRATEGIES),
    rotationWindowMinutes: dice.pick([0, 0, 0.01, 0.05]),
    assignmentsPerWindow: dice.int(1, 2),
    historySize: dice.pick([1, 3, 100]),
    onRestart: dice.chance(0.1) ? 'reset' : 'keep',
    fallbackRetryAttempts: dice.int(0, 3),
    acceptTimeoutMs: dice.pick([0, 1_500, 60_000]),
    unschedulable: dice.pick(['fail', 'wait']),
    scoring: {
      confidence: dice.pick(['none', 'lower-bound', 'thompson']),
      explorationShare: dice.pick([0, 0.2]),
      scorer: dice.chance(0.2) ? 'semantic' : 'builtin',
    },
  };
}
