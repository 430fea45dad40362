import { pino } from 'pino';
import { type Coordinator, startCoordinator } from '#rota/actors/coordinator.js';
import { policyVersion } from '#rota/actors/policy-version.js';
import { ActorSystem } from '#rota/actors/system.js';
import type { Policy } from '#rota/protocol/policy.js';
import type { ScoreJob, ScoreOutcome } from '#rota/selection/score-job.js';
import type { ScoringThreads } from '#rota/selection/threads/pool.js';
import { NAMESPACE } from './checker.js';
import { handleOf } from './disk.js';
import { Process } from './process.js';
import { Seat } from './seat.js';

/** Nothing of a run is logged: its transcript says more. */
const SILENT = pino({ level: 'silent' });

const POLICY_VERSIONS = new WeakMap<Policy, string>();

/** A coordinator with its supervisor, which starts it again whenever it ends. */
export class CoordinatorSeat extends Seat {
  coordinator: Coordinator | undefined;
  /** Of the term that it leads. */
  system: ActorSystem | undefined;

  protected override start(process: Process): void {
    this.coordinator = undefined;
    this.system = undefined;
    const { stage } = this;
    seats.set(process, this);
    process.onDeath(() => seats.delete(process));
    const starting = startCoordinator({
      transport: stage.network.connect(process),
      store: handleOf(stage.disk, process),
      namespace: NAMESPACE,
      clock: process.clock,
      random: stage.world.dice.next,
      log: SILENT,
      version: 'simulated',
      ...{ timing: stage.scenario.timing, failover: stage.scenario.failover, keepJournalMs: undefined },
      ruleOf: (pool) => this.ruleOf(pool),
      threads: threadsOf(process),
      createAvailability: () => {
        throw new Error('No pool of a simulation has a source of availability.');
      },
      rateLimit: undefined,
      fanOutBytes: stage.scenario.fanOutBytes,
    });
    starting.then(
      (coordinator) => {
        if (process.life === 'dead') return;
        this.coordinator = coordinator;
        void coordinator.stopped.then((error) => this.ended(process, error?.message ?? 'stopped'));
      },
      (error) => this.ended(process, String(error)),
    );
  }

  protected override async stopGently(): Promise<void> {
    await this.coordinator?.stop();
  }

  ruleOf(pool: string) {
    const { defaults, pools } = this.stage.scenario.policies;
    const policy = pools[pool] ?? defaults;
    const version = POLICY_VERSIONS.get(policy) ?? policyVersion(policy);
    POLICY_VERSIONS.set(policy, version);
    return { policy, version };
  }
}

/**
 * The actors of a leader are reached where its term begins: the simulation compares them with what a new leader would
 * start from. Each process belongs to one seat.
 */
const seats = new Map<Process, CoordinatorSeat>();
const resume = ActorSystem.prototype.resume;
ActorSystem.prototype.resume = function (this: ActorSystem) {
  const seat = Process.current === undefined ? undefined : seats.get(Process.current);
  if (seat !== undefined) seat.system = this;
  return resume.call(this);
};

/** Scoring threads without threads: they answer after a while with whatever the dice say, or fail. */
function threadsOf(process: Process): ScoringThreads {
  const { dice } = process.world;
  const outcome = ({ candidates }: ScoreJob): ScoreOutcome =>
    dice.chance(0.2)
      ? { failure: 'deadline', reason: 'it took too long' }
      : { scores: Float64Array.from(candidates, () => dice.next() * 100) };
  const none = { threw: 0, deadline: 0, memory: 0, nonsense: 0, queueFull: 0, unloadable: 0 };
  return {
    score: (job) =>
      new Promise((resolve) => {
        process.receive(dice.between(0, 50), () => resolve(outcome(job)));
      }),
    close: async () => {},
    stats: { threads: 0, running: 0, waiting: 0, scored: 0, failed: none },
  };
}
