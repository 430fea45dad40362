import type { CoordinatorSeat } from './coordinators.js';
import { Starvation } from './invariants/progress.js';
import { i17 } from './invariants/restore.js';
import { i12Leader, i12Process } from './invariants/sizes.js';
import { hasEnded } from './model.js';
import type { Process } from './process.js';
import type { Seat, Stage } from './seat.js';

/** How often waiting tasks and sizes are looked at. */
const LOOK_MS = 500;
/** One of so many steps compares the leader with what the store would give back. */
const RESTORE_EACH = 400;
/** Of so many runs it is done when all has ended, too. */
const COMPARED_AT_THE_END = 0.2;

/** Looks into the processes now and then: what can't be seen on the wire or in the journal. */
export class Inspector {
  readonly #stage: Stage;
  readonly #coordinators: readonly CoordinatorSeat[];
  readonly #seats: readonly Seat[];
  readonly #starvation: Starvation;
  readonly #endedMs = new Map<string, number>();
  #terms = 0;
  #healthySinceMs = 0;
  #nextLookMs = LOOK_MS;
  #nextRestore = RESTORE_EACH;

  constructor(stage: Stage, coordinators: readonly CoordinatorSeat[], seats: readonly Seat[]) {
    this.#stage = stage;
    this.#coordinators = coordinators;
    this.#seats = seats;
    this.#starvation = new Starvation(stage.checker.model);
    stage.checker.onCancelled = (from, taskIds) => this.#i15(from, taskIds);
    for (const seat of coordinators) seat.beforeDeath = () => this.#compare(seat);
  }

  afterStep(): void {
    const { world } = this.#stage;
    if (world.nowMs >= this.#nextLookMs) this.#look();
    if (world.steps < this.#nextRestore) return;
    const leader = this.#leader();
    if (leader === undefined || !this.#compare(leader)) return;
    this.#nextRestore = world.steps + RESTORE_EACH;
  }

  /** When all has ended. */
  async atTheEnd(): Promise<void> {
    const { checker, disk, world } = this.#stage;
    const known = await disk.store.known([...checker.acknowledged]);
    for (const id of checker.acknowledged) {
      const status = known.get(id)?.event.status;
      if (status === checker.model.tasks.get(id)?.status) continue;
      world.fail('I1', `${id} was acknowledged and is ${status ?? 'unknown'} in the tables`);
    }
    const leader = this.#leader();
    if (leader !== undefined && world.dice.chance(COMPARED_AT_THE_END)) this.#compare(leader);
  }

  #look(): void {
    const { world, checker } = this.#stage;
    const { nowMs } = world;
    this.#nextLookMs = nowMs + LOOK_MS;
    for (const { record, status } of checker.model.tasks.values()) {
      if (hasEnded(status) && !this.#endedMs.has(record.id)) this.#endedMs.set(record.id, nowMs);
    }
    const leader = this.#healthyLeader();
    const { terms } = checker.rule;
    if (leader === undefined || terms !== this.#terms) this.#healthySinceMs = nowMs;
    this.#terms = terms;
    const starved = this.#starvation.look(leader && this.#healthySinceMs, nowMs);
    if (starved !== undefined) world.fail('I9', starved);
    if (leader?.system !== undefined) {
      const healthyMs = nowMs - this.#healthySinceMs;
      const problem = i12Leader(leader.system, { nowMs, healthyMs, endedMs: this.#endedMs });
      if (problem !== undefined) world.fail('I12', problem);
    }
    for (const { process } of this.#seats) {
      const problem = process === undefined ? undefined : i12Process(process, checker.model.tasks.size);
      if (problem !== undefined) world.fail('I12', problem);
    }
  }

  #leader(): CoordinatorSeat | undefined {
    const { rule } = this.#stage.checker;
    return this.#coordinators.find(({ process }) => process !== undefined && rule.isLatest(process));
  }

  /** One that has all it needs to decide. */
  #healthyLeader(): CoordinatorSeat | undefined {
    const { checker, disk, network, world } = this.#stage;
    const leader = this.#leader();
    const process = leader?.process;
    if (leader?.coordinator?.state !== 'leading' || process?.life !== 'running') return undefined;
    if (disk.isAway || network.isDown || network.isCut(process)) return undefined;
    // A row that could not be written is tried again after a while, and nothing is decided meanwhile.
    if (disk.writing.has(process)) return undefined;
    return checker.rule.mayAct(process, world.nowMs) ? leader : undefined;
  }

  /** Compares where nothing is under way: what was decided is written. Answers whether it could. */
  #compare(seat: CoordinatorSeat): boolean {
    const { world, checker, disk } = this.#stage;
    const { process, system } = seat;
    if (process === undefined || system === undefined || !checker.rule.isLatest(process)) return false;
    if (process.isInTurn || disk.writing.has(process) || !checker.rule.mayAct(process, world.nowMs)) return false;
    const { epoch, seq } = checker.model;
    const running = [...checker.model.orchestrations.values()].filter(({ status }) => !hasEnded(status));
    const difference = i17(system, disk.recovered({ epoch, seq }), {
      ruleOf: (pool) => seat.ruleOf(pool),
      running: running.map(({ spec }) => spec.id),
    });
    if (difference !== undefined) world.fail(difference.invariant, difference.problem);
    return true;
  }

  /** The leases of what was cancelled are free. */
  #i15(from: Process, taskIds: readonly string[]): void {
    const system = this.#coordinators.find(({ process }) => process === from)?.system;
    for (const taskId of taskIds) {
      const task = system?.task(taskId);
      const pool = task === undefined ? undefined : system?.selector(task.record.pool);
      const held = [...(pool?.state.heldBy(task?.agentId ?? '') ?? [])];
      if (!held.some(({ record }) => record.id === taskId)) continue;
      this.#stage.world.fail('I15', `${taskId} is cancelled, and ${task?.agentId} holds it still`);
    }
  }
}
