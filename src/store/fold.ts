import type { JournalEvent, JournalRow, OrchestrationCreated } from '../protocol/journal.js';
import { type Changes, noChanges, type Place, patch, patchPool, resetRotations } from './changes.js';
import { agentDeregistered, agentFlagged, agentRegistered } from './fold-agents.js';
import { taskAssigned, taskCancelled, taskCompleted, taskFailed, taskReleased, taskSubmitted } from './fold-tasks.js';
import { plain } from './values.js';

/** Reduces rows of the journal, in their order, to what they change. */
export function fold(rows: readonly JournalRow[]): Changes {
  const changes = noChanges();
  for (const { seq, events } of rows) {
    for (const [position, event] of events.entries()) add(changes, event, { seq, position });
  }
  return changes;
}

function add(changes: Changes, event: JournalEvent, place: Place): void {
  switch (event.type) {
    case 'agentRegistered':
      return agentRegistered(changes, event);
    case 'agentPresence': {
      const { agentId, presence, atMs } = event;
      return patch(changes.agents, agentId, { presence, updated_at_ms: atMs });
    }
    case 'agentFlagged':
      return agentFlagged(changes, event);
    case 'agentDeregistered':
      return agentDeregistered(changes, event);
    case 'policySet': {
      const { pool, version, policy } = event;
      return patchPool(changes, pool, { policy_version: version, policy: JSON.stringify(policy) });
    }
    case 'rotationReset': {
      const { seq, position } = place;
      resetRotations(changes, event.pool);
      return patchPool(changes, event.pool, { history_after_seq: seq, history_after_position: position });
    }
    case 'taskSubmitted':
      return taskSubmitted(changes, event);
    case 'taskAssigned':
      return taskAssigned(changes, event, place);
    case 'taskAccepted':
      return patch(changes.tasks, event.taskId, { status: 'running', changed_at_ms: event.atMs });
    case 'taskReleased':
      return taskReleased(changes, event);
    case 'taskCompleted':
      return taskCompleted(changes, event);
    case 'taskFailed':
      return taskFailed(changes, event);
    case 'taskCancelled':
      return taskCancelled(changes, event);
    case 'reportRefused': {
      const { taskId, agentId, token, code, atMs } = event;
      changes.refusals.push({ task_id: taskId, ...place, agent_id: agentId, token, code, at_ms: atMs });
      return;
    }
    case 'orchestrationCreated':
      return orchestrationCreated(changes, event);
    case 'orchestrationCancelling':
      return patch(changes.orchestrations, event.orchestrationId, { status: 'cancelling' });
    case 'orchestrationEnded':
      return patch(changes.orchestrations, event.orchestrationId, {
        status: event.status,
        skipped: JSON.stringify(event.skipped),
        reason: plain(event.reason),
        ended_at_ms: event.atMs,
      });
  }
}

function orchestrationCreated(changes: Changes, event: OrchestrationCreated): void {
  const { spec, submittedBy, watch, taskIds, atMs } = event;
  changes.orchestrations.set(spec.id, {
    kind: 'insert',
    row: {
      id: spec.id,
      name: plain(spec.name),
      status: 'running',
      spec: JSON.stringify(spec),
      submitted_by: submittedBy,
      watch,
      skipped: '[]',
      reason: null,
      created_at_ms: atMs,
      ended_at_ms: null,
    },
  });
  for (const [position, { key, pool }] of spec.tasks.entries()) {
    const taskId = taskIds[key];
    if (taskId === undefined) continue;
    changes.orchestrationTasks.push({
      orchestration_id: spec.id,
      position,
      node_key: key,
      task_id: taskId,
      pool,
    });
  }
}
