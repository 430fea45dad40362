import type { FallbackKind } from '../protocol/decision.js';
import type { MetricsReport } from '../protocol/frames.js';
import type { JournalEvent, TaskAssigned } from '../protocol/journal.js';
import type { StrategyName } from '../protocol/policy.js';

/** Upper bounds of the latency's buckets, milliseconds; the last has none. */
const BUCKETS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000, 30_000] as const;

/** Agents that one report names: those with the most assignments. */
const AGENTS_SHOWN = 500;

/** Who is counted beside those that were assigned something. */
export interface MetricsContext {
  /** The agents of each pool that are online. */
  readonly online: Iterable<{ readonly pool: string; readonly agentIds: readonly string[] }>;
  readonly pending: MetricsReport['pending'];
}

/** Counts what this coordinator decided since it leads, from the facts that it recorded. */
export class Metrics {
  readonly #sinceMs: number;
  readonly #assignments = new Counter<readonly [string, StrategyName]>();
  readonly #agents = new Counter<readonly [string, string]>();
  readonly #fallbacks = new Counter<readonly [string, FallbackKind]>();
  readonly #refusals = new Counter<readonly [string]>();
  readonly #latency: number[] = new Array(BUCKETS_MS.length + 1).fill(0);

  constructor(sinceMs: number) {
    this.#sinceMs = sinceMs;
  }

  note(event: JournalEvent): void {
    switch (event.type) {
      case 'taskAssigned':
        return this.#assigned(event);
      case 'taskReleased':
        if (event.outcome === 'rejected') this.#refusals.add([event.agentId]);
        return;
      case 'taskFailed':
        if (event.last?.outcome === 'rejected') this.#refusals.add([event.last.agentId]);
        return;
      case 'agentDeregistered':
        this.#refusals.drop((key) => key[0] === event.agentId);
        return this.#agents.drop((key) => key[1] === event.agentId);
      default:
        return;
    }
  }

  #assigned({ pool, agentId, decision }: TaskAssigned): void {
    this.#assignments.add([pool, decision.strategy]);
    this.#agents.add([pool, agentId]);
    if (decision.fallback !== undefined) this.#fallbacks.add([pool, decision.fallback.kind]);
    const bucket = BUCKETS_MS.findIndex((leMs) => decision.latencyMs <= leMs);
    const at = bucket === -1 ? BUCKETS_MS.length : bucket;
    this.#latency[at] = (this.#latency[at] ?? 0) + 1;
  }

  report({ online, pending }: MetricsContext): Omit<MetricsReport, 'journal'> {
    const agents = [...this.#agents.entries()].map(([[pool, agentId], count]) => ({ pool, agentId, count }));
    const counts = new Map(agents.map(({ agentId, count }) => [agentId, count]));
    let below = 0;
    return {
      sinceMs: this.#sinceMs,
      assignments: [...this.#assignments.entries()].map(([[pool, strategy], count]) => ({ pool, strategy, count })),
      agents: agents.sort((a, b) => b.count - a.count).slice(0, AGENTS_SHOWN),
      fallbacks: [...this.#fallbacks.entries()].map(([[pool, kind], count]) => ({ pool, kind, count })),
      refusals: [...this.#refusals.entries()].map(([[agentId], count]) => ({ agentId, count })).slice(0, AGENTS_SHOWN),
      distribution: [...online].flatMap(({ pool, agentIds }) => spread(pool, agentIds, counts)),
      latency: this.#latency.map((count, i) => {
        below += count;
        return { leMs: BUCKETS_MS[i] ?? null, count: below };
      }),
      pending,
    };
  }
}

function spread(
  pool: string,
  agentIds: readonly string[],
  counts: ReadonlyMap<string, number>,
): MetricsReport['distribution'] {
  if (agentIds.length === 0) return [];
  let max = 0;
  let min = Number.POSITIVE_INFINITY;
  for (const id of agentIds) {
    const count = counts.get(id) ?? 0;
    max = Math.max(max, count);
    min = Math.min(min, count);
  }
  return [{ pool, max, min, spread: max - min }];
}

/** Counts by a key of several words. */
class Counter<Key extends readonly string[]> {
  readonly #counts = new Map<string, { readonly key: Key; count: number }>();

  add(key: Key): void {
    const text = key.join(' ');
    const entry = this.#counts.get(text);
    if (entry === undefined) this.#counts.set(text, { key, count: 1 });
    else entry.count++;
  }

  drop(isGone: (key: Key) => boolean): void {
    for (const [text, { key }] of this.#counts) if (isGone(key)) this.#counts.delete(text);
  }

  *entries(): Iterable<readonly [Key, number]> {
    for (const { key, count } of this.#counts.values()) yield [key, count];
  }
}
