import { STRATEGIES } from '../dist/protocol/policy.js';
import { Chance } from '../dist/selection/chance.js';
import { decide } from '../dist/selection/decide.js';
import { PlainPool } from './plain-pool.mjs';
import { Pool, WORK_TYPE } from './pool.mjs';
import { quantilesOf, spreadOf } from './stats.mjs';

const SLOTS = 4;
/** One agent of so many carries the label. */
const CARRIERS = 10;
const LABEL = 'sql';
const HOUR_MS = 3_600_000;
/** Between two choices, on the pool's clock: 500 tasks/s. */
const STEP_MS = 2;
const WARM_UP = 50;
const EXECUTIONS_MAX = 24;

/**
 * Choosing alone, beside an array of objects that is filtered for each task: rounds of one and of the other
 * alternate over the same pool, whose loads change with every choice.
 */
export async function selection({ sizes, signal }) {
  const rows = [];
  for (const agents of sizes.pools) {
    const twins = new Twins(agents);
    for (const capabilities of [[], [LABEL]]) {
      for (const strategy of STRATEGIES) {
        signal.throwIfAborted();
        rows.push({
          agents,
          strategy,
          label: capabilities[0] ?? null,
          ...measure(twins, { strategy, capabilities }, sizes),
        });
        // The driver listens to its signals.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }
  return rows;
}

function measure(twins, task, { repetitions, roundMs, choices }) {
  for (let i = 0; i < WARM_UP; i++) twins.serveBoth(task);
  const rounds = [];
  for (let i = 0; i < repetitions; i++) {
    const [engine, scan] = ['decide', 'scan'].map((who) => {
      const tookMs = [];
      let totalMs = 0;
      while (tookMs.length < choices.min || (totalMs < roundMs && tookMs.length < choices.max)) {
        totalMs += tookMs[tookMs.push(twins.serve(who, task)) - 1];
      }
      return { tookMs, perSecond: (tookMs.length * 1_000) / totalMs };
    });
    rounds.push({ engine, scan });
  }
  const of = (who) => ({
    perSecond: spreadOf(rounds.map((round) => round[who].perSecond)),
    chooseMs: quantilesOf(rounds.flatMap((round) => round[who].tookMs)),
  });
  const ofScan = spreadOf(rounds.map(({ engine, scan }) => engine.perSecond / scan.perSecond)).median;
  return { engine: of('engine'), scan: of('scan'), ofScan };
}

/** One pool twice, as the selector keeps it and as an array of objects; both see all that happens. */
class Twins {
  #pool = new Pool();
  #plain = new PlainPool();
  #chance = new Chance(1);
  #monoMs = 0;
  #lastTask = 0;
  /** What is held by those that carry the label, and by the others: of each the load stays what it is. */
  #held = [[], []];

  /** Half of the slots are taken. Every agent has done some tasks of the work type, a few specialise in it. */
  constructor(agents) {
    for (let index = 0; index < agents; index++) {
      const profile = {
        maxConcurrency: SLOTS,
        capabilities: index % CARRIERS === 0 ? [LABEL, 'shell'] : ['shell'],
        specializations: index % CARRIERS === 5 ? [WORK_TYPE] : [],
      };
      for (const pool of [this.#pool, this.#plain]) pool.join(`agent-${index + 1}`, profile);
      for (let left = this.#chance.below(EXECUTIONS_MAX); left > 0; left--) this.#note(index);
      const load = 1 + this.#chance.below(SLOTS - 1);
      for (let i = 0; i < load; i++) this.#hold(index);
    }
  }

  /** How long the one takes to choose; both then carry the choice out. */
  serve(who, task) {
    const asked = this.#next(task);
    const choose = who === 'decide' ? this.#decide(asked) : () => this.#plain.choose(asked);
    const startMs = performance.now();
    const index = choose();
    const tookMs = performance.now() - startMs;
    this.#carryOut(index);
    return tookMs;
  }

  /** @throws Error where the two do not choose the same agent: then nothing is compared. */
  serveBoth(task) {
    const asked = this.#next(task);
    const index = this.#decide(asked)();
    const other = this.#plain.choose(asked);
    if (index !== other) throw new Error(`${task.strategy} chose agent ${index}, and the scan agent ${other}.`);
    this.#carryOut(index);
  }

  #next({ strategy, capabilities }) {
    this.#monoMs += STEP_MS;
    return { strategy, capabilities, workType: WORK_TYPE, monoMs: this.#monoMs, seed: this.#chance.below(2 ** 32) };
  }

  #decide(asked) {
    const input = this.#pool.input(asked);
    return () => decide(input).member.index;
  }

  /** One task begins, and one of as many agents ends. */
  #carryOut(index) {
    const taskId = `task-${++this.#lastTask}`;
    for (const pool of [this.#pool, this.#plain]) pool.assigned(taskId, index, this.#monoMs);
    const held = this.#heldBy(index);
    held.push({ taskId, index });
    const ended = this.#chance.below(held.length);
    const [one] = held.splice(ended, 1, held.at(-1));
    held.pop();
    const outcome = this.#outcome();
    this.#pool.ended(one.taskId, one.index, outcome, this.#monoMs);
    this.#plain.ended(one.taskId, one.index, WORK_TYPE, outcome, this.#monoMs);
  }

  #hold(index) {
    const taskId = `task-${++this.#lastTask}`;
    for (const pool of [this.#pool, this.#plain]) pool.hold(taskId, index, 0);
    this.#heldBy(index).push({ taskId, index });
  }

  /** An execution of the hours before. */
  #note(index) {
    const outcome = this.#outcome();
    const atMs = -HOUR_MS * (1 + this.#chance.below(8));
    this.#pool.roster.note(this.#pool.roster.at(index), WORK_TYPE, outcome, atMs);
    this.#plain.note(index, WORK_TYPE, outcome, atMs);
  }

  #heldBy(index) {
    return this.#held[index % CARRIERS === 0 ? 0 : 1];
  }

  #outcome() {
    return this.#chance.below(5) === 0 ? 'failure' : 'success';
  }
}
