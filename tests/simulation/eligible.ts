import type { Model, ModelAgent, ModelTask } from './model.js';

/** Who may get a task, worked out the obvious way: by looking at everybody. */

export function credit({ profile }: ModelAgent): number {
  return profile.maxConcurrency + profile.prefetch;
}

/** Whether the agent could ever take it. */
function fits(agent: ModelAgent, { record }: ModelTask, excluded: ReadonlySet<string>): boolean {
  const { profile, id } = agent;
  return (
    profile.pool === record.pool &&
    record.capabilities.every((label) => profile.capabilities.includes(label)) &&
    (record.roles.length === 0 || record.roles.some((label) => profile.roles.includes(label))) &&
    (record.assignee === undefined || record.assignee === id) &&
    !record.excludeAgents.includes(id) &&
    record.handoff?.fromAgent !== id &&
    !excluded.has(id) &&
    (record.handoff !== undefined || profile.availability === 'heartbeat')
  );
}

/** Those who refused it least often come first: nobody is asked again while there is somebody who refused less. */
function fitting(model: Model, task: ModelTask): ModelAgent[] {
  const agents = [...model.agents.values()];
  for (let allowed = 0; ; allowed++) {
    const excluded = new Set([...task.refusals].filter(([, count]) => count > allowed).map(([id]) => id));
    const found = agents.filter((agent) => fits(agent, task, excluded));
    if (found.length > 0 || excluded.size === 0) return found;
  }
}

/** Who could begin it now, whatever is fair. */
export function available(model: Model, task: ModelTask): ModelAgent[] {
  return fitting(model, task).filter(
    (agent) =>
      agent.profile.enabled &&
      agent.presence === 'online' &&
      !agent.isCordoned &&
      !agent.isOffDuty &&
      model.load(agent.id) < credit(agent),
  );
}

/** Whom the choice is among: first who was not served just now and never had it, then who never had it, then anybody. */
function candidates(model: Model, task: ModelTask, monoMs: number): ModelAgent[] {
  const all = available(model, task);
  const fresh = all.filter(({ id }) => !task.tried.has(id));
  const idle = fresh.filter(({ id }) => !isRecent(model, task.record.pool, id, monoMs));
  return idle.length > 0 ? idle : fresh.length > 0 ? fresh : all;
}

function isRecent(model: Model, poolName: string, agentId: string, monoMs: number): boolean {
  const { policy, history } = model.pool(poolName);
  if (policy === undefined || policy.rotationWindowMinutes === 0) return false;
  const sinceMs = monoMs - policy.rotationWindowMinutes * 60_000;
  const served = history.filter((entry) => entry.agentId === agentId && entry.monoMs > sinceMs);
  return served.length >= policy.assignmentsPerWindow;
}

/** The rotation that tasks with these labels share. */
function rotationOf({ record }: ModelTask): string {
  const { capabilities, roles } = record;
  const sorted = (labels: readonly string[]) => [...new Set(labels)].sort().join(' ');
  return capabilities.length + roles.length === 0 ? '' : `${sorted(capabilities)}|${sorted(roles)}`;
}

/** Whose turn it is in round robin: the next place after the one served last, and after the last place the first. */
export function nextInTurn(model: Model, task: ModelTask, monoMs: number): ModelAgent | undefined {
  const { rotations } = model.pool(task.record.pool);
  const last = rotations.get(rotationOf(task)) ?? rotations.get('') ?? -1;
  const inOrder = candidates(model, task, monoMs).sort((a, b) => a.index - b.index);
  return inOrder.find(({ index }) => index > last) ?? inOrder[0];
}
