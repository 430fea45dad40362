import { LEADER, type Mishap, type Moment } from './mishaps.js';
import type { Seat, Stage } from './seat.js';

const HOUR_MS = 3_600_000;

/** Lets everything go wrong that the scenario says, and mends it. */
export class StageHands {
  readonly counts: Record<Mishap['kind'], number> = {
    ...{ kill: 0, pause: 0, cut: 0, clock: 0, twin: 0, stop: 0, drain: 0, broker: 0, store: 0 },
  };
  readonly #stage: Stage;
  readonly #seats: ReadonlyMap<string, Seat>;
  #awaited: Mishap[] = [];

  constructor(stage: Stage, seats: ReadonlyMap<string, Seat>) {
    this.#stage = stage;
    this.#seats = seats;
  }

  /** Plans what is to happen at an instant, and looks out for the rest. */
  plan(): void {
    const { world, scenario, checker } = this.#stage;
    for (const mishap of scenario.mishaps) {
      if (mishap.when.kind === 'time') world.plan(mishap.when.at - world.nowMs, () => this.#happen(mishap));
      else this.#awaited.push(mishap);
    }
    checker.onCommitted = ({ seq }) => this.#reached('row', seq);
  }

  afterStep(): void {
    this.#reached('step', this.#stage.world.steps);
  }

  #reached(kind: Moment['kind'], at: number): void {
    if (this.#stage.isCalm || this.#awaited.length === 0) return;
    const isDue = ({ when }: Mishap) => when.kind === kind && when.at <= at;
    const due = this.#awaited.filter(isDue);
    if (due.length === 0) return;
    this.#awaited = this.#awaited.filter((mishap) => !isDue(mishap));
    for (const mishap of due) this.#happen(mishap);
  }

  #happen(mishap: Mishap): void {
    const whom = 'whom' in mishap ? mishap.whom : '';
    this.#stage.world.say('fate', () => `${mishap.kind} ${whom} for ${mishap.forMs} ms`);
    this.counts[mishap.kind]++;
    this.#befall(mishap, whom === LEADER ? this.#leader() : this.#seats.get(whom));
  }

  #leader(): Seat | undefined {
    const { rule } = this.#stage.checker;
    return [...this.#seats.values()].find(({ process }) => process !== undefined && rule.isLatest(process));
  }

  #befall(mishap: Mishap, seat: Seat | undefined): void {
    const { world, network, disk } = this.#stage;
    const then = (mend: () => void) => void world.plan(mishap.forMs, mend);
    const process = seat?.process;
    switch (mishap.kind) {
      case 'broker':
        network.stop();
        return then(() => network.start());
      case 'store':
        disk.isAway = true;
        return then(() => {
          disk.isAway = false;
        });
      case 'kill':
        return seat?.kill(mishap.forMs);
      case 'stop':
        return seat?.stop();
      case 'drain':
        return seat?.drain();
      case 'twin':
        seat?.doubled();
        return then(() => {
          seat?.twinResumes();
          world.plan(2 * mishap.forMs, () => seat?.buryTwin());
        });
      case 'pause':
        process?.pause();
        return then(() => process?.resume());
      case 'cut':
        if (process !== undefined) network.cut(process);
        return then(() => process !== undefined && network.mend(process));
      case 'clock':
        return process?.jumpWallClock(world.dice.pick([-HOUR_MS, HOUR_MS]));
    }
  }

  /** From here on nothing goes wrong, and what did is mended. */
  calm(): void {
    const { world, network, disk } = this.#stage;
    world.say('fate', () => 'lets everything be well from here on');
    this.#stage.isCalm = true;
    network.calm();
    disk.calm();
    for (const seat of this.#seats.values()) {
      seat.buryTwin();
      seat.process?.resume();
      if (seat.process === undefined) seat.begin();
    }
  }
}
