import { Selector } from '#rota/machines/selector.js';
import type { NewTask, SelectorEvent } from '#rota/machines/selector-events.js';
import { type AgentProfile, AgentProfileSchema } from '#rota/protocol/agent.js';
import type { Assignment, Report } from '#rota/protocol/frames.js';
import { type PolicyInput, PolicySchema } from '#rota/protocol/policy.js';
import { ModelTurn } from './model-turn.js';

export const LEASE_MS = 1_000;
export const HEARTBEAT_MS = 250;

/** Tasks wait for agents to come: what most tests are about. */
const WAITING: PolicyInput = { unschedulable: 'wait' };

export function selectorWith(turn: ModelTurn, policy: PolicyInput = WAITING): Selector {
  return new Selector({
    pool: 'dev',
    rule: { version: 'test', policy: PolicySchema.parse(policy) },
    leaseMs: LEASE_MS,
    heartbeatMs: HEARTBEAT_MS,
    turn,
    onEnded: () => {},
  });
}

export function newTask(id: string, fields: Partial<NewTask> = {}): NewTask {
  return {
    id,
    pool: 'dev',
    workType: 'default',
    capabilities: [],
    roles: [],
    excludeAgents: [],
    priority: 3,
    payload: null,
    maxAttempts: 3,
    backoffMs: 100,
    submittedBy: 'client',
    watch: 'end',
    ...fields,
  };
}

/** A selector with its turn, driven by short sentences. */
export class PoolDriver {
  readonly turn: ModelTurn;
  readonly selector: Selector;

  constructor({ random, policy }: { random?: () => number; policy?: PolicyInput } = {}) {
    this.turn = new ModelTurn(random);
    this.selector = selectorWith(this.turn, { ...WAITING, ...policy });
  }

  handle(event: SelectorEvent): void {
    this.selector.handle(event);
  }

  join(agentId: string, profile: Partial<AgentProfile> = {}, session = `${agentId}-1`): void {
    this.handle({ type: 'REGISTER', agentId, session, profile: AgentProfileSchema.parse({ pool: 'dev', ...profile }) });
    this.handle({ type: 'PRESENCE', agentId, presence: 'online', why: 'said so' });
  }

  submit(...tasks: NewTask[]): void {
    this.handle({ type: 'SUBMIT', tasks });
  }

  report(agentId: string, report: Report, session = `${agentId}-1`): void {
    this.handle({ type: 'REPORT', agentId, session, reports: [report], elsewhere: new Map() });
  }

  complete(agentId: string, taskId: string, token = this.token(taskId), session?: string): void {
    this.report(agentId, { outcome: 'completed', taskId, token, result: 'done', durationMs: 1 }, session);
  }

  fail(agentId: string, taskId: string, retryable = true): void {
    const error = { code: 'HANDLER_FAILED' as const, message: 'it broke', retryable };
    this.report(agentId, { outcome: 'failed', taskId, token: this.token(taskId), error, durationMs: 1 });
  }

  accept(agentId: string, taskId: string): void {
    this.report(agentId, { outcome: 'accepted', taskId, token: this.token(taskId) });
  }

  reject(agentId: string, taskId: string, reason?: string): void {
    const said = reason === undefined ? {} : { reason };
    this.report(agentId, { outcome: 'rejected', taskId, token: this.token(taskId), ...said });
  }

  /** Answers a run of a scorer that is open; without `scoreOf` it failed. Nothing where none is. */
  score(which: number, scoreOf?: (i: number) => number): void {
    const open = this.turn.runs.filter(({ taskId, run }) => this.selector.task(taskId)?.scoringRun === run);
    const one = open[which % Math.max(open.length, 1)];
    if (one === undefined) return;
    const { taskId, run, job } = one;
    const outcome =
      scoreOf === undefined
        ? { failure: 'threw' as const, reason: 'it threw' }
        : { scores: Float64Array.from(job.candidates, (_, i) => scoreOf(i)) };
    this.handle({ type: 'SCORED', taskId, run, outcome });
  }

  tick(afterMs = 0): void {
    this.turn.passMs(afterMs);
    this.handle({ type: 'TICK', settledMs: Number.NEGATIVE_INFINITY });
  }

  token(taskId: string): number {
    return this.selector.task(taskId)?.token ?? 0;
  }

  status(taskId: string): string | undefined {
    return this.selector.task(taskId)?.status;
  }

  assignments(agentId: string): Assignment[] {
    return this.turn.items(agentId, 'assignments');
  }
}
