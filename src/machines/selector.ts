import { isDeepStrictEqual } from 'node:util';
import { fromTransition } from 'xstate';
import type { AgentProfile, Presence } from '../protocol/agent.js';
import { RotaError, type WireError } from '../protocol/errors.js';
import type { CancelNotice, Held, Progress, Report } from '../protocol/frames.js';
import type { JournalEvent, PoolImage, TaskRecord } from '../protocol/journal.js';
import { isTerminal } from '../protocol/task.js';
import { type Member, Roster, requirementOf } from '../selection/roster.js';
import type { Strategy } from '../selection/strategy.js';
import { type Waiting, WaitingLine } from '../selection/waiting-line.js';
import { backoffMs } from './backoff.js';
import { Deadlines } from './deadlines.js';
import { isDue, isRepeated, lastGrant, type Task, toAssignment, toTaskEvent, toWaiting } from './pool-task.js';
import type { ElsewhereTask, NewTask, SelectorEvent } from './selector-events.js';
import { isHeld, nextStatus } from './task.js';
import type { Turn } from './turn.js';

/** How long what ended stays in memory at least, to answer a repeated submit or report at once. */
export const KEEP_ENDED_MS = 10_000;

/** Deadlines that lapsed stay in memory, up to this many and twice the tasks. */
const DUE_SLACK = 1_024;

export interface SelectorInput {
  readonly pool: string;
  readonly strategy: Strategy;
  /** A lease that is not renewed for so long ends. */
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  readonly turn: Turn;
  /** Told of each task of an orchestration that ended. */
  readonly onEnded: (task: Task) => void;
}

/**
 * One pool's selector: the single owner of its tasks, roster and rotation. Because there is one owner
 * there are no locks. It does no I/O and reads no clock: what it decides leaves through the turn.
 *
 * Must hold after every event:
 * - a task is held by an agent if and only if it is assigned or running, and counts in that agent's load;
 * - no task waits, with its backoff over, while an agent that may take it is available;
 * - state changes through `apply` of a recorded fact alone, so that replaying the facts gives this state.
 */
export class Selector {
  readonly pool: string;
  readonly roster = new Roster();
  readonly #strategy: Strategy;
  readonly #leaseMs: number;
  readonly #heartbeatMs: number;
  readonly #turn: Turn;
  readonly #onEnded: (task: Task) => void;

  readonly #tasks = new Map<string, Task>();
  readonly #heldBy = new Map<string, Set<Task>>();
  readonly #line: WaitingLine;
  readonly #due = new Deadlines<Task>();
  readonly #ended: Task[] = [];
  #cursor = -1;
  #lastOrder = 0;

  constructor(input: SelectorInput) {
    this.pool = input.pool;
    this.#strategy = input.strategy;
    this.#leaseMs = input.leaseMs;
    this.#heartbeatMs = input.heartbeatMs;
    this.#turn = input.turn;
    this.#onEnded = input.onEnded;
    this.#line = new WaitingLine((entry) => this.#isWaiting(entry));
  }

  get cursor(): number {
    return this.#cursor;
  }

  /** How many deadlines are in memory, those that lapsed included. */
  get deadlines(): number {
    return this.#due.size;
  }

  task(id: string): Task | undefined {
    return this.#tasks.get(id);
  }

  tasks(): Iterable<Task> {
    return this.#tasks.values();
  }

  handle(event: SelectorEvent): void {
    switch (event.type) {
      case 'SUBMIT':
        return this.#submit(event.tasks);
      case 'REGISTER':
        return this.#register(event.agentId, event.session, event.profile);
      case 'PRESENCE':
        return this.#presence(event.agentId, event.presence, event.why);
      case 'HEARTBEAT':
        return this.#heartbeat(event.agentId, event.held);
      case 'REPORT':
        return this.#report(event);
      case 'PROGRESS':
        return this.#progress(event.agentId, event.progress);
      case 'CANCEL':
        return this.#cancel(event.taskIds, event.mode);
      case 'TICK':
        return this.#tick(event.settledMs);
      case 'RESUME':
        return this.#resume();
    }
  }

