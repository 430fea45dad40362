import { isDeepStrictEqual } from 'node:util';
import { fromTransition } from 'xstate';
import type { AgentProfile, Difficulty, Presence } from '../protocol/agent.js';
import { RotaError, type WireError } from '../protocol/errors.js';
import type {
  CancelNotice,
  Held,
  MetricsReport,
  Progress,
  Report,
  Settlement,
  TaskDetail,
  WaitingReason,
} from '../protocol/frames.js';
import type {
  AgentDeregistered,
  AgentRegistered,
  AttemptEnded,
  JournalEvent,
  PoolImage,
  TaskAssigned,
  TaskRecord,
} from '../protocol/journal.js';
import { LIMITS } from '../protocol/limits.js';
import type { Policy } from '../protocol/policy.js';
import { isTerminal } from '../protocol/task.js';
import type { Roster } from '../selection/roster.js';
import { backoffMs } from './backoff.js';
import { Deadlines } from './deadlines.js';
import { DutyWatch } from './duty-watch.js';
import { Placement } from './placement.js';
import { PoolState, refusalsOf } from './pool-state.js';
import { finalError, isDue, lastGrant, type Task, toAssignment, toElsewhere, toTaskEvent } from './pool-task.js';
import type { ElsewhereTask, NewTask, SelectorEvent } from './selector-events.js';
import { isHeld } from './task.js';
import type { Turn } from './turn.js';
import { verdictOn } from './verdict.js';
import {
  noAgent,
  unschedulableReasons,
  waitingReason,
  waitsByItself,
  whyWaiting,
  workTypesFull,
} from './why-waiting.js';

/** How long what ended stays in memory at least, to answer a repeated submit or report at once. */
export const KEEP_ENDED_MS = 10_000;

/** Deadlines that lapsed stay in memory, up to this many and twice the tasks. */
const DUE_SLACK = 1_024;

export interface SelectorInput {
  readonly pool: string;
  /** What the pool is to be ruled by. */
  readonly rule: { readonly version: string; readonly policy: Policy };
  /** A lease that is not renewed for so long ends. */
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  readonly turn: Turn;
  /** Told of each task of an orchestration that ended. */
  readonly onEnded: (task: Task) => void;
}

/**
 * One pool's selector: the single owner of its tasks, roster and rotations. Because there is one owner
 * there are no locks. It does no I/O and reads no clock: what it decides leaves through the turn.
 *
 * Must hold after every event: what `PoolState` and `Placement` say; and state changes through a recorded
 * fact alone.
 */
export class Selector {
  readonly pool: string;
  readonly #rule: SelectorInput['rule'];
  readonly #leaseMs: number;
  readonly #heartbeatMs: number;
  readonly #turn: Turn;
  readonly #onEnded: (task: Task) => void;

  readonly #due = new Deadlines<Task>();
  readonly #hours: DutyWatch;
  readonly state: PoolState;
  readonly #placement: Placement;

  constructor(input: SelectorInput) {
    const { pool, leaseMs, turn } = input;
    this.pool = pool;
    this.#rule = input.rule;
    this.#leaseMs = leaseMs;
    this.#heartbeatMs = input.heartbeatMs;
    this.#turn = turn;
    this.#onEnded = input.onEnded;
    this.#hours = new DutyWatch(turn);
    this.state = new PoolState({ pool, leaseMs, now: turn, alarm: this.#due });
    this.#placement = new Placement(this.state, turn, {
      assigned: (task, fact) => this.#assigned(task, fact),
      impossible: (task, error) => this.#impossible(task, error),
    });
  }

  get roster(): Roster {
    return this.state.roster;
  }

  /** How many deadlines are in memory, those that lapsed included. */
  get deadlines(): number {
    return this.#due.size + this.#hours.size;
  }

  task(id: string): Task | undefined {
    return this.state.task(id);
  }

  tasks(): Iterable<Task> {
    return this.state.tasks();
  }

