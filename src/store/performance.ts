import type { Difficulty } from '../protocol/agent.js';
import type { PerformanceTable } from './schema.js';

/** How executions become an agent's performance. Pure; every store counts with these. */

/** An attempt that says something of its agent: it brought a result, or the agent failed it. */
export interface Execution {
  readonly agentId: string;
  readonly workType: string;
  readonly isSuccess: boolean;
  readonly durationMs: number;
  readonly difficulty: Difficulty;
  readonly atMs: number;
  readonly monoMs: number;
}

/** An agent may say what it likes; sums that are no finite numbers could be told to nobody. */
const DURATION_MS_MAX = Number.MAX_SAFE_INTEGER;

/** What executions add up to, given in their order: one row for each agent and work type. */
export function tally(executions: readonly Execution[]): PerformanceTable[] {
  const rows = new Map<string, PerformanceTable>();
  for (const execution of executions) {
    const key = `${execution.agentId} ${execution.workType}`;
    rows.set(key, plus(rows.get(key), one(execution)));
  }
  return [...rows.values()];
}

/** Of two rows of one agent and work type, `later` is of later executions. */
export function plus(earlier: PerformanceTable | undefined, later: PerformanceTable): PerformanceTable {
  if (earlier === undefined) return later;
  return {
    ...later,
    success_count: earlier.success_count + later.success_count,
    failure_count: earlier.failure_count + later.failure_count,
    total_duration_ms: earlier.total_duration_ms + later.total_duration_ms,
    created_at_ms: earlier.created_at_ms,
  };
}

function one({ agentId, workType, isSuccess, durationMs, difficulty, atMs, monoMs }: Execution): PerformanceTable {
  return {
    agent_id: agentId,
    work_type: workType,
    success_count: isSuccess ? 1 : 0,
    failure_count: isSuccess ? 0 : 1,
    total_duration_ms: Math.min(durationMs, DURATION_MS_MAX),
    last_execution_at_ms: atMs,
    last_mono_ms: monoMs,
    difficulty_assessment: difficulty,
    created_at_ms: atMs,
    updated_at_ms: atMs,
  };
}