  /** Which of these an agent holds no longer and should drop. */
  revoked(agentId: string, held: readonly Held[]): Held[] {
    return held.filter((one) => !this.#isCurrent(this.#tasks.get(one.taskId), agentId, one.token));
  }

  /** Why a pending task is not assigned, in words; undefined for any other. */
  whyWaiting(task: Task): string | undefined {
    if (task.status !== 'pending') return undefined;
    if (task.notBeforeMs > this.#turn.monoMs) return `waits before it is tried again: ${task.reason ?? 'backoff'}`;
    if (this.roster.size === 0) return `no agent has registered in pool ${this.pool}`;
    const fitting = [...this.roster.members()].filter((member) => this.roster.fits(member, task.requirement));
    if (fitting.length === 0) {
      return `no agent of pool ${this.pool} has all of: ${task.requirement.capabilities.join(', ')}`;
    }
    const online = fitting.filter((member) => member.presence === 'online');
    if (online.length === 0) return `none of the ${fitting.length} agents that fit is online`;
    return `all ${online.length} agents that fit are busy`;
  }

  // ── what happens ───────────────────────────────────────────────────────────────────────────────

  #submit(tasks: readonly NewTask[]): void {
    const { wallMs } = this.#turn;
    for (const { unrunnable, ...fields } of tasks) {
      if (this.#tasks.has(fields.id)) continue;
      const task: TaskRecord = { ...fields, order: this.#lastOrder + 1, createdAtMs: wallMs };
      this.#record({ type: 'taskSubmitted', atMs: wallMs, task });
      if (unrunnable === undefined) this.#place(this.#get(task.id));
      else this.#record({ type: 'taskFailed', atMs: wallMs, taskId: task.id, error: unrunnable });
    }
  }

  #register(agentId: string, session: string, profile: AgentProfile): void {
    const known = this.roster.get(agentId);
    if (known !== undefined && known.session !== session) {
      // Offline first, or what the old process held would be given to it again.
      this.#record({ type: 'agentPresence', atMs: this.#turn.wallMs, agentId, presence: 'offline' });
      this.#releaseAll(agentId, new RotaError('AGENT_LEFT', `A new process registered as agent ${agentId}.`));
    }
    if (known?.session !== session || !isDeepStrictEqual(known.profile, profile)) {
      const index = known?.index ?? this.roster.nextIndex;
      this.#record({ type: 'agentRegistered', atMs: this.#turn.wallMs, agentId, session, profile, index });
    }
    this.#feed(agentId);
  }

  #presence(agentId: string, presence: Presence, why: 'said so' | 'went silent'): void {
    const member = this.roster.get(agentId);
    if (member === undefined || member.presence === presence) return;
    this.#record({ type: 'agentPresence', atMs: this.#turn.wallMs, agentId, presence });
    if (presence === 'offline') {
      const error =
        why === 'said so'
          ? new RotaError('AGENT_LEFT', `Agent ${agentId} left.`)
          : new RotaError('LEASE_EXPIRED', `Agent ${agentId} sent no heartbeat for ${this.#leaseMs} ms.`);
      this.#releaseAll(agentId, error);
    }
    this.#feed(agentId);
  }

  /** Renews what the agent says it holds. What it doesn't know of was lost on the way and is sent again. */
  #heartbeat(agentId: string, held: readonly Held[]): void {
    const { monoMs } = this.#turn;
    const tasks = this.#heldBy.get(agentId);
    if (tasks === undefined) return;
    const tokens = new Map(held.map((one) => [one.taskId, one.token]));
    for (const task of [...tasks]) {
      if (tokens.get(task.record.id) === task.token) {
        task.leaseUntilMs = monoMs + this.#leaseMs;
      } else if (monoMs >= task.leaseUntilMs) {
        const problem = `Agent ${agentId} did not take the task within ${this.#leaseMs} ms.`;
        this.#attemptEnded(task, 'released', new RotaError('LEASE_EXPIRED', problem).toWire());
      } else if (monoMs - task.deliveredMs >= this.#heartbeatMs) {
        this.#deliver(task);
      }
    }
    this.#feed(agentId);
  }

