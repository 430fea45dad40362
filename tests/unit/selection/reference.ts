import type { AgentProfile, Presence } from '#rota/protocol/agent.js';
import type { Exclusion } from '#rota/protocol/decision.js';
import type { Policy, StrategyName } from '#rota/protocol/policy.js';
import { Chance, seedFor } from '#rota/selection/chance.js';

/**
 * The decision engine the obvious way: plain objects, lists, filters and sorts. What it shares with the
 * real one is the order in which chance is drawn, and the sampler itself.
 */

export interface ListedAgent {
  readonly id: string;
  readonly index: number;
  profile: AgentProfile;
  presence: Presence;
  isCordoned: boolean;
  isOffDuty: boolean;
  /** By work type. */
  done: Map<string, { successes: number; failures: number; lastMs: number }>;
}

export interface ListedTask {
  readonly id: string;
  readonly workType: string;
  readonly attempt: number;
  readonly capabilities: readonly string[];
  readonly roles: readonly string[];
  readonly assignee?: string;
  readonly excludeAgents: readonly string[];
  readonly handoff?: { readonly fromAgent?: string };
  readonly triedBefore: ReadonlySet<string>;
}

export interface ListedChoice {
  readonly agent: ListedAgent;
  readonly candidates: number;
  readonly excluded: Partial<Record<Exclusion, number>>;
  readonly fallback: 'window' | 'triedBefore' | undefined;
  readonly probability: number | undefined;
  readonly score: number | undefined;
  readonly runnersUp: readonly { agentId: string; score: number }[];
}

const NO_LABELS = { capabilities: [], roles: [] };

function labelsOf({ capabilities, roles }: Pick<ListedTask, 'capabilities' | 'roles'>): string {
  return JSON.stringify([[...new Set(capabilities)].sort(), [...new Set(roles)].sort()]);
}

const HOUR_MS = 3_600_000;

export class ListEngine {
  agents: ListedAgent[] = [];
  history: { agentId: string; taskId: string; monoMs: number }[] = [];
  held: { taskId: string; agentId: string; monoMs: number }[] = [];
  policy: Policy;
  /** Who was given a task, and what of. */
  served: { labels: string; index: number }[] = [];
  monoMs = 0;

  constructor(policy: Policy) {
    this.policy = policy;
  }

  get(id: string): ListedAgent | undefined {
    return this.agents.find((agent) => agent.id === id);
  }

  lowestFreeIndex(): number {
    let index = 0;
    while (this.agents.some((agent) => agent.index === index)) index++;
    return index;
  }

  loadOf(agent: ListedAgent): number {
    return this.held.filter((one) => one.agentId === agent.id).length;
  }

  recentLoadOf(agent: ListedAgent): number {
    const { loadMs } = this.policy.scoring;
    return this.held.filter((one) => one.agentId === agent.id && this.monoMs - one.monoMs < loadMs).length;
  }

  slotsOf(agent: ListedAgent): number {
    return Math.max(0, agent.profile.maxConcurrency - this.loadOf(agent));
  }

  isRecent(agent: ListedAgent): boolean {
    const windowMs = this.policy.rotationWindowMinutes * 60_000;
    const within = this.history.filter((one) => one.agentId === agent.id && this.monoMs - one.monoMs < windowMs);
    return within.length >= this.policy.assignmentsPerWindow;
  }

  assign(agent: ListedAgent, task: ListedTask): void {
    const { id: taskId } = task;
    this.held.push({ taskId, agentId: agent.id, monoMs: this.monoMs });
    this.history.push({ taskId, agentId: agent.id, monoMs: this.monoMs });
    this.trim();
    this.served.push({ labels: labelsOf(task), index: agent.index });
  }

  /** Whom the last task with these labels went to; before the first, that of the last one without any. */
  lastServed(task: ListedTask): number {
    const lastWith = (labels: string) => this.served.findLast((one) => one.labels === labels)?.index;
    return lastWith(labelsOf(task)) ?? lastWith(labelsOf(NO_LABELS)) ?? -1;
  }

  trim(): void {
    this.history = this.history
      .slice(-this.policy.historySize)
      .filter((one) => this.monoMs - one.monoMs < 24 * HOUR_MS);
  }

  /** The first reason that holds, whether or not the agent was served recently or had the task before. */
  reasonAgainst(agent: ListedAgent, task: ListedTask): Exclusion | undefined {
    const { profile } = agent;
    if (task.capabilities.some((label) => !profile.capabilities.includes(label))) return 'capability';
    if (task.roles.length > 0 && !task.roles.some((label) => profile.roles.includes(label))) return 'role';
    if (task.assignee !== undefined && task.assignee !== agent.id) return 'assignee';
    if (task.excludeAgents.includes(agent.id) || task.handoff?.fromAgent === agent.id) return 'excluded';
    if (profile.availability === 'source' && task.handoff === undefined) return 'handoffOnly';
    if (!profile.enabled) return 'disabled';
    if (agent.isCordoned) return 'cordoned';
    if (agent.presence !== 'online') return 'offline';
    if (agent.isOffDuty) return 'offDuty';
    if (this.loadOf(agent) >= profile.maxConcurrency + profile.prefetch) return 'busy';
    return undefined;
  }

