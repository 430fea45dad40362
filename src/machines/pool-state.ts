import type { AgentImage, JournalEvent, PoolImage, TaskRecord } from '../protocol/journal.js';
import { type Policy, PolicySchema } from '../protocol/policy.js';
import type { DecideInput, GivenScores } from '../selection/decide.js';
import { AssignmentHistory } from '../selection/history.js';
import { OpenLoad } from '../selection/open-load.js';
import { requirementOf } from '../selection/requirement.js';
import { type Member, Roster } from '../selection/roster.js';
import { Rotations } from '../selection/rotations.js';
import { kept, newTask, restoredTask, type Task, triedBefore } from './pool-task.js';
import { isHeld, nextStatus } from './task.js';

/** Where a task's deadline is noted. Replaying the past needs none. */
export interface Alarm {
  add(dueMs: number, task: Task): void;
}

export const NO_ALARM: Alarm = { add() {} };

export interface PoolStateInput {
  readonly pool: string;
  readonly leaseMs: number;
  /** The instant of the turn; for deadlines, which are no facts. */
  readonly now: { readonly monoMs: number };
  readonly alarm: Alarm;
}

/** What a pool is ruled by before its first `policySet`. */
const NO_POLICY: { readonly version: string; readonly policy: Policy } = {
  version: 'none',
  policy: PolicySchema.parse({}),
};

/**
 * What one pool is: its tasks, roster, rotations, history and policy. It changes through `apply` of facts
 * alone, the same live, in recovery and in a replay of the past; so the facts give this state.
 *
 * Must hold: a task is held by an agent if and only if it is assigned or running, and then counts in that
 * agent's load.
 */
export class PoolState {
  readonly pool: string;
  readonly roster = new Roster();
  readonly rotations = new Rotations();
  readonly history = new AssignmentHistory(this.roster, NO_POLICY.policy);
  readonly openLoad = new OpenLoad(this.roster, NO_POLICY.policy.scoring.loadMs);
  readonly #leaseMs: number;
  readonly #now: { readonly monoMs: number };
  readonly #alarm: Alarm;
  readonly #tasks = new Map<string, Task>();
  readonly #heldBy = new Map<string, Set<Task>>();
  readonly #ended: Task[] = [];
  /** Tasks that were refused and have not ended: whom they exclude depends on who else there is. */
  readonly #refused = new Set<Task>();
  #rule = NO_POLICY;
  #lastOrder = 0;

  constructor({ pool, leaseMs, now, alarm }: PoolStateInput) {
    this.pool = pool;
    this.#leaseMs = leaseMs;
    this.#now = now;
    this.#alarm = alarm;
  }

  get lastOrder(): number {
    return this.#lastOrder;
  }

  get policy(): Policy {
    return this.#rule.policy;
  }

  get policyVersion(): string {
    return this.#rule.version;
  }

  get size(): number {
    return this.#tasks.size;
  }

  task(id: string): Task | undefined {
    return this.#tasks.get(id);
  }

  tasks(): Iterable<Task> {
    return this.#tasks.values();
  }

  heldBy(agentId: string): Iterable<Task> {
    return this.#heldBy.get(agentId) ?? [];
  }

  /** Tasks that were refused and have not ended. */
  refused(): Iterable<Task> {
    return this.#refused;
  }

  /** @throws Error where the task is held by nobody: a fault of ours. */
  holderOf(task: Task): Member {
    const member = task.agentId === undefined ? undefined : this.roster.get(task.agentId);
    if (member === undefined) throw new Error(`Task ${task.record.id} is held by nobody.`);
    return member;
  }

  /** Everything that a decision for this task depends on. */
  decision(task: Task, monoMs: number, seed: number, given?: GivenScores): DecideInput {
    const { id, workType, priority, strategy, embedding } = task.record;
    return {
      roster: this.roster,
      history: this.history,
      openLoad: this.openLoad,
      policy: this.policy,
      policyVersion: this.policyVersion,
      cursor: this.rotations.cursorOf(task.requirement.labelsKey),
      monoMs,
      seed,
      task: {
        id,
        workType,
        priority,
        attempt: task.attempt + 1,
        requirement: task.requirement,
        triedBefore: triedBefore(task),
        strategy,
        embedding,
      },
      given,
    };
  }

  // ── facts ──────────────────────────────────────────────────────────────────────────────────────

