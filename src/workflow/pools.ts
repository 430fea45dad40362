import type { Problem } from './problem.js';

interface PoolNode {
  readonly key: string;
  readonly pool: string;
  readonly capabilities?: readonly string[] | undefined;
  readonly roles?: readonly string[] | undefined;
  readonly assignee?: string | undefined;
  readonly excludeAgents?: readonly string[] | undefined;
}

interface PoolAgent {
  readonly id: string;
  readonly pool: string;
  readonly capabilities: readonly string[];
  readonly roles: readonly string[];
}

/** One thing that a task asks of its agent: who has it, and what is wrong where nobody does. */
interface Demand {
  isMetBy(agent: PoolAgent): boolean;
  problem(members: readonly PoolAgent[]): Problem;
}

const AGENTS_SHOWN = 8;

/** Finds tasks that none of these agents could ever take: nobody serves the pool, or nobody there has what they ask for. */
export function checkPools(nodes: readonly PoolNode[], agents: readonly PoolAgent[]): Problem[] {
  const pools = byPool(agents);
  return nodes.flatMap((node): Problem[] => {
    const served = pools.get(node.pool);
    if (served === undefined) return [unservedPool(node.key, [...pools.keys()])];
    let members: readonly PoolAgent[] = served;
    for (const { isMetBy, problem } of demandsOf(node)) {
      const able = members.filter(isMetBy);
      if (able.length === 0) return [problem(members)];
      members = able;
    }
    return [];
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

function demandsOf({ key, pool, assignee, excludeAgents = [], capabilities = [], roles = [] }: PoolNode): Demand[] {
  const path = (field: string) => ['tasks', key, field];
  return [
    {
      isMetBy: ({ id }) => assignee === undefined || id === assignee,
      problem: (members) => ({
        path: path('assignee'),
        problem: `no agent of the pool ${pool} has this id`,
        known: members.map(({ id }) => id),
        remedy: 'Correct the id, or add the agent to the agents file.',
      }),
    },
    {
      isMetBy: ({ id }) => !excludeAgents.includes(id),
      problem: () => ({
        path: path('excludeAgents'),
        problem: 'no agent is left that may take the task',
        remedy: 'Exclude fewer, or add an agent to the agents file.',
      }),
    },
    {
      isMetBy: (agent) => capabilities.every((capability) => agent.capabilities.includes(capability)),
      problem: (members) => ({
        path: path('capabilities'),
        problem: `no agent of the pool ${pool} has all of ${capabilities.join(', ')} (${whoHas(members, 'capabilities')})`,
        remedy: 'Add the capabilities to one agent of the agents file, or remove them from the task.',
      }),
    },
    {
      isMetBy: (agent) => roles.length === 0 || roles.some((role) => agent.roles.includes(role)),
      problem: (members) => ({
        path: path('roles'),
        problem: `no agent of the pool ${pool} has one of ${roles.join(', ')} (${whoHas(members, 'roles')})`,
        remedy: 'Add one of the roles to an agent of the agents file, or remove them from the task.',
      }),
    },
  ];
}

function unservedPool(key: string, pools: readonly string[]): Problem {
  return {
    path: ['tasks', key, 'pool'],
    problem: 'no agent serves this pool',
    known: pools,
    remedy: 'Correct the pool, or add an agent for it to the agents file.',
  };
}

function whoHas(members: readonly PoolAgent[], what: 'capabilities' | 'roles'): string {
  const has = members.slice(0, AGENTS_SHOWN).map((agent) => `${agent.id} has ${agent[what].join(', ') || 'none'}`);
  if (members.length > has.length) has.push(`${members.length - has.length} more agents`);
  return has.join('; ');
}
