/** What a task asks of its agent. Those that ask the same have the same `key`, and wait in one line. */
export interface Requirement {
  readonly key: string;
  /**
   * Of the labels alone: who has them all is worked out once for all tasks that ask for them, and these have
   * a rotation of their own.
   */
  readonly labelsKey: string;
  /** All of these. */
  readonly capabilities: readonly string[];
  /** One of these, where there are any. */
  readonly roles: readonly string[];
  /** This agent and no other. */
  readonly assignee?: string;
  readonly excludeAgents: readonly string[];
  /** It is assigned and not dispatched, so it may go to agents that do not listen. */
  readonly isHandoff: boolean;
}

/** The fields of a task that say who may get it. */
interface Demands {
  readonly capabilities: readonly string[];
  readonly roles: readonly string[];
  readonly assignee?: string | undefined;
  readonly excludeAgents: readonly string[];
  readonly handoff?: { readonly fromAgent?: string } | undefined;
}

const NOTHING: Demands = { capabilities: [], roles: [], excludeAgents: [] };
const ANYONE = build(NOTHING);
const ANYONE_BY_HANDOFF = build({ ...NOTHING, handoff: {} });

export function requirementOf(demands: Demands): Requirement {
  const { capabilities, roles, assignee, excludeAgents, handoff } = demands;
  if (
    capabilities.length === 0 &&
    roles.length === 0 &&
    excludeAgents.length === 0 &&
    assignee === undefined &&
    handoff?.fromAgent === undefined
  ) {
    return handoff === undefined ? ANYONE : ANYONE_BY_HANDOFF;
  }
  return build(demands);
}

function build({ capabilities, roles, assignee, excludeAgents, handoff }: Demands): Requirement {
  const allOf = sorted(capabilities);
  const anyOf = sorted(roles);
  const excluded = sorted(handoff?.fromAgent === undefined ? excludeAgents : [...excludeAgents, handoff.fromAgent]);
  // Neither labels nor ids have a space or a bar in them.
  const labelsKey = allOf.length + anyOf.length === 0 ? '' : `${allOf.join(' ')}|${anyOf.join(' ')}`;
  return {
    key: `${labelsKey}|${assignee ?? ''}|${excluded.join(' ')}|${handoff === undefined ? '' : 'handoff'}`,
    labelsKey,
    capabilities: allOf,
    roles: anyOf,
    ...(assignee === undefined ? {} : { assignee }),
    excludeAgents: excluded,
    isHandoff: handoff !== undefined,
  };
}

function sorted(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}
