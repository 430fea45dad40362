import { pack, unpack } from '#rota/protocol/codec.js';
import { RotaError } from '#rota/protocol/errors.js';
import type { JournalRow, Recovered } from '#rota/protocol/journal.js';
import { fold } from '#rota/store/fold.js';
import { images } from '#rota/store/images.js';
import { createMemoryStore } from '#rota/store/memory.js';
import type { Store } from '#rota/store/store.js';
import { Tables } from '#rota/store/tables.js';
import type { Process } from './process.js';
import type { World } from './world.js';

/** How often a call of the store goes wrong, each a probability. */
export interface DiskFaults {
  /** Nothing was done. */
  readonly fail: number;
  /** It was done, and its caller is told that it failed. */
  readonly unknown: number;
  /** Its caller is told that it failed, and it is done a while later. */
  readonly late: number;
  readonly slow: number;
}

const CALM_DISK: DiskFaults = { fail: 0, unknown: 0, late: 0, slow: 0 };

export interface DiskTap {
  /** A row was written: it survives everything from here on. */
  committed(process: Process, row: JournalRow): void;
  led(process: Process, recovered: Recovered): void;
  renewed(process: Process, epoch: number, sentMs: number): void;
}

const KEEP_ALL = Number.MAX_SAFE_INTEGER;

/**
 * What survives: the memory store behind the port, with the whole journal beside it. Each process has a handle, whose
 * calls take time and can go wrong in every way in which a database can.
 */
export class Disk {
  readonly counts = { failed: 0, unknown: 0, late: 0, slow: 0, away: 0 };
  readonly world: World;
  readonly tap: DiskTap;
  faults = CALM_DISK;
  isAway = false;
  /** Processes that don't know yet whether their row was written. */
  readonly writing = new Set<Process>();
  readonly store: Store;
  readonly #journal: Uint8Array[] = [];

  constructor(world: World, tap: DiskTap) {
    this.world = world;
    this.tap = tap;
    this.store = createMemoryStore({ keepEnded: KEEP_ALL, clock: { monoMs: () => world.nowMs } });
  }

  /** Nothing goes wrong any more. */
  calm(): void {
    this.faults = CALM_DISK;
    this.isAway = false;
  }

  /** As it is read back: nothing of it is shared with whoever wrote it. */
  rows(after = 0, limit = Number.POSITIVE_INFINITY): JournalRow[] {
    return this.#journal.slice(after, after + limit).map((bytes) => unpack(bytes) as JournalRow);
  }

  /** Done at once, and whole. */
  async append(process: Process, row: JournalRow): Promise<void> {
    const before = this.store.materialisedSeq;
    await this.store.append(row);
    if (this.store.materialisedSeq === before) return;
    const bytes = pack(row);
    this.#journal.push(bytes);
    this.tap.committed(process, unpack(bytes) as JournalRow);
  }

  async lead(process: Process, holder: string, leaseMs: number): Promise<Recovered | undefined> {
    const recovered = await this.store.lead(holder, leaseMs);
    if (recovered === undefined) return undefined;
    const found = this.recovered(recovered);
    this.tap.led(process, found);
    return found;
  }

  /** What a new leader finds: the tables are behind by as many rows as it happens, and these were folded as it happened. */
  recovered({ epoch, seq }: Pick<Recovered, 'epoch' | 'seq'>): Recovered {
    const { dice } = this.world;
    const rows = this.rows();
    const behind = dice.chance(0.5) ? 0 : dice.int(0, rows.length);
    const tables = new Tables();
    for (let from = 0; from < rows.length - behind; ) {
      const size = dice.chance(0.5) ? rows.length : dice.int(1, 20);
      const batch = rows.slice(from, Math.min(from + size, rows.length - behind));
      tables.apply(fold(batch));
      from += batch.length;
    }
    return { epoch, seq, ...images(tables.live()), tail: rows.slice(rows.length - behind) };
  }
}

const LATENCY_MS = 1;
const SLOW_MS = 1_500;
const LATE_MS = 6_000;

/** The store as one process has it. */
export function handleOf(disk: Disk, process: Process): Store {
  const { world, store } = disk;
  const call = <T>(op: () => Promise<T>): Promise<T> => callOf(disk, process, op);
  return {
    description: 'simulated',
    get materialisedSeq() {
      return store.materialisedSeq;
    },
    lead: (holder, leaseMs) => call(() => disk.lead(process, holder, leaseMs)),
    renew: (epoch, leaseMs) => {
      const sentMs = world.nowMs;
      const renewed = call(() => store.renew(epoch, leaseMs));
      return renewed.then(() => disk.tap.renewed(process, epoch, sentMs));
    },
    resign: (epoch) => call(() => store.resign(epoch)),
    leadership: () => call(() => store.leadership()),
    append: (row) => {
      disk.writing.add(process);
      return call(() => disk.append(process, row)).then(() => void disk.writing.delete(process));
    },
    known: (ids) => call(() => store.known(ids)),
    task: (id) => call(() => store.task(id)),
    tasks: (filter) => call(() => store.tasks(filter)),
    agents: (pool) => call(() => store.agents(pool)),
    orchestration: (id) => call(() => store.orchestration(id)),
    decisions: (filter) => call(() => store.decisions(filter)),
    performance: (filter) => call(() => store.performance(filter)),
    rows: (after, limit) => call(async () => disk.rows(after, limit)),
    trim: () => call(async () => 0),
    close: async () => {},
  };
}

function callOf<T>(disk: Disk, process: Process, op: () => Promise<T>): Promise<T> {
  const { world, counts } = disk;
  const { dice } = world;
  if (process.life === 'dead') return new Promise(() => {});
  const fate = fateOf(disk);
  return new Promise((resolve, reject) => {
    const answer = (settle: () => void, delayMs = dice.between(0, LATENCY_MS)) => void process.receive(delayMs, settle);
    const failed = () => reject(new RotaError('STORE_FAILED', 'The simulated store failed.'));
    if (fate === 'late') answer(failed);
    const onItsWayMs = fate === 'slow' ? dice.between(0, SLOW_MS) : fate === 'late' ? dice.between(0, LATE_MS) : 0;
    world.plan(onItsWayMs + dice.between(0, LATENCY_MS), () => {
      // What a process sent before it died may have got through, or not.
      if (process.life === 'dead' && dice.chance(0.5)) return;
      if (disk.isAway || fate === 'fail') {
        if (disk.isAway) counts.away++;
        answer(failed);
        return;
      }
      op().then(
        (value) => {
          if (fate !== 'late') answer(fate === 'unknown' ? failed : () => resolve(value));
        },
        (error) => {
          if (fate !== 'late') answer(() => reject(error));
        },
      );
    });
  });
}

function fateOf({ faults, counts, world: { dice } }: Disk): 'fine' | 'fail' | 'unknown' | 'late' | 'slow' {
  const drawn = dice.next();
  let left = drawn;
  left -= faults.fail;
  if (left < 0) {
    counts.failed++;
    return 'fail';
  }
  left -= faults.unknown;
  if (left < 0) {
    counts.unknown++;
    return 'unknown';
  }
  left -= faults.late;
  if (left < 0) {
    counts.late++;
    return 'late';
  }
  left -= faults.slow;
  if (left < 0) {
    counts.slow++;
    return 'slow';
  }
  return 'fine';
}
