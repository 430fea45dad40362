import { type Actor, type AnyActorRef, createActor } from 'xstate';
import { agentMachine, nextLookMs } from '../machines/agent.js';
import type { coordinatorMachine } from '../machines/coordinator.js';
import { Deadlines } from '../machines/deadlines.js';
import { type OrchestrationEvent, orchestrationMachine } from '../machines/orchestration.js';
import type { Task } from '../machines/pool-task.js';
import { KEEP_ENDED_MS, type Selector, type SelectorInput, selectorLogic } from '../machines/selector.js';
import type { SelectorEvent } from '../machines/selector-events.js';
import type { Turn } from '../machines/turn.js';
import type { AgentProfile, Presence } from '../protocol/agent.js';
import type { OrchestrationImage } from '../protocol/journal.js';
import { isTerminal } from '../protocol/task.js';

export interface SystemOptions {
  readonly root: Actor<typeof coordinatorMachine>;
  readonly turn: Turn;
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  /** What a pool is to be ruled by. */
  readonly ruleOf: (pool: string) => SelectorInput['rule'];
  /** An actor threw: a fault of ours, after which its state can't be trusted. */
  readonly onFault: (error: unknown) => void;
}

/**
 * The actors of one coordinator, in one XState system whose root is the coordinator: a selector for
 * each pool, an actor for each agent and each running orchestration. Actors reach each other through
 * here alone, and each is created with `createActor`: `spawnChild` copies its parent's children each time.
 */
export class ActorSystem {
  readonly #options: SystemOptions;
  readonly #selectors = new Map<string, Actor<typeof selectorLogic>>();
  readonly #agents = new Map<string, Actor<typeof agentMachine>>();
  readonly #orchestrations = new Map<string, Actor<typeof orchestrationMachine>>();
  /** Orchestrations with tasks that are ready and not submitted: the turn had no room for them. */
  readonly #behind = new Set<string>();
  /** Ids of the tasks of orchestrations that run. */
  readonly #reserved = new Set<string>();
  /** Orchestrations that ended, the earliest first. */
  readonly #ended: { readonly id: string; readonly endedMs: number }[] = [];
  readonly #poolOfAgent = new Map<string, string>();
  readonly #looks = new Deadlines<string>();
  /** Agents that have a look coming. */
  readonly #watched = new Set<string>();

  constructor(options: SystemOptions) {
    this.#options = options;
  }

  // ── selectors ──────────────────────────────────────────────────────────────────────────────────