  handle(event: SelectorEvent): void {
    this.#govern();
    switch (event.type) {
      case 'SUBMIT':
        return this.#submit(event.tasks);
      case 'REGISTER':
        return this.#register(event.agentId, event.session, event.profile);
      case 'UPDATE':
        return this.#update(event.agentId, event.profile);
      case 'DEREGISTER':
        return this.#deregister(event.agentId);
      case 'CORDON':
        return this.#cordon(event.agentId, event.isCordoned);
      case 'PRESENCE':
        return this.#presence(event.agentId, event.presence, event.why);
      case 'HEARTBEAT':
        return this.#heartbeat(event.agentId, event.held);
      case 'REPORT':
        return this.#report(event);
      case 'SETTLE':
        return this.#settle(event);
      case 'PROGRESS':
        return this.#progress(event.agentId, event.progress);
      case 'CANCEL':
        return this.#cancel(event.taskIds, event.mode);
      case 'SCORED':
        return this.#placement.scored(event.taskId, event.run, event.outcome);
      case 'TICK':
        return this.#tick(event.settledMs);
      case 'RESUME':
        return this.#resume();
    }
  }

  /** Which of these an agent holds no longer and should drop. */
  revoked(agentId: string, held: readonly Held[]): Held[] {
    return held.filter((one) => !this.#isCurrent(this.task(one.taskId), agentId, one.token));
  }

  /** Why a pending task is not assigned, in words; undefined for any other. */
  whyWaiting(task: Task): string | undefined {
    return whyWaiting(this.state, task, this.#turn.monoMs);
  }

  /** Every reason that a pending task waits for. */
  unschedulableReasons(task: Task): TaskDetail['unschedulableReasons'] {
    return unschedulableReasons(this.state, task, this.#turn.monoMs);
  }

  /** How many tasks wait for each reason. */
  pendingReasons(): MetricsReport['pending'] {
    const counts = new Map<WaitingReason, number>();
    const known = new Map<string, WaitingReason>();
    for (const task of this.tasks()) {
      if (task.status !== 'pending') continue;
      // Tasks that ask for the same wait for the same, but for a backoff or a scorer of their own.
      const isOwn = waitsByItself(task, this.#turn.monoMs);
      const shared = isOwn ? undefined : known.get(task.requirement.key);
      const reason = shared ?? waitingReason(this.state, task, this.#turn.monoMs);
      if (!isOwn) known.set(task.requirement.key, reason);
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    return [...counts].map(([reason, count]) => ({ pool: this.pool, reason, count }));
  }

  /** Changes the state as a fact of the past says: in recovery. */
  apply(event: JournalEvent): void {
    this.state.apply(event);
  }

  restore(image: PoolImage): void {
    this.state.restore(image);
  }

  /** After `restore` and `apply` of the tail: lines up what waits, so that `RESUME` can hand it out. */
  lineUp(): void {
    for (const task of this.tasks()) {
      if (task.status === 'pending' && task.notBeforeMs <= this.#turn.monoMs) this.#placement.lineUp(task);
    }
  }

  // ── agents ─────────────────────────────────────────────────────────────────────────────────────

  #register(agentId: string, session: string, profile: AgentProfile): void {
    const known = this.roster.get(agentId);
    if (known !== undefined && known.session !== session) {
      this.#putOffline(agentId, new RotaError('AGENT_LEFT', `A new process registered as agent ${agentId}.`));
    }
    this.#enrol(agentId, session, profile);
  }

  #update(agentId: string, profile: AgentProfile): void {
    const known = this.roster.get(agentId);
    const isOther = known !== undefined && known.profile.availability !== profile.availability;
    if (isOther) {
      // What told of its presence until now tells of it no more, and whoever watched its leases has gone.
      const problem = `Agent ${agentId} was registered again, with availability ${profile.availability}.`;
      this.#putOffline(agentId, new RotaError('AGENT_LEFT', problem));
    }
    this.#enrol(agentId, known === undefined || isOther ? 'registry' : known.session, profile);
  }

  /** Offline first, or what it held would be given to it again. */
  #putOffline(agentId: string, error: RotaError): void {
    if (this.roster.get(agentId)?.presence !== 'offline') this.#recordPresence(agentId, 'offline');
    this.#releaseAll(agentId, error);
  }

  #enrol(agentId: string, session: string, profile: AgentProfile): void {
    const known = this.roster.get(agentId);
    const isOffDuty = this.#hours.isOffDuty(profile);
    if (known?.session !== session || !isDeepStrictEqual(known.profile, profile)) {
      this.#recordMember({
        type: 'agentRegistered',
        atMs: this.#turn.wallMs,
        agentId,
        session,
        profile,
        index: known?.index ?? this.roster.nextIndex,
        presence: known?.presence ?? 'offline',
        isCordoned: known?.isCordoned ?? false,
        isOffDuty,
      });
      this.#hours.watch(agentId, profile);
    }
    this.#placement.feed(agentId);
  }

  #deregister(agentId: string): void {
    if (this.roster.get(agentId) === undefined) return;
    this.#putOffline(agentId, new RotaError('AGENT_LEFT', `Agent ${agentId} was deregistered.`));
    this.#recordMember({ type: 'agentDeregistered', atMs: this.#turn.wallMs, agentId });
    this.#hours.forget(agentId);
    this.#failImpossible();
  }