  /** Changes the state as the fact says. */
  apply(event: JournalEvent): void {
    const changed = 'taskId' in event && event.type !== 'reportRefused' ? this.#tasks.get(event.taskId) : undefined;
    if (changed !== undefined) changed.changedAtMs = event.atMs;
    switch (event.type) {
      case 'agentRegistered':
      case 'agentDeregistered':
        this.#applyToAgent(event);
        for (const task of this.#refused) this.#excludeRefusers(task);
        return;
      case 'agentPresence':
      case 'agentFlagged':
        return this.#applyToAgent(event);
      case 'policySet':
        return this.#govern(event);
      case 'rotationReset':
        this.rotations.clear();
        return this.history.clear();
      case 'taskSubmitted':
        return this.#add(event.task);
      case 'taskAssigned': {
        const task = this.#get(event.taskId);
        task.status = nextStatus(task.status, 'assign');
        task.attempt = event.attempt;
        task.token = event.token;
        task.reason = event.decision.reason;
        this.rotations.move(event.rotation, event.cursor);
        this.history.push(event.agentId, event.taskId, event.monoMs);
        return this.#hold(task, event.agentId, event.monoMs);
      }
      case 'taskAccepted': {
        const task = this.#get(event.taskId);
        task.status = nextStatus(task.status, 'accept');
        return this.#armTimeout(task);
      }
      case 'taskReleased':
        return this.#release(event);
      case 'taskCompleted': {
        const task = this.#get(event.taskId);
        task.result = event.result;
        delete task.error;
        this.#note(event.agentId, event.workType, 'success', event.monoMs);
        return this.#end(task, 'complete');
      }
      case 'taskFailed': {
        const task = this.#get(event.taskId);
        const { last } = event;
        task.error = event.error;
        if (last?.outcome === 'failed') this.#note(last.agentId, last.workType, 'failure', last.monoMs);
        return this.#end(task, 'fail');
      }
      case 'taskCancelled':
        return this.#end(this.#get(event.taskId), 'cancel');
      default:
        return;
    }
  }

  #applyToAgent(
    event: Extract<JournalEvent, { type: 'agentRegistered' | 'agentPresence' | 'agentFlagged' | 'agentDeregistered' }>,
  ): void {
    if (event.type === 'agentRegistered') {
      return this.#seat(event.agentId, event);
    }
    const member = this.roster.get(event.agentId);
    if (member === undefined) return;
    if (event.type === 'agentPresence') this.roster.setPresence(member, event.presence);
    else if (event.type === 'agentFlagged') this.roster.setFlag(member, event.flag, event.isSet);
    else {
      this.history.forget(event.agentId);
      this.roster.remove(member);
      this.#heldBy.delete(event.agentId);
    }
  }