  pools(): string[] {
    return [...this.#selectors.keys()];
  }

  selectors(): Selector[] {
    return [...this.#selectors.values()].map((actor) => actor.getSnapshot().context);
  }

  selector(pool: string): Selector | undefined {
    return this.#selectors.get(pool)?.getSnapshot().context;
  }

  /** The selector of a pool; a pool comes to be when it is first named. */
  selectorOf(pool: string): Selector {
    return this.#selectorActor(pool).getSnapshot().context;
  }

  toPool = (pool: string, event: SelectorEvent): void => {
    this.#selectorActor(pool).send(event);
  };

  /** A task in memory, whichever pool it is in. */
  task(taskId: string): Task | undefined {
    for (const actor of this.#selectors.values()) {
      const task = actor.getSnapshot().context.task(taskId);
      if (task !== undefined) return task;
    }
    return undefined;
  }

  /** Whether a task has this id, or will have it: one of an orchestration that waits for others. */
  isTaken(taskId: string): boolean {
    return this.#reserved.has(taskId) || this.task(taskId) !== undefined;
  }

  #selectorActor(pool: string): Actor<typeof selectorLogic> {
    let actor = this.#selectors.get(pool);
    if (actor === undefined) {
      const { root, turn, leaseMs, heartbeatMs, ruleOf } = this.#options;
      const input = { pool, rule: ruleOf(pool), leaseMs, heartbeatMs, turn, onEnded: this.#nodeEnded };
      actor = createActor(selectorLogic, { parent: root, systemId: `selector:${pool}`, input });
      this.#selectors.set(pool, this.#started(actor));
    }
    return actor;
  }

  // ── agents ─────────────────────────────────────────────────────────────────────────────────────

  poolOf(agentId: string): string | undefined {
    return this.#poolOfAgent.get(agentId);
  }

  /** An agent process registered. Its selector knows of it already. */
  agentRegistered(agentId: string, pool: string): void {
    this.agentKnown(agentId, pool, 'offline');
    this.toAgent(agentId, { type: 'REGISTERED', monoMs: this.#options.turn.monoMs });
  }

  /** An agent is in the registry. One that sends no heartbeats has no actor: nobody watches for them. */
  agentListed(agentId: string, { pool, availability }: AgentProfile): void {
    this.#poolOfAgent.set(agentId, pool);
    if (availability === 'source') this.#stopAgent(agentId);
    else this.agentKnown(agentId, pool, 'offline');
  }

  agentForgotten(agentId: string): void {
    this.#poolOfAgent.delete(agentId);
    this.#stopAgent(agentId);
  }

  #stopAgent(agentId: string): void {
    this.#agents.get(agentId)?.send({ type: 'FORGET' });
    this.#agents.delete(agentId);
  }

  /** Makes the actor of an agent, where there is none. */
  agentKnown(agentId: string, pool: string, presence: Presence): void {
    if (this.#agents.has(agentId)) return;
    const { root, turn, leaseMs } = this.#options;
    const toSelector = (event: SelectorEvent) => this.toPool(pool, event);
    const input = { agentId, presence, leaseMs, monoMs: turn.monoMs, toSelector };
    const actor = createActor(agentMachine, { parent: root, systemId: `agent:${agentId}`, input });
    this.#agents.set(agentId, this.#started(actor));
    this.#poolOfAgent.set(agentId, pool);
    this.#watch(agentId);
  }

  toAgent(agentId: string, event: Parameters<Actor<typeof agentMachine>['send']>[0]): void {
    this.#agents.get(agentId)?.send(event);
    this.#watch(agentId);
  }

  /** Looks at the agents whose heartbeat may be late, and at no others. */
  #lookAtAgents(monoMs: number): void {
    for (let id = this.#looks.take(monoMs); id !== undefined; id = this.#looks.take(monoMs)) {
      this.#watched.delete(id);
      this.toAgent(id, { type: 'TICK', monoMs });
    }
  }

  #watch(agentId: string): void {
    if (this.#watched.has(agentId)) return;
    const snapshot = this.#agents.get(agentId)?.getSnapshot();
    const dueMs = snapshot === undefined ? undefined : nextLookMs(snapshot.value, snapshot.context);
    if (dueMs === undefined) return;
    this.#watched.add(agentId);
    this.#looks.add(dueMs, agentId);
  }

  // ── orchestrations ─────────────────────────────────────────────────────────────────────────────

  /** An orchestration that runs, or ended a moment ago. */
  orchestration(id: string): OrchestrationImage | undefined {
    return this.#orchestrations.get(id)?.getSnapshot().context.image;
  }

  /** Makes the actor of an orchestration that runs. */
  orchestrationKnown(image: OrchestrationImage): void {
    const { root, turn } = this.#options;
    const { id } = image.spec;
    const input = { image, turn, toPool: this.toPool };
    const actor = createActor(orchestrationMachine, { parent: root, systemId: `orchestration:${id}`, input });
    this.#orchestrations.set(id, actor);
    for (const taskId of Object.values(image.taskIds)) this.#reserved.add(taskId);
    // Kept for a while, like a task that ended: until the store's tables say what it was.
    this.#started(actor, () => this.#ended.push({ id, endedMs: turn.monoMs }));
  }

  toOrchestration(id: string, event: OrchestrationEvent): void {
    const actor = this.#orchestrations.get(id);
    if (actor?.getSnapshot().status !== 'active') return;
    actor.send(event);
    if (actor.getSnapshot().context.graph.hasReady) this.#behind.add(id);
    else this.#behind.delete(id);
  }

  /** One after the other, until the turn has no room for more. */
  #catchUp(): void {
    for (const id of this.#behind) {
      this.toOrchestration(id, { type: 'TICK' });
      if (this.#behind.has(id)) return;
    }
  }

  #forgetOrchestrations(beforeMs: number): void {
    while (this.#ended[0] !== undefined && this.#ended[0].endedMs <= beforeMs) {
      const { id } = this.#ended.shift() ?? { id: '' };
      for (const taskId of Object.values(this.orchestration(id)?.taskIds ?? {})) this.#reserved.delete(taskId);
      this.#orchestrations.delete(id);
    }
  }

  #nodeEnded = ({ record, status, result, error }: Task): void => {
    if (record.orchestrationId === undefined || record.key === undefined || !isTerminal(status)) return;
    this.toOrchestration(record.orchestrationId, {
      type: 'NODE_ENDED',
      key: record.key,
      status,
      ...(result === undefined ? {} : { result }),
      ...(error === undefined ? {} : { error }),
    });
  };

  // ── all ────────────────────────────────────────────────────────────────────────────────────────

  /** Drives every deadline. What ended before `settledMs` may be forgotten. */
  tick(monoMs: number, settledMs: number): void {
    this.#lookAtAgents(monoMs);
    this.#catchUp();
    this.#forgetOrchestrations(Math.min(settledMs, monoMs - KEEP_ENDED_MS));
    for (const pool of this.#selectors.keys()) this.toPool(pool, { type: 'TICK', settledMs });
  }

  /** After recovery: work goes on. */
  resume(): void {
    for (const id of this.#orchestrations.keys()) this.toOrchestration(id, { type: 'START' });
    for (const pool of this.#selectors.keys()) this.toPool(pool, { type: 'RESUME' });
  }

  /** One subscription has both: XState throws an error at an observer that has no place for it. */
  #started<T extends AnyActorRef>(actor: T, complete: () => void = () => {}): T {
    actor.subscribe({ error: this.#options.onFault, complete });
    actor.start();
    return actor;
  }
}
