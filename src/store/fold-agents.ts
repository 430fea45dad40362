import type { AgentDeregistered, AgentFlagged, AgentRegistered } from '../protocol/journal.js';
import { type Changes, patch, patchPool } from './changes.js';
import type { AgentsTable } from './schema.js';
import { flag, jsonOrNull } from './values.js';

/** What facts about agents change. */

export function agentRegistered(changes: Changes, event: AgentRegistered): void {
  const { agentId, profile, atMs } = event;
  const known = changes.agents.get(agentId);
  changes.agents.set(agentId, {
    kind: 'insert',
    row: {
      id: agentId,
      pool: profile.pool,
      session: event.session,
      kind: profile.kind,
      enabled: flag(profile.enabled),
      availability: profile.availability,
      capabilities: JSON.stringify(profile.capabilities),
      roles: JSON.stringify(profile.roles),
      specializations: JSON.stringify(profile.specializations),
      max_concurrency: profile.maxConcurrency,
      prefetch: profile.prefetch,
      working_hours: jsonOrNull(profile.workingHours),
      embedding: jsonOrNull(profile.embedding),
      pool_index: event.index,
      presence: event.presence,
      cordoned: flag(event.isCordoned),
      off_duty: flag(event.isOffDuty),
      registered_at_ms: atMs,
      created_at_ms: known?.kind === 'insert' ? known.row.created_at_ms : atMs,
      last_heartbeat_at_ms: null,
      updated_at_ms: atMs,
    },
  });
  patchPool(changes, profile.pool, {});
}

export function agentFlagged(changes: Changes, { agentId, flag: name, isSet, atMs }: AgentFlagged): void {
  const values: Partial<AgentsTable> = name === 'cordoned' ? { cordoned: flag(isSet) } : { off_duty: flag(isSet) };
  patch(changes.agents, agentId, { ...values, updated_at_ms: atMs });
}

/** What the batch has of it so far goes too; what comes later under its id is another agent's. */
export function agentDeregistered(changes: Changes, { agentId }: AgentDeregistered): void {
  changes.agents.delete(agentId);
  changes.deregistered.add(agentId);
  for (const decision of changes.decisions) {
    if (decision.selected_agent_id === agentId) decision.selected_agent_id = null;
  }
  for (const end of changes.ends) {
    if (end.execution?.agentId === agentId) end.execution = undefined;
  }
}