  #seat(id: string, { index, session, profile, presence, isCordoned, isOffDuty }: Omit<AgentImage, 'id'>): void {
    const member = this.roster.put(id, index, session, profile);
    this.roster.setPresence(member, presence);
    this.roster.setFlag(member, 'cordoned', isCordoned);
    this.roster.setFlag(member, 'offDuty', isOffDuty);
  }

  #release(event: Extract<JournalEvent, { type: 'taskReleased' }>): void {
    const task = this.#get(event.taskId);
    const { attempt, agentId, outcome, error, backoffMs } = event;
    this.#letGo(task);
    task.status = nextStatus(task.status, 'release');
    task.reason = error.message;
    task.error = error;
    task.ended.push(kept(event));
    if (outcome === 'failed') this.#note(agentId, event.workType, 'failure', event.monoMs);
    if (outcome === 'rejected') {
      task.attempt = attempt - 1;
      this.#excludeRefusers(task);
    }
    this.#wait(task, backoffMs);
  }

  /** Starts from what the tables hold. Leases and backoffs begin anew, in full. */
  restore(image: PoolImage): void {
    this.rotations.restore(image.rotations);
    this.#lastOrder = image.lastOrder;
    if (image.policy !== undefined) this.#govern(image.policy);
    for (const agent of image.agents) {
      this.#seat(agent.id, agent);
    }
    for (const one of image.performance) this.roster.restorePerformance(one);
    this.history.restore(image.history);
    const held: [Task, string, number][] = [];
    for (const one of image.tasks) {
      const task = restoredTask(one, this.#now.monoMs);
      this.#tasks.set(one.task.id, task);
      this.roster.noteWorkType(one.task.workType);
      if (task.ended.some(({ outcome }) => outcome === 'rejected')) this.#excludeRefusers(task);
      if (one.agentId !== undefined) held.push([task, one.agentId, one.assignedMonoMs ?? this.#now.monoMs]);
      else this.#wait(task, one.backoffMs);
      if (task.status === 'running') this.#armTimeout(task);
    }
    // In the order in which they were granted, as they were live.
    for (const [task, agentId, monoMs] of held.sort((a, b) => a[2] - b[2])) this.#hold(task, agentId, monoMs);
  }

  /** Forgets what ended before `beforeMs`. */
  forget(beforeMs: number): void {
    const keepFrom = this.#ended.findIndex((task) => task.endedMs > beforeMs);
    const forgotten = this.#ended.splice(0, keepFrom === -1 ? this.#ended.length : keepFrom);
    for (const task of forgotten) this.#tasks.delete(task.record.id);
  }

  // ── parts ──────────────────────────────────────────────────────────────────────────────────────

  #add(record: TaskRecord): void {
    this.#lastOrder = Math.max(this.#lastOrder, record.order);
    this.#tasks.set(record.id, newTask(record, this.#now.monoMs));
    this.roster.noteWorkType(record.workType);
  }

  #govern({ version, policy }: { version: string; policy: Policy }): void {
    this.#rule = { version, policy };
    this.history.configure(policy);
    this.openLoad.configure(policy.scoring.loadMs);
  }

  /** An agent that was deregistered meanwhile has no performance any more. */
  #note(agentId: string, workType: string, outcome: 'success' | 'failure', monoMs: number): void {
    const member = this.roster.get(agentId);
    if (member !== undefined) this.roster.note(member, workType, outcome, monoMs);
  }

  #hold(task: Task, agentId: string, assignedMonoMs: number): void {
    const { monoMs } = this.#now;
    task.agentId = agentId;
    task.leaseUntilMs = monoMs + this.#leaseMs;
    task.deliveredMs = monoMs;
    task.scoringRun = 0;
    let held = this.#heldBy.get(agentId);
    if (held === undefined) {
      held = new Set();
      this.#heldBy.set(agentId, held);
    }
    held.add(task);
    const member = this.holderOf(task);
    this.roster.take(member);
    this.openLoad.add(task.record.id, member.index, assignedMonoMs);
    if (task.status === 'assigned') this.#armAccept(task, member);
  }

  #letGo(task: Task): void {
    if (!isHeld(task.status)) return;
    const member = this.holderOf(task);
    this.#heldBy.get(member.id)?.delete(task);
    this.roster.release(member);
    this.openLoad.delete(task.record.id);
  }

  #end(task: Task, transition: 'complete' | 'fail' | 'cancel'): void {
    this.#letGo(task);
    task.status = nextStatus(task.status, transition);
    task.endedMs = this.#now.monoMs;
    task.scoringRun = 0;
    this.#refused.delete(task);
    this.#ended.push(task);
  }

  #wait(task: Task, backoffMs: number): void {
    task.readyMs = this.#now.monoMs + backoffMs;
    task.notBeforeMs = backoffMs > 0 ? task.readyMs : 0;
    if (backoffMs > 0) this.#alarm.add(task.notBeforeMs, task);
  }

  #armAccept(task: Task, member: Member): void {
    const { handoff } = task.record;
    // An agent that prefetches holds offers on purpose.
    const offerMs = handoff?.acceptTimeoutMs ?? (member.profile.prefetch > 0 ? 0 : this.policy.acceptTimeoutMs);
    task.acceptUntilMs = offerMs === 0 ? Number.POSITIVE_INFINITY : this.#now.monoMs + offerMs;
    if (offerMs > 0) this.#alarm.add(task.acceptUntilMs, task);
  }

  #armTimeout(task: Task): void {
    if (task.record.timeoutMs === undefined) return;
    task.timeoutAtMs = this.#now.monoMs + task.record.timeoutMs;
    this.#alarm.add(task.timeoutAtMs, task);
  }

  /** Its next offer goes to those who refused it least often, of those who are registered by now. */
  #excludeRefusers(task: Task): void {
    this.#refused.add(task);
    const { record } = task;
    const refusals = refusalsOf(task);
    for (let allowed = 0; ; allowed++) {
      const refusers = [...refusals].filter(([, count]) => count > allowed).map(([agentId]) => agentId);
      task.requirement = requirementOf({ ...record, excludeAgents: [...record.excludeAgents, ...refusers] });
      if (refusers.length === 0 || this.roster.couldFit(task.requirement)) return;
    }
  }

  #get(taskId: string): Task {
    const task = this.#tasks.get(taskId);
    if (task === undefined) throw new Error(`Task ${taskId} is not in pool ${this.pool}.`);
    return task;
  }
}

/** How often each agent refused it. */
export function refusalsOf(task: Task): Map<string, number> {
  const refusals = new Map<string, number>();
  for (const { agentId, outcome } of task.ended) {
    if (outcome === 'rejected') refusals.set(agentId, (refusals.get(agentId) ?? 0) + 1);
  }
  return refusals;
}
