import { available } from '../eligible.js';
import { hasEnded, type Model, type ModelTask } from '../model.js';

/** An eligible task and a free agent meet within so long, while somebody leads and nothing is in the way. */
const DECISION_MS = 3_000;

/**
 * I9: nobody waits while somebody could begin. Looked at now and then; whatever is in the way of the leader starts the
 * count anew.
 */
export class Starvation {
  readonly #model: Model;
  readonly #since = new Map<string, number>();

  constructor(model: Model) {
    this.#model = model;
  }

  /** `healthySinceMs`: undefined while something is in the way. Answers with what waited in vain. */
  look(healthySinceMs: number | undefined, nowMs: number): string | undefined {
    for (const task of this.#model.tasks.values()) {
      const { id } = task.record;
      if (healthySinceMs === undefined || !this.#couldBegin(task, healthySinceMs, nowMs)) {
        this.#since.delete(id);
        continue;
      }
      const sinceMs = this.#since.get(id) ?? nowMs;
      this.#since.set(id, sinceMs);
      if (nowMs - sinceMs >= DECISION_MS) {
        const [agent] = available(this.#model, task);
        return `${id} waits since ${nowMs - sinceMs} ms, and ${agent?.id} is free`;
      }
    }
    return undefined;
  }

  /** A new leader lets each backoff begin anew, and the clock of one that may not act stands still. */
  #couldBegin(task: ModelTask, healthySinceMs: number, nowMs: number): boolean {
    if (task.status !== 'pending') return false;
    const readyMs = Math.max(task.waitsSinceMs, healthySinceMs) + task.backoffMs;
    return readyMs <= nowMs && available(this.#model, task).length > 0;
  }
}

interface Ledger {
  readonly model: Model;
  /** Tasks whose submit was acknowledged. */
  readonly acknowledged: ReadonlySet<string>;
  /** Handoffs that nobody will settle. */
  readonly abandoned: ReadonlySet<string>;
}

/** I16: what has not ended although nothing has gone wrong for long. */
export function i16({ model, acknowledged, abandoned }: Ledger): string | undefined {
  const open = [...model.tasks.values()].filter(({ status, record }) => !hasEnded(status) && !abandoned.has(record.id));
  const running = [...model.orchestrations.values()].filter(({ status }) => !hasEnded(status));
  const gone = [...acknowledged].filter((id) => !model.tasks.has(id));
  const said = [
    ...open.map(({ record, status, agentId }) => `${record.id} is ${status}${agentId ? ` with ${agentId}` : ''}`),
    ...running.map(({ spec, status }) => `orchestration ${spec.id} is ${status}`),
    ...gone.map((id) => `${id} is gone`),
  ];
  return said.length === 0 ? undefined : said.join(', ');
}
