import type { Problem } from './problem.js';

interface PoolNode {
  readonly key: string;
  readonly pool: string;
  readonly capabilities?: readonly string[] | undefined;
}

interface PoolAgent {
  readonly id: string;
  readonly pool: string;
  readonly capabilities: readonly string[];
}

const AGENTS_SHOWN = 8;

/** Finds tasks that none of these agents could ever take: nobody serves the pool, or nobody there has all capabilities. */
export function checkPools(nodes: readonly PoolNode[], agents: readonly PoolAgent[]): Problem[] {
  const pools = byPool(agents);
  return nodes.flatMap(({ key, pool, capabilities = [] }): Problem[] => {
    const members = pools.get(pool);
    if (members === undefined) return [unservedPool(key, [...pools.keys()])];
    const able = members.some((agent) => capabilities.every((capability) => agent.capabilities.includes(capability)));
    return able ? [] : [missingCapabilities(key, capabilities, pool, members)];
  });
}

function byPool(agents: readonly PoolAgent[]): Map<string, PoolAgent[]> {
  const pools = new Map<string, PoolAgent[]>();
  for (const agent of agents) {
    const members = pools.get(agent.pool);
    if (members) members.push(agent);
    else pools.set(agent.pool, [agent]);
  }
  return pools;
}

function unservedPool(key: string, pools: readonly string[]): Problem {
  return {
    path: ['tasks', key, 'pool'],
    problem: 'no agent serves this pool',
    known: pools,
    remedy: 'Correct the pool, or add an agent for it to the agents file.',
  };
}

function missingCapabilities(
  key: string,
  capabilities: readonly string[],
  pool: string,
  members: readonly PoolAgent[],
): Problem {
  const has = members
    .slice(0, AGENTS_SHOWN)
    .map((agent) => `${agent.id} has ${agent.capabilities.join(', ') || 'none'}`);
  if (members.length > has.length) has.push(`${members.length - has.length} more agents`);
  return {
    path: ['tasks', key, 'capabilities'],
    problem: `no agent of the pool ${pool} has all of ${capabilities.join(', ')} (${has.join('; ')})`,
    remedy: 'Add the capabilities to one agent of the agents file, or remove them from the task.',
  };
}