  /** An agent is gone for good: what nobody else could ever take waits in vain. */
  #failImpossible(): void {
    if (this.state.policy.unschedulable === 'wait') return;
    const could = new Map<string, boolean>();
    for (const task of this.tasks()) {
      if (task.status !== 'pending') continue;
      const { requirement } = task;
      const isPossible = could.get(requirement.key) ?? this.roster.couldFit(requirement);
      could.set(requirement.key, isPossible);
      if (!isPossible) this.#impossible(task, noAgent(this.state, task.record, requirement));
    }
  }

  #cordon(agentId: string, isCordoned: boolean): void {
    const member = this.roster.get(agentId);
    if (member !== undefined && member.isCordoned !== isCordoned) this.#flag(agentId, 'cordoned', isCordoned);
  }

  #presence(agentId: string, presence: Presence, why: 'said so' | 'went silent'): void {
    const member = this.roster.get(agentId);
    if (member === undefined || member.presence === presence) return;
    this.#recordPresence(agentId, presence);
    if (presence === 'offline') {
      const error =
        why === 'said so'
          ? new RotaError('AGENT_LEFT', `Agent ${agentId} left.`)
          : new RotaError('LEASE_EXPIRED', `Agent ${agentId} sent no heartbeat for ${this.#leaseMs} ms.`);
      this.#releaseAll(agentId, error);
    }
    this.#placement.feed(agentId);
  }

  /** Renews what the agent says it holds. What it doesn't know of was lost on the way and is sent again. */
  #heartbeat(agentId: string, held: readonly Held[]): void {
    const { monoMs } = this.#turn;
    const tokens = new Map(held.map((one) => [one.taskId, one.token]));
    for (const task of [...this.state.heldBy(agentId)]) {
      if (task.record.handoff !== undefined) continue; // Nobody sent it, and its client answers for it.
      if (tokens.get(task.record.id) === task.token) {
        task.leaseUntilMs = monoMs + this.#leaseMs;
      } else if (monoMs >= task.leaseUntilMs) {
        const problem = `Agent ${agentId} did not take the task within ${this.#leaseMs} ms.`;
        this.#attemptEnded(task, 'released', new RotaError('LEASE_EXPIRED', problem).toWire());
      } else if (monoMs - task.deliveredMs >= this.#heartbeatMs) {
        this.#deliver(task);
      }
    }
    this.#placement.feed(agentId);
  }

  // ── tasks ──────────────────────────────────────────────────────────────────────────────────────

  #submit(tasks: readonly NewTask[]): void {
    const { wallMs } = this.#turn;
    for (const { unrunnable: known, ...fields } of tasks) {
      if (this.task(fields.id) !== undefined) continue;
      const unrunnable = known ?? this.#noRoomFor(fields);
      const record: TaskRecord = { ...fields, order: this.state.lastOrder + 1, createdAtMs: wallMs };
      this.#record({ type: 'taskSubmitted', atMs: wallMs, task: record });
      if (unrunnable !== undefined) {
        this.#record({ type: 'taskFailed', atMs: wallMs, taskId: record.id, error: unrunnable });
        continue;
      }
      const task = this.task(record.id);
      if (task !== undefined) this.#placement.place(task);
    }
  }

  /** Clients are refused before; a task of an orchestration comes when those before it are done. */
  #noRoomFor({ workType }: NewTask): WireError | undefined {
    return this.roster.hasRoomForWorkTypes(new Set([workType])) ? undefined : workTypesFull(this.pool).toWire();
  }

  #report({ agentId, session, reports, elsewhere }: Extract<SelectorEvent, { type: 'REPORT' }>): void {
    const isReplaced = this.roster.get(agentId)?.session !== session;
    for (const report of reports) {
      const { taskId, token, outcome } = report;
      const isHandedOver = this.task(taskId)?.record.handoff !== undefined;
      const code = isReplaced
        ? 'SESSION_REPLACED'
        : isHandedOver
          ? 'NOT_YOURS' // Its client answers for it.
          : this.#take(agentId, report, elsewhere.get(taskId));
      if (code !== undefined) this.#refuse(agentId, taskId, token, code);
      const answer = code === undefined ? { accepted: true } : { accepted: false, code };
      this.#turn.send(agentId, { kind: 'acks', item: { taskId, token, outcome, ...answer } });
    }
    this.#placement.feed(agentId);
  }

  /** What a client says of the tasks that it hands over itself. */
  #settle({ principal, settlements, elsewhere, answer }: Extract<SelectorEvent, { type: 'SETTLE' }>): void {
    for (const settlement of settlements) {
      const { taskId, token } = settlement;
      const task = this.task(taskId);
      const known = task === undefined ? elsewhere.get(taskId) : toElsewhere(task);
      const agentId = known?.agentId ?? '';
      const isTheirs = known === undefined || known.handedOverBy === principal;
      const code = isTheirs ? this.#take(agentId, toReport(settlement), known) : 'NOT_YOURS';
      if (code !== undefined) this.#refuse(agentId === '' ? principal : agentId, taskId, token, code);
      answer(settlement, code);
      if (agentId !== '') this.#placement.feed(agentId);
    }
  }

  #refuse(agentId: string, taskId: string, token: number, code: string): void {
    this.#record({ type: 'reportRefused', atMs: this.#turn.wallMs, taskId, agentId, token, code });
  }

  /** Takes one report, or answers why not. A repeated report gets the answer that it got before. */
  #take(agentId: string, report: Report, stored: ElsewhereTask | undefined): string | undefined {
    const task = this.task(report.taskId);
    const verdict = verdictOn(report, agentId, task ?? stored, task);
    if (typeof verdict === 'object') return verdict.code;
    if (verdict === 'take' && task !== undefined) this.#takeCurrent(agentId, task, report);
    return undefined;
  }

  #takeCurrent(agentId: string, task: Task, report: Report): void {
    const { wallMs: atMs, monoMs } = this.#turn;
    const { taskId, token } = report;
    switch (report.outcome) {
      case 'completed': {
        const { result, durationMs } = report;
        const { workType } = task.record;
        const difficulty = report.difficulty ?? (task.attempt === 1 ? 'straightforward' : 'tricky');
        const fields = { taskId, token, agentId, workType, result, durationMs, difficulty };
        return this.#record({ type: 'taskCompleted', atMs, monoMs, ...fields });
      }
      case 'failed':
        return this.#attemptEnded(task, 'failed', report.error, report);
      case 'rejected': {
        const said = report.reason === undefined ? '' : `: ${report.reason}`;
        const error = new RotaError('REJECTED', asSentence(`Agent ${agentId} refused the offer${said}`));
        return this.#attemptEnded(task, 'rejected', error.toWire());
      }
      case 'accepted':
        if (task.status === 'assigned') this.#record({ type: 'taskAccepted', atMs, taskId, token });
    }
  }

  #progress(agentId: string, progress: readonly Progress[]): void {
    for (const one of progress) {
      const task = this.task(one.taskId);
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
      const task = this.task(taskId);
      if (task === undefined || isTerminal(task.status)) continue;
      if (isHeld(task.status)) {
        if (mode === 'drain') continue;
        this.#notifyAgent(task, 'cancelled');
        freed.add(this.state.holderOf(task).id);
      }
      this.#record({ type: 'taskCancelled', atMs: this.#turn.wallMs, taskId, ...lastGrant(task) });
    }
    for (const agentId of freed) this.#placement.feed(agentId);
  }

  // ── time ───────────────────────────────────────────────────────────────────────────────────────

  #tick(settledMs: number): void {
    const { monoMs } = this.#turn;
    for (let task = this.#due.take(monoMs); task !== undefined; task = this.#due.take(monoMs)) {
      if (task.status === 'running' && task.timeoutAtMs <= monoMs) this.#timeOut(task);
      else if (task.status === 'assigned' && task.acceptUntilMs <= monoMs) this.#lapse(task);
      else if (task.status === 'pending' && task.scoringRun === 0 && task.notBeforeMs <= monoMs) {
        this.#placement.place(task);
      }
    }
    if (this.#due.size > 2 * this.state.size + DUE_SLACK) this.#due.retain((task, dueMs) => isDue(task, dueMs));
    for (const agentId of this.#hours.takeDue()) this.#duty(agentId);
    this.state.forget(Math.min(settledMs, monoMs - KEEP_ENDED_MS));
  }

  #timeOut(task: Task): void {
    const agentId = this.state.holderOf(task).id;
    this.#notifyAgent(task, 'timeout');
    const problem = `The attempt on ${agentId} ran longer than its timeoutMs of ${task.record.timeoutMs}.`;
    this.#attemptEnded(task, 'failed', new RotaError('TASK_TIMEOUT', problem).toWire());
    this.#placement.feed(agentId);
  }

  /** The offer was not accepted in time: it goes to the next. */
  #lapse(task: Task): void {
    const agentId = this.state.holderOf(task).id;
    const offerMs = task.record.handoff?.acceptTimeoutMs ?? this.state.policy.acceptTimeoutMs;
    this.#notifyAgent(task, 'lapsed');
    const error = new RotaError('NOT_ACCEPTED', `Agent ${agentId} did not accept the offer within ${offerMs} ms.`);
    this.#attemptEnded(task, 'rejected', error.toWire());
    this.#placement.feed(agentId);
  }

  /** Who was online may be gone by now: nobody gets anything new before it is heard of. */
  #resume(): void {
    if (this.state.policy.onRestart === 'reset') {
      this.#record({ type: 'rotationReset', atMs: this.#turn.wallMs, pool: this.pool });
    }
    for (const { id, presence, profile } of this.roster.members()) {
      if (presence === 'online') this.#recordPresence(id, 'suspect');
      if (profile.workingHours !== undefined) this.#duty(id);
    }
  }

  /** Looks whether the agent's working hours have begun or ended. */
  #duty(agentId: string): void {
    const member = this.roster.get(agentId);
    if (member === undefined) return;
    const isOffDuty = this.#hours.isOffDuty(member.profile);
    if (member.isOffDuty !== isOffDuty) this.#flag(agentId, 'offDuty', isOffDuty);
    this.#hours.watch(agentId, member.profile);
  }

  // ── what becomes of it ─────────────────────────────────────────────────────────────────────────

  #assigned(task: Task, fact: TaskAssigned): void {
    this.#record(fact);
    if (task.record.handoff === undefined) this.#deliver(task);
  }

  #impossible(task: Task, error: RotaError): void {
    const { id: taskId } = task.record;
    const earlier = task.ended.at(-1);
    const wire = earlier === undefined ? error.toWire() : finalError(task, earlier.agentId, error.toWire());
    this.#record({ type: 'taskFailed', atMs: this.#turn.wallMs, taskId, error: wire });
  }

  /** An attempt ended without a result: the task waits for another one, or has failed for good. */
  #attemptEnded(
    task: Task,
    outcome: AttemptEnded['outcome'],
    error: WireError,
    said: { durationMs?: number; difficulty?: Difficulty | undefined } = {},
  ): void {
    const { wallMs: atMs, monoMs } = this.#turn;
    const { id: taskId, maxAttempts, workType } = task.record;
    const agentId = this.state.holderOf(task).id;
    const ended: AttemptEnded = {
      ...{ workType, monoMs, token: task.token, agentId, outcome, attempt: task.attempt },
      ...(said.durationMs === undefined ? {} : { durationMs: said.durationMs }),
      ...(said.difficulty === undefined ? {} : { difficulty: said.difficulty }),
    };
    const isOver =
      outcome === 'rejected'
        ? task.ended.length + 1 >= LIMITS.refusals
        : !error.retryable || task.attempt >= maxAttempts;
    if (isOver) {
      this.#record({ type: 'taskFailed', atMs, taskId, error: finalError(task, agentId, error), last: ended });
      return;
    }
    this.#record({ type: 'taskReleased', atMs, taskId, error, ...ended, backoffMs: this.#pauseMs(task, ended) });
    if (task.notBeforeMs <= monoMs) this.#placement.place(task);
  }

  /** Before its next attempt. Who refuses makes nobody wait, unless everybody did. */
  #pauseMs(task: Task, { outcome, attempt, agentId }: AttemptEnded): number {
    const { backoffMs: baseMs } = task.record;
    if (outcome === 'released') return 0;
    if (outcome === 'failed') return backoffMs(baseMs, attempt, this.#turn.random());
    const before = refusalsOf(task).get(agentId) ?? 0;
    return before === 0 ? 0 : backoffMs(baseMs, before, this.#turn.random());
  }

  #releaseAll(agentId: string, error: RotaError): void {
    for (const task of [...this.state.heldBy(agentId)]) this.#attemptEnded(task, 'released', error.toWire());
  }

  #deliver(task: Task): void {
    task.deliveredMs = this.#turn.monoMs;
    this.#turn.send(this.state.holderOf(task).id, { kind: 'assignments', item: toAssignment(task) });
  }

  #notifyAgent(task: Task, reason: CancelNotice['reason']): void {
    if (task.record.handoff !== undefined) return;
    const item = { taskId: task.record.id, token: task.token, reason };
    this.#turn.send(this.state.holderOf(task).id, { kind: 'cancels', item });
  }

  // ── facts ──────────────────────────────────────────────────────────────────────────────────────

  /** Whatever comes first, the pool is ruled by what this coordinator was told. */
  #govern(): void {
    const { version, policy } = this.#rule;
    if (this.state.policyVersion === version) return;
    this.#record({ type: 'policySet', atMs: this.#turn.wallMs, pool: this.pool, version, policy });
  }

  /** Who comes, changes or leaves may change whom a task that was refused is kept from. */
  #recordMember(event: AgentRegistered | AgentDeregistered): void {
    const asked = [...this.state.refused()].map((task) => ({ task, key: task.requirement.key }));
    this.#record(event);
    for (const { task, key } of asked) {
      const isReady = task.status === 'pending' && !waitsByItself(task, this.#turn.monoMs);
      if (isReady && task.requirement.key !== key) this.#placement.place(task);
    }
  }

  #recordPresence(agentId: string, presence: Presence): void {
    this.#record({ type: 'agentPresence', atMs: this.#turn.wallMs, agentId, presence });
  }

  #flag(agentId: string, flag: 'cordoned' | 'offDuty', isSet: boolean): void {
    this.#record({ type: 'agentFlagged', atMs: this.#turn.wallMs, agentId, flag, isSet });
    if (!isSet) this.#placement.feed(agentId);
  }

  #record(event: JournalEvent): void {
    this.state.apply(event);
    this.#turn.record(event);
    const task = 'taskId' in event ? this.task(event.taskId) : undefined;
    if (task === undefined || event.type === 'reportRefused') return;
    const ended = isTerminal(task.status);
    if (ended || task.record.watch === 'all') {
      this.#turn.send(task.record.submittedBy, { kind: 'events', item: toTaskEvent(task) });
    }
    if (ended && task.record.orchestrationId !== undefined) this.#onEnded(task);
  }

  #isCurrent(task: Task | undefined, agentId: string, token: number): boolean {
    return task !== undefined && isHeld(task.status) && task.agentId === agentId && task.token === token;
  }
}

/** What somebody said, so that another sentence can follow. */
function asSentence(text: string): string {
  return /[.!?]\s*$/.test(text) ? text.trimEnd() : `${text.trimEnd()}.`;
}

function toReport(settlement: Settlement): Report {
  const { taskId, token } = settlement;
  switch (settlement.action) {
    case 'confirm':
      return { outcome: 'accepted', taskId, token };
    case 'release':
      return {
        outcome: 'rejected',
        taskId,
        token,
        ...(settlement.reason === undefined ? {} : { reason: settlement.reason }),
      };
    case 'complete': {
      const { result, durationMs, difficulty } = settlement;
      return { outcome: 'completed', taskId, token, result, durationMs, difficulty };
    }
    case 'fail': {
      const error = new RotaError('HANDLER_FAILED', asSentence(settlement.reason), {
        retryable: false,
        remedy: 'Ask whoever settled it.',
      }).toWire();
      return { outcome: 'failed', taskId, token, error, durationMs: settlement.durationMs };
    }
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
