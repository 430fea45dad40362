import type { Checker } from './checker.js';
import type { Disk } from './disk.js';
import type { Network } from './network.js';
import { Process } from './process.js';
import type { Scenario } from './scenario.js';
import type { World } from './world.js';

/** What everybody in a run has in common. */
export interface Stage {
  readonly world: World;
  readonly scenario: Scenario;
  readonly network: Network;
  readonly disk: Disk;
  readonly checker: Checker;
  /** Nothing goes wrong any more. */
  isCalm: boolean;
}

/** A supervisor takes so long to start again what ended. */
const RESTART_MS = { from: 50, to: 1_500 } as const;

/**
 * A place in which one process after the other lives: what a supervisor keeps running.
 *
 * Must hold: of one seat one process at most is the present one; a twin is another that still runs under its name.
 */
export abstract class Seat {
  readonly name: string;
  readonly stage: Stage;
  process: Process | undefined;
  /** Called while its process is still there. */
  beforeDeath: () => void = () => {};
  #lives = 0;
  #twin: Process | undefined;

  constructor(name: string, stage: Stage) {
    this.name = name;
    this.stage = stage;
  }

  /** Has the real code begin in this process. */
  protected abstract start(process: Process): void;

  /** Has it stop as SIGTERM does. */
  protected abstract stopGently(): Promise<void>;

  begin(): void {
    const { world } = this.stage;
    this.#lives++;
    const process = new Process(world, `${this.name}.${this.#lives}`);
    this.process = process;
    world.say(process.name, () => 'starts');
    process.run(() => this.start(process));
  }

  /** SIGKILL. */
  kill(restartMs = this.#restartMs()): void {
    const { process } = this;
    if (process === undefined) return;
    this.stage.world.say(process.name, () => 'is killed');
    this.beforeDeath();
    this.#end(process, restartMs);
  }

  /** SIGTERM. */
  stop(): void {
    const { process } = this;
    if (process === undefined) return;
    this.stage.world.say(process.name, () => 'is told to stop');
    process.run(() => {
      void this.stopGently().then(() => this.ended(process, 'stopped'));
    });
  }

  /** Finishes what it has, and leaves; agents alone do. */
  drain(): void {}

  /** A second process begins while the first is paused. */
  doubled(): void {
    const { process } = this;
    if (process === undefined || this.#twin !== undefined) return;
    this.stage.world.say(process.name, () => 'is paused, and taken for dead');
    process.pause();
    this.#twin = process;
    this.begin();
  }

  /** The one that was taken for dead goes on, and ends some time later. */
  twinResumes(): void {
    this.stage.world.say(this.#twin?.name ?? this.name, () => 'goes on, beside the one that took its place');
    this.#twin?.resume();
  }

  buryTwin(): void {
    this.#twin?.kill();
    this.#twin = undefined;
  }

  /** The code in it says that it is over. */
  protected ended(process: Process, why: string): void {
    if (process.life === 'dead') return;
    this.stage.world.say(process.name, () => `ended: ${why}`);
    this.#end(process, this.#restartMs());
  }

  #end(process: Process, restartMs: number): void {
    process.kill();
    if (this.process !== process) return;
    this.process = undefined;
    this.stage.world.plan(restartMs, () => {
      if (this.process === undefined) this.begin();
    });
  }

  #restartMs(): number {
    return this.stage.world.dice.between(RESTART_MS.from, RESTART_MS.to);
  }
}