  decide(task: ListedTask, strategy: StrategyName, seed: number): ListedChoice | undefined {
    const reasons = new Map(this.agents.map((agent) => [agent, this.reasonAgainst(agent, task)]));
    const available = this.agents.filter((agent) => reasons.get(agent) === undefined);
    const recent = available.filter((agent) => this.isRecent(agent));
    const free = available.filter((agent) => !this.isRecent(agent));
    const untried = (agent: ListedAgent) => !task.triedBefore.has(agent.id);

    let fallback: ListedChoice['fallback'];
    let candidates = free.filter(untried);
    for (const agent of recent) reasons.set(agent, 'recent');
    for (const agent of free) if (!untried(agent)) reasons.set(agent, 'triedBefore');
    if (candidates.length === 0) {
      fallback = 'window';
      candidates = recent.filter(untried);
      for (const agent of recent) reasons.set(agent, untried(agent) ? undefined : 'triedBefore');
    }
    if (candidates.length === 0) {
      fallback = 'triedBefore';
      candidates = available;
      for (const agent of available) reasons.set(agent, undefined);
    }
    if (candidates.length === 0) return undefined;

    const excluded: Partial<Record<Exclusion, number>> = {};
    for (const reason of reasons.values()) if (reason !== undefined) excluded[reason] = (excluded[reason] ?? 0) + 1;
    candidates.sort((a, b) => a.index - b.index);
    const picked = this.pick(candidates, task, strategy, seed);
    return { candidates: candidates.length, excluded, fallback, ...picked };
  }

  private pick(candidates: ListedAgent[], task: ListedTask, strategy: StrategyName, seed: number) {
    const chance = new Chance(seed);
    const n = candidates.length;
    const last = this.lastServed(task);
    const inTurn = [
      ...candidates.filter((agent) => agent.index > last),
      ...candidates.filter((agent) => agent.index <= last),
    ];
    const plain = (agent: ListedAgent | undefined, probability: number) => ({
      agent: agent as ListedAgent,
      probability,
      score: undefined,
      runnersUp: [],
    });
    switch (strategy) {
      case 'round-robin':
        return plain(inTurn[0], 1);
      case 'least-loaded':
        return plain(inTurn.sort((a, b) => this.slotsOf(b) - this.slotsOf(a))[0], 1);
      case 'random':
        return plain(candidates[n === 1 ? 0 : chance.below(n)], 1 / n);
      case 'power-of-two': {
        if (n === 1) return plain(candidates[0], 1);
        const winner = (a: ListedAgent, b: ListedAgent) => (this.slotsOf(b) > this.slotsOf(a) ? b : a);
        const first = candidates[chance.below(n)] as ListedAgent;
        const second = candidates.filter((agent) => agent !== first)[chance.below(n - 1)] as ListedAgent;
        const agent = winner(first, second);
        const pairs = candidates.flatMap((a) => candidates.filter((b) => b !== a).map((b) => winner(a, b)));
        return plain(agent, pairs.filter((one) => one === agent).length / pairs.length);
      }
      case 'weighted': {
        const { explorationShare, confidence } = this.policy.scoring;
        const scored = inTurn.map((agent) => ({ agent, score: this.scoreOf(agent, task, seed) }));
        scored.sort((a, b) => b.score - a.score);
        const best = scored[0]?.agent as ListedAgent;
        let agent = best;
        let probability: number | undefined = 1;
        if (n > 1 && explorationShare > 0) {
          if (chance.next() < explorationShare) agent = candidates[chance.below(n)] as ListedAgent;
          probability = explorationShare / n + (agent === best ? 1 - explorationShare : 0);
        }
        if (confidence === 'thompson') probability = undefined;
        const others = scored.filter((one) => one.agent !== agent).slice(0, 3);
        return {
          agent,
          probability,
          score: scored.find((one) => one.agent === agent)?.score,
          runnersUp: others.map((one) => ({ agentId: one.agent.id, score: one.score })),
        };
      }
    }
  }

  scoreOf(agent: ListedAgent, task: ListedTask, seed: number): number {
    const { weights, contextMs, minimumSample, confidence } = this.policy.scoring;
    const done = agent.done.get(task.workType);
    const n = done === undefined ? 0 : done.successes + done.failures;
    const p = done === undefined || n === 0 ? 0 : done.successes / n;
    let rate = n > minimumSample ? p : 0.5;
    if (confidence === 'lower-bound') {
      const z = 1.959963984540054;
      const root = Math.sqrt((p * (1 - p)) / n + z ** 2 / (4 * n ** 2));
      rate = n === 0 ? 0 : (p + z ** 2 / (2 * n) - z * root) / (1 + z ** 2 / n);
    } else if (confidence === 'thompson') {
      const chance = new Chance(seedFor(seed, agent.index));
      rate = chance.beta(1 + (done?.successes ?? 0), 1 + (done?.failures ?? 0));
    }
    const isRecent = done !== undefined && this.monoMs - done.lastMs < contextMs;
    return (
      (isRecent ? weights.context : 0) +
      weights.success * rate +
      (agent.profile.specializations.includes(task.workType) ? weights.specialization : 0) +
      weights.load * (1 - Math.min(this.recentLoadOf(agent), 10) / 10)
    );
  }
}
