import type { Logger } from 'pino';
import type { AvailabilitySource } from '../availability/source.js';
import { asRotaError } from '../protocol/errors.js';
import type { Availability, Policy } from '../protocol/policy.js';
import type { ActorSystem } from './system.js';

/** How often a source is asked; its cache decides whether that means a request. */
const LOOK_MS = 1_000;

/** What the watch needs of whoever leads. */
interface Pools {
  readonly system: Pick<ActorSystem, 'selectors' | 'selector' | 'toPool'>;
  readonly monoMs: number;
  policyOf(pool: string): Policy;
  turn(act: () => void): void;
}

interface Watched {
  readonly source: AvailabilitySource;
  nextLookMs: number;
  isLooking: boolean;
  isFailing: boolean;
}

/**
 * Keeps the presence of agents that send no heartbeats as their pool's source says. One that is not
 * available is `draining`: it gets nothing new and keeps what it has, for people finish what they began.
 */
export class AvailabilityWatch {
  readonly #pools: Pools;
  readonly #create: (config: Availability) => AvailabilitySource;
  readonly #log: Logger;
  readonly #watched = new Map<string, Watched>();
  #isClosed = false;

  constructor(pools: Pools, create: (config: Availability) => AvailabilitySource, log: Logger) {
    this.#pools = pools;
    this.#create = create;
    this.#log = log;
  }

  /** Asks the sources of the pools that have agents to ask for. */
  tick(): void {
    for (const { pool, roster } of this.#pools.system.selectors()) {
      if (roster.handoffOnly.size > 0) this.#look(pool, false);
    }
  }

  /** Asks at once: somebody new is there. */
  look(pool: string): void {
    this.#look(pool, true);
  }

  close(): void {
    this.#isClosed = true;
    for (const { source } of this.#watched.values()) source.close();
  }

  #look(pool: string, isUrgent: boolean): void {
    const { monoMs } = this.#pools;
    const watched = this.#watch(pool);
    if (watched === undefined || watched.isLooking || (!isUrgent && monoMs < watched.nextLookMs)) return;
    watched.nextLookMs = monoMs + LOOK_MS;
    watched.isLooking = true;
    void this.#ask(pool, watched).finally(() => {
      watched.isLooking = false;
    });
  }

  #watch(pool: string): Watched | undefined {
    const known = this.#watched.get(pool);
    if (known !== undefined) return known;
    const config = this.#pools.policyOf(pool).availability;
    if (config === undefined) return undefined;
    const watched = { source: this.#create(config), nextLookMs: 0, isLooking: false, isFailing: false };
    this.#watched.set(pool, watched);
    return watched;
  }

  async #ask(pool: string, watched: Watched): Promise<void> {
    let available: ReadonlySet<string>;
    try {
      available = await watched.source.available();
      watched.isFailing = false;
    } catch (thrown) {
      const error = asRotaError(thrown, 'UNAVAILABLE');
      if (!watched.isFailing) this.#log.warn({ pool, code: error.code, err: error }, 'the availability source fails');
      watched.isFailing = true;
      return;
    }
    if (this.#isClosed) return;
    try {
      this.#pools.turn(() => this.#apply(pool, available));
    } catch {
      // The turn has said so: the coordinator stops, or it may not act just now, and looks again later.
    }
  }

  #apply(pool: string, available: ReadonlySet<string>): void {
    const members = [...(this.#pools.system.selector(pool)?.roster.members() ?? [])];
    for (const { id, profile, presence } of members) {
      if (profile.availability !== 'source') continue;
      const now = available.has(id) ? 'online' : 'draining';
      if (presence !== now) {
        this.#pools.system.toPool(pool, { type: 'PRESENCE', agentId: id, presence: now, why: 'said so' });
      }
    }
  }
}
