import type { Decision, RoutingDecision } from '../protocol/decision.js';
import type { TaskAssigned } from '../protocol/journal.js';
import type { Place } from './changes.js';
import type { DecisionsTable } from './schema.js';
import { flag, jsonOrNull, parse, plain, present } from './values.js';

/** A decision as a row, and the row as the decision that it was: nothing is lost between them. */

export function decisionRow(event: TaskAssigned, place: Place): DecisionsTable {
  const { decision } = event;
  return {
    task_id: event.taskId,
    token: event.token,
    attempt: event.attempt,
    work_type: event.workType,
    agent_pool: event.pool,
    selected_agent_id: event.agentId,
    agent_id: event.agentId,
    strategy: decision.strategy,
    policy_version: decision.policyVersion,
    reason: plain(decision.reason),
    candidates: decision.candidates,
    excluded: JSON.stringify(decision.excluded),
    probability: decision.probability ?? null,
    seed: decision.seed ?? null,
    score: decision.score ?? null,
    score_parts: jsonOrNull(decision.scoreParts),
    scorer: plain(decision.scorer),
    success_rate_percent: decision.successRatePercent,
    specialization_match: flag(decision.specializationMatch),
    recent_context_match: flag(decision.recentContextMatch),
    retried: flag(decision.retried),
    fallback: jsonOrNull(decision.fallback),
    runners_up: jsonOrNull(decision.runnersUp),
    given: jsonOrNull(decision.given),
    latency_ms: decision.latencyMs,
    created_at_ms: event.atMs,
    mono_ms: event.monoMs,
    seq: place.seq,
    position: place.position,
  };
}

export function routingDecision(row: DecisionsTable): RoutingDecision {
  return {
    taskId: row.task_id,
    token: row.token,
    attempt: row.attempt,
    workType: row.work_type,
    pool: row.agent_pool,
    agentId: row.agent_id,
    atMs: row.created_at_ms,
    strategy: row.strategy,
    policyVersion: row.policy_version,
    reason: row.reason,
    candidates: row.candidates,
    excluded: parse(row.excluded),
    successRatePercent: row.success_rate_percent,
    specializationMatch: row.specialization_match === 1,
    recentContextMatch: row.recent_context_match === 1,
    retried: row.retried === 1,
    latencyMs: row.latency_ms,
    ...present({
      probability: row.probability,
      seed: row.seed,
      score: row.score,
      scoreParts: parse<Required<Decision>['scoreParts']>(row.score_parts),
      scorer: row.scorer,
      fallback: parse<Required<Decision>['fallback']>(row.fallback),
      runnersUp: parse<Required<Decision>['runnersUp']>(row.runners_up),
      given: parse<Required<Decision>['given']>(row.given),
    }),
  };
}

/** Newest first: by the wall clock, and within one instant of it by the place in the journal. */
export function newestFirst(a: DecisionsTable, b: DecisionsTable): number {
  return b.created_at_ms - a.created_at_ms || b.seq - a.seq || b.position - a.position;
}
