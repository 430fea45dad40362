import type { JournalEvent, NodeImage, OrchestrationImage, Recovered } from '../protocol/journal.js';
import type { ActorSystem } from './system.js';

interface OpenOrchestration extends Omit<OrchestrationImage, 'nodes'> {
  readonly nodes: Map<string, NodeImage>;
}

/**
 * Rebuilds the actors from the tables and the journal's tail, through the same `apply` that runs live.
 * Every agent is given a full lease to be heard from, and every lease and backoff begins anew.
 */
export function recover(system: ActorSystem, recovered: Recovered): void {
  const orchestrations = new Map<string, OpenOrchestration>();
  for (const image of recovered.orchestrations) {
    const nodes = new Map(image.nodes.map((node) => [node.key, node]));
    orchestrations.set(image.spec.id, { ...image, nodes });
  }
  for (const image of recovered.pools) system.selectorOf(image.pool).restore(image);
  for (const row of recovered.tail) {
    for (const event of row.events) {
      applyToPool(system, event);
      applyToOrchestration(system, orchestrations, event);
    }
  }
  for (const selector of system.selectors()) {
    selector.lineUp();
    for (const { id, presence, profile } of selector.roster.members()) {
      // As RESUME will have it: an agent that was online is one that is to be heard of.
      if (profile.availability === 'source') system.agentListed(id, profile);
      else system.agentKnown(id, selector.pool, presence === 'online' ? 'suspect' : presence);
    }
  }
  for (const { nodes, ...image } of orchestrations.values()) {
    system.orchestrationKnown({ ...image, nodes: [...nodes.values()] });
  }
}

function applyToPool(system: ActorSystem, event: JournalEvent): void {
  switch (event.type) {
    case 'orchestrationCreated':
    case 'orchestrationCancelling':
    case 'orchestrationEnded':
    case 'reportRefused':
      return;
    case 'agentRegistered':
      return system.selectorOf(event.profile.pool).apply(event);
    case 'policySet':
    case 'rotationReset':
      return system.selectorOf(event.pool).apply(event);
    case 'agentPresence':
    case 'agentFlagged':
    case 'agentDeregistered':
      return system
        .selectors()
        .find((selector) => selector.roster.get(event.agentId))
        ?.apply(event);
    case 'taskSubmitted':
      return system.selectorOf(event.task.pool).apply(event);
    default: {
      const pool = system.task(event.taskId)?.record.pool;
      if (pool !== undefined) system.selectorOf(pool).apply(event);
    }
  }
}

function applyToOrchestration(system: ActorSystem, open: Map<string, OpenOrchestration>, event: JournalEvent): void {
  if (event.type === 'orchestrationCreated') {
    const { spec, submittedBy, watch, taskIds } = event;
    open.set(spec.id, { spec, submittedBy, watch, taskIds, isCancelling: false, nodes: new Map() });
  } else if (event.type === 'orchestrationCancelling') {
    const known = open.get(event.orchestrationId);
    if (known !== undefined) open.set(event.orchestrationId, { ...known, isCancelling: true });
  } else if (event.type === 'orchestrationEnded') {
    open.delete(event.orchestrationId);
  } else {
    const taskId = event.type === 'taskSubmitted' ? event.task.id : 'taskId' in event ? event.taskId : undefined;
    const task = taskId === undefined ? undefined : system.task(taskId);
    const { orchestrationId, key } = task?.record ?? {};
    if (task === undefined || orchestrationId === undefined || key === undefined) return;
    const { status, result, error } = task;
    open.get(orchestrationId)?.nodes.set(key, {
      key,
      status,
      ...(result === undefined ? {} : { result }),
      ...(error === undefined ? {} : { error }),
    });
  }
}