  #report({ agentId, session, reports, elsewhere }: Extract<SelectorEvent, { type: 'REPORT' }>): void {
    const isReplaced = this.roster.get(agentId)?.session !== session;
    for (const report of reports) {
      const code = isReplaced ? 'SESSION_REPLACED' : this.#take(agentId, report, elsewhere.get(report.taskId));
      const { taskId, token, outcome } = report;
      if (code !== undefined) {
        this.#record({ type: 'reportRefused', atMs: this.#turn.wallMs, taskId, agentId, token, code });
      }
      const answer = code === undefined ? { accepted: true } : { accepted: false, code };
      this.#turn.send(agentId, { kind: 'acks', item: { taskId, token, outcome, ...answer } });
    }
    this.#feed(agentId);
  }

  /** Takes one report, or answers why not. A repeated report gets the answer that it got before. */
  #take(agentId: string, report: Report, stored: ElsewhereTask | undefined): string | undefined {
    const task = this.#tasks.get(report.taskId);
    const known = task ?? stored;
    if (known === undefined) return 'UNKNOWN_TASK';
    if (known.agentId !== agentId || known.token !== report.token) {
      return isTerminal(known.status) ? 'TASK_ENDED' : 'STALE_LEASE';
    }
    if (isTerminal(known.status)) return isRepeated(report, known.status) ? undefined : 'TASK_ENDED';
    // Its attempt failed and the task waits again: said before, or noticed before it was said.
    if (task?.status === 'pending' && report.outcome === 'failed') return undefined;
    if (task === undefined || !isHeld(task.status)) return 'STALE_LEASE';

    const { wallMs: atMs } = this.#turn;
    const { taskId, token } = report;
    if (report.outcome === 'completed') {
      const { result, durationMs } = report;
      this.#record({ type: 'taskCompleted', atMs, taskId, token, agentId, result, durationMs });
    } else if (report.outcome === 'failed') {
      this.#attemptEnded(task, 'failed', report.error);
    } else if (task.status === 'assigned') {
      this.#record({ type: 'taskAccepted', atMs, taskId, token });
    }
    return undefined;
  }

  #progress(agentId: string, progress: readonly Progress[]): void {
    for (const one of progress) {
      const task = this.#tasks.get(one.taskId);
      if (task === undefined || !this.#isCurrent(task, agentId, one.token)) continue;
      task.progress = one;
      if (task.record.watch === 'all') {
        this.#turn.send(task.record.submittedBy, { kind: 'progress', item: { agentId, ...one } });
      }
    }
  }

  #cancel(taskIds: readonly string[], mode: 'abort' | 'drain'): void {
    const freed = new Set<string>();
    for (const taskId of taskIds) {
      const task = this.#tasks.get(taskId);
      if (task === undefined || isTerminal(task.status)) continue;
      if (isHeld(task.status)) {
        if (mode === 'drain') continue;
        this.#notifyAgent(task, 'cancelled');
        freed.add(this.#holderOf(task).id);
      }
      this.#record({ type: 'taskCancelled', atMs: this.#turn.wallMs, taskId, ...lastGrant(task) });
    }
    for (const agentId of freed) this.#feed(agentId);
  }

  #tick(settledMs: number): void {
    const { monoMs } = this.#turn;
    for (let task = this.#due.take(monoMs); task !== undefined; task = this.#due.take(monoMs)) {
      if (task.status === 'running' && task.timeoutAtMs <= monoMs) this.#timeOut(task);
      else if (task.status === 'pending' && task.notBeforeMs <= monoMs) this.#place(task);
    }
    if (this.#due.size > 2 * this.#tasks.size + DUE_SLACK) this.#due.retain((task, dueMs) => isDue(task, dueMs));
    const forgetBeforeMs = Math.min(settledMs, monoMs - KEEP_ENDED_MS);
    const keepFrom = this.#ended.findIndex((task) => task.endedMs > forgetBeforeMs);
    const forget = this.#ended.splice(0, keepFrom === -1 ? this.#ended.length : keepFrom);
    for (const task of forget) this.#tasks.delete(task.record.id);
  }

  #timeOut(task: Task): void {
    const agentId = this.#holderOf(task).id;
    this.#notifyAgent(task, 'timeout');
    const problem = `The attempt on ${agentId} ran longer than its timeoutMs of ${task.record.timeoutMs}.`;
    this.#attemptEnded(task, 'failed', new RotaError('TASK_TIMEOUT', problem).toWire());
    this.#feed(agentId);
  }

  /** Who was online may be gone by now: nobody gets anything new before it is heard of. */
  #resume(): void {
    const atMs = this.#turn.wallMs;
    for (const { id: agentId, presence } of this.roster.members()) {
      if (presence === 'online') this.#record({ type: 'agentPresence', atMs, agentId, presence: 'suspect' });
    }
  }

  // ── decisions ──────────────────────────────────────────────────────────────────────────────────

  /** Gives a pending task to whom the strategy picks, or lets it wait in line. */
  #place(task: Task): void {
    if (!this.#assign(task)) this.#line.push(toWaiting(task));
  }

  /** Gives an agent with free slots what has waited for one. */
  #feed(agentId: string): void {
    const member = this.roster.get(agentId);
    if (member === undefined) return;
    while (this.roster.isAvailable(member)) {
      const first = this.#line.firstFor(this.roster, member);
      if (first === undefined || !this.#assign(this.#get(first.taskId))) return;
    }
  }

  #assign(task: Task): boolean {
    const choice = this.#strategy.pick(this.roster, task.requirement, this.#cursor);
    if (choice === undefined) return false;
    this.#record({
      type: 'taskAssigned',
      atMs: this.#turn.wallMs,
      taskId: task.record.id,
      pool: this.pool,
      attempt: task.attempt + 1,
      token: task.token + 1,
      agentId: choice.member.id,
      cursor: choice.cursor,
      decision: { strategy: this.#strategy.name, reason: choice.reason, candidates: choice.candidates },
    });
    this.#deliver(task);
    return true;
  }

  /** An attempt ended without a result: the task waits for another one, or has failed for good. */
  #attemptEnded(task: Task, outcome: 'failed' | 'released', error: WireError): void {
    const { wallMs: atMs } = this.#turn;
    const { id: taskId, maxAttempts } = task.record;
    const agentId = this.#holderOf(task).id;
    if (!error.retryable || task.attempt >= maxAttempts) {
      const message = `Attempt ${task.attempt} of ${maxAttempts}, on ${agentId}: ${error.message}`;
      this.#record({
        type: 'taskFailed',
        atMs,
        taskId,
        token: task.token,
        agentId,
        error: { ...error, retryable: false, message },
      });
      return;
    }
    const pauseMs = outcome === 'failed' ? backoffMs(task.record.backoffMs, task.attempt, this.#turn.random()) : 0;
    this.#record({
      type: 'taskReleased',
      atMs,
      taskId,
      token: task.token,
      agentId,
      outcome,
      error,
      backoffMs: pauseMs,
    });
    if (pauseMs === 0) this.#place(task);
  }

  #releaseAll(agentId: string, error: RotaError): void {
    for (const task of [...(this.#heldBy.get(agentId) ?? [])]) this.#attemptEnded(task, 'released', error.toWire());
  }

  #deliver(task: Task): void {
    task.deliveredMs = this.#turn.monoMs;
    this.#turn.send(this.#holderOf(task).id, { kind: 'assignments', item: toAssignment(task) });
  }

  #notifyAgent(task: Task, reason: CancelNotice['reason']): void {
    const item = { taskId: task.record.id, token: task.token, reason };
    this.#turn.send(this.#holderOf(task).id, { kind: 'cancels', item });
  }

  // ── facts ──────────────────────────────────────────────────────────────────────────────────────

  #record(event: JournalEvent): void {
    this.apply(event);
    this.#turn.record(event);
    const task = 'taskId' in event ? this.#tasks.get(event.taskId) : undefined;
    if (task === undefined || event.type === 'reportRefused') return;
    const ended = isTerminal(task.status);
    if (ended || task.record.watch === 'all') {
      this.#turn.send(task.record.submittedBy, { kind: 'events', item: toTaskEvent(task) });
    }
    if (ended && task.record.orchestrationId !== undefined) this.#onEnded(task);
  }

  /** Changes the state as the fact says. The same function runs live and in recovery. */
  apply(event: JournalEvent): void {
    const { monoMs } = this.#turn;
    const changed = 'taskId' in event && event.type !== 'reportRefused' ? this.#tasks.get(event.taskId) : undefined;
    if (changed !== undefined) changed.changedAtMs = event.atMs;
    switch (event.type) {
      case 'agentRegistered':
        this.roster.put(event.agentId, event.index, event.session, event.profile);
        return;
      case 'agentPresence': {
        const member = this.roster.get(event.agentId);
        if (member !== undefined) this.roster.setPresence(member, event.presence);
        return;
      }
      case 'taskSubmitted':
        this.#lastOrder = Math.max(this.#lastOrder, event.task.order);
        this.#tasks.set(event.task.id, this.#newTask(event.task));
        return;
      case 'taskAssigned': {
        const task = this.#get(event.taskId);
        task.status = nextStatus(task.status, 'assign');
        task.attempt = event.attempt;
        task.token = event.token;
        task.reason = event.decision.reason;
        this.#cursor = event.cursor;
        this.#hold(task, event.agentId);
        return;
      }
      case 'taskAccepted': {
        const task = this.#get(event.taskId);
        task.status = nextStatus(task.status, 'accept');
        this.#armTimeout(task);
        return;
      }
      case 'taskReleased': {
        const task = this.#get(event.taskId);
        this.#letGo(task);
        task.status = nextStatus(task.status, 'release');
        task.reason = event.error.message;
        task.error = event.error;
        task.notBeforeMs = monoMs + event.backoffMs;
        if (event.backoffMs > 0) this.#due.add(task.notBeforeMs, task);
        return;
      }
      case 'taskCompleted': {
        const task = this.#get(event.taskId);
        task.result = event.result;
        delete task.error;
        return this.#end(task, 'complete');
      }
      case 'taskFailed': {
        const task = this.#get(event.taskId);
        task.error = event.error;
        return this.#end(task, 'fail');
      }
      case 'taskCancelled':
        return this.#end(this.#get(event.taskId), 'cancel');
      default:
        return;
    }
  }

  /** Starts from what the tables hold. Leases and backoffs begin anew, in full. */
  restore(image: PoolImage): void {
    const { monoMs } = this.#turn;
    this.#cursor = image.cursor;
    this.#lastOrder = image.lastOrder;
    for (const agent of image.agents) {
      const member = this.roster.put(agent.id, agent.index, agent.session, agent.profile);
      this.roster.setPresence(member, agent.presence);
    }
    for (const { task: record, status, attempt, token, agentId, reason, backoffMs: pauseMs } of image.tasks) {
      const task = this.#newTask(record);
      this.#tasks.set(record.id, task);
      task.status = status;
      task.attempt = attempt;
      task.token = token;
      if (reason !== undefined) task.reason = reason;
      if (agentId !== undefined) this.#hold(task, agentId);
      else if (pauseMs > 0) {
        task.notBeforeMs = monoMs + pauseMs;
        this.#due.add(task.notBeforeMs, task);
      }
      if (status === 'running') this.#armTimeout(task);
    }
  }

  /** After `restore` and `apply` of the tail: lines up what waits, so that `RESUME` can hand it out. */
  lineUp(): void {
    for (const task of this.#tasks.values()) {
      if (task.status === 'pending' && task.notBeforeMs <= this.#turn.monoMs) this.#line.push(toWaiting(task));
    }
  }

  // ── parts ──────────────────────────────────────────────────────────────────────────────────────

  #newTask(record: TaskRecord): Task {
    return {
      record,
      requirement: requirementOf(record.capabilities),
      status: 'pending',
      attempt: 0,
      token: 0,
      changedAtMs: record.createdAtMs,
      leaseUntilMs: 0,
      deliveredMs: 0,
      timeoutAtMs: 0,
      notBeforeMs: 0,
      endedMs: 0,
    };
  }

  #hold(task: Task, agentId: string): void {
    const { monoMs } = this.#turn;
    task.agentId = agentId;
    task.leaseUntilMs = monoMs + this.#leaseMs;
    task.deliveredMs = monoMs;
    let held = this.#heldBy.get(agentId);
    if (held === undefined) {
      held = new Set();
      this.#heldBy.set(agentId, held);
    }
    held.add(task);
    this.roster.take(this.#holderOf(task));
  }

  #letGo(task: Task): void {
    if (!isHeld(task.status)) return;
    const member = this.#holderOf(task);
    this.#heldBy.get(member.id)?.delete(task);
    this.roster.release(member);
  }

  #end(task: Task, transition: 'complete' | 'fail' | 'cancel'): void {
    this.#letGo(task);
    task.status = nextStatus(task.status, transition);
    task.endedMs = this.#turn.monoMs;
    this.#ended.push(task);
  }

  #armTimeout(task: Task): void {
    if (task.record.timeoutMs === undefined) return;
    task.timeoutAtMs = this.#turn.monoMs + task.record.timeoutMs;
    this.#due.add(task.timeoutAtMs, task);
  }

  #isWaiting(entry: Waiting): boolean {
    const task = this.#tasks.get(entry.taskId);
    return task?.status === 'pending' && task.notBeforeMs <= this.#turn.monoMs;
  }

  #isCurrent(task: Task | undefined, agentId: string, token: number): boolean {
    return task !== undefined && isHeld(task.status) && task.agentId === agentId && task.token === token;
  }

  #get(taskId: string): Task {
    const task = this.#tasks.get(taskId);
    if (task === undefined) throw new Error(`Task ${taskId} is not in pool ${this.pool}.`);
    return task;
  }

  #holderOf(task: Task): Member {
    const member = task.agentId === undefined ? undefined : this.roster.get(task.agentId);
    if (member === undefined) throw new Error(`Task ${task.record.id} is held by nobody.`);
    return member;
  }
}

/** The selector as an actor: a plain transition, since a full machine costs several times as much a message. */
export const selectorLogic = fromTransition(
  (selector: Selector, event: SelectorEvent) => {
    selector.handle(event);
    return selector;
  },
  ({ input }: { input: SelectorInput }) => new Selector(input),
);
