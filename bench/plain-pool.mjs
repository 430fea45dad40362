import { PolicySchema } from '../dist/protocol/policy.js';
import { Chance } from '../dist/selection/chance.js';

const POLICY = PolicySchema.parse({});
const WINDOW_MS = POLICY.rotationWindowMinutes * 60_000;
const { weights, contextMs, loadMs, minimumSample } = POLICY.scoring;
const NEVER = { successes: 0, failures: 0, lastMs: Number.NEGATIVE_INFINITY };

/**
 * The same choice as anybody would write it first: an array of objects, filtered for each task, and one of
 * those that are left picked. It says who, and nothing of why, or of how many could not.
 */
export class PlainPool {
  #agents = [];
  #cursor = -1;
  #assignments = 0;

  join(id, { maxConcurrency, capabilities, specializations }) {
    const index = this.#agents.length;
    const served = { nth: Number.NEGATIVE_INFINITY, atMs: Number.NEGATIVE_INFINITY };
    const known = { maxConcurrency, capabilities, specializations };
    this.#agents.push({ id, index, isOnline: true, ...known, tasks: [], served, performance: new Map() });
  }

  choose({ strategy, capabilities, workType, monoMs, seed }) {
    const able = this.#agents.filter(
      (agent) =>
        agent.isOnline &&
        agent.tasks.length < agent.maxConcurrency &&
        capabilities.every((capability) => agent.capabilities.includes(capability)),
    );
    const fresh = able.filter((agent) => !this.#isRecent(agent, monoMs));
    const candidates = fresh.length > 0 ? fresh : able;
    const turn = { cursor: this.#cursor, chance: new Chance(seed), workType, monoMs };
    return PICK[strategy](candidates, turn).index;
  }

  assigned(taskId, index, monoMs) {
    this.#cursor = index;
    this.#agents[index].served = { nth: this.#assignments++, atMs: monoMs };
    this.hold(taskId, index, monoMs);
  }

  hold(taskId, index, monoMs) {
    this.#agents[index].tasks.push({ taskId, atMs: monoMs });
  }

  ended(taskId, index, workType, outcome, monoMs) {
    const agent = this.#agents[index];
    agent.tasks = agent.tasks.filter((task) => task.taskId !== taskId);
    this.note(index, workType, outcome, monoMs);
  }

  note(index, workType, outcome, monoMs) {
    const { performance } = this.#agents[index];
    const { successes, failures } = performance.get(workType) ?? NEVER;
    const [won, lost] = outcome === 'success' ? [1, 0] : [0, 1];
    performance.set(workType, { successes: successes + won, failures: failures + lost, lastMs: monoMs });
  }

  /** Served within the window, and not longer ago than the history goes back. */
  #isRecent({ served }, monoMs) {
    return monoMs - served.atMs < WINDOW_MS && this.#assignments - served.nth <= POLICY.historySize;
  }
}

const PICK = {
  'round-robin': nextInTurn,
  'least-loaded': (candidates, { cursor }) => {
    let best = candidates[0];
    for (const agent of candidates) {
      const more = slotsOf(agent) - slotsOf(best);
      if (more > 0 || (more === 0 && isSooner(agent, best, cursor))) best = agent;
    }
    return best;
  },
  random: (candidates, { chance }) => candidates[candidates.length === 1 ? 0 : chance.below(candidates.length)],
  'power-of-two': (candidates, { chance }) => {
    if (candidates.length === 1) return candidates[0];
    const first = chance.below(candidates.length);
    const other = chance.below(candidates.length - 1);
    const pair = [candidates[first], candidates[other < first ? other : other + 1]];
    return slotsOf(pair[0]) >= slotsOf(pair[1]) ? pair[0] : pair[1];
  },
  weighted: (candidates, turn) => {
    let best = candidates[0];
    let bestScore = scoreOf(best, turn);
    for (const agent of candidates) {
      const score = scoreOf(agent, turn);
      if (score < bestScore || (score === bestScore && !isSooner(agent, best, turn.cursor))) continue;
      best = agent;
      bestScore = score;
    }
    return best;
  },
};

function nextInTurn(candidates, { cursor }) {
  return candidates.find(({ index }) => index > cursor) ?? candidates[0];
}

function isSooner(agent, other, cursor) {
  return (agent.index - cursor - 1) >>> 0 < (other.index - cursor - 1) >>> 0;
}

function slotsOf({ maxConcurrency, tasks }) {
  return maxConcurrency - tasks.length;
}

function scoreOf({ tasks, specializations, performance }, { workType, monoMs }) {
  const { successes, failures, lastMs } = performance.get(workType) ?? NEVER;
  const executions = successes + failures;
  const open = tasks.filter(({ atMs }) => monoMs - atMs < loadMs).length;
  return (
    (monoMs - lastMs < contextMs ? weights.context : 0) +
    weights.success * (executions > minimumSample ? successes / executions : 0.5) +
    (specializations.includes(workType) ? weights.specialization : 0) +
    weights.load * (1 - Math.min(open, 10) / 10)
  );
}
