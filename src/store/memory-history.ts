import { LIMITS } from '../protocol/limits.js';
import type { HistoryRow } from './images.js';
import type { DecisionsTable, PoolsTable } from './schema.js';

type Kept = HistoryRow & Pick<DecisionsTable, 'seq' | 'position'>;

/**
 * The newest decisions of each pool, for a store whose decisions go with their tasks.
 *
 * Owns as many of a pool as a policy can ask for, oldest first, and none from before the pool's last reset.
 * Those of an agent that was deregistered since keep their place and name nobody.
 */
export class MemoryHistory {
  readonly #pools = new Map<string, Kept[]>();

  forget(agentIds: ReadonlySet<string>): void {
    for (const row of [...this.#pools.values()].flat()) {
      if (row.selected_agent_id !== null && agentIds.has(row.selected_agent_id)) row.selected_agent_id = null;
    }
  }

  add({ agent_pool, selected_agent_id, task_id, mono_ms, seq, position }: DecisionsTable): void {
    const rows = this.#pools.get(agent_pool) ?? [];
    this.#pools.set(agent_pool, rows);
    rows.push({ selected_agent_id, task_id, mono_ms, seq, position });
    if (rows.length >= 2 * LIMITS.historySize) rows.splice(0, rows.length - LIMITS.historySize);
  }

  /** Drops what came before the pool's last reset. */
  cut({ pool, history_after_seq: seq, history_after_position: position }: PoolsTable): void {
    const rows = this.#pools.get(pool) ?? [];
    const isAfter = (row: Kept) => row.seq > seq || (row.seq === seq && row.position > position);
    const first = rows.findIndex(isAfter);
    rows.splice(0, first === -1 ? rows.length : first);
  }

  /** Oldest first. */
  newest(pool: string, size: number): HistoryRow[] {
    const rows = this.#pools.get(pool) ?? [];
    return rows
      .slice(-size)
      .map(({ selected_agent_id, task_id, mono_ms }) => ({ selected_agent_id, task_id, mono_ms }));
  }
}
