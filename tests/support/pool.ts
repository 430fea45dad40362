import { Selector } from '#rota/machines/selector.js';
import type { NewTask, SelectorEvent } from '#rota/machines/selector-events.js';
import type { AgentProfile } from '#rota/protocol/agent.js';
import type { Assignment, Report } from '#rota/protocol/frames.js';
import { roundRobin } from '#rota/selection/round-robin.js';
import { ModelTurn } from './model-turn.js';

export const LEASE_MS = 1_000;
export const HEARTBEAT_MS = 250;

export function selectorWith(turn: ModelTurn, pool = 'dev'): Selector {
  return new Selector({
    pool,
    strategy: roundRobin,
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

  constructor(random?: () => number) {
    this.turn = new ModelTurn(random);
    this.selector = selectorWith(this.turn);
  }

  handle(event: SelectorEvent): void {
    this.selector.handle(event);
  }

  join(agentId: string, profile: Partial<AgentProfile> = {}, session = `${agentId}-1`): void {
    const defaults: AgentProfile = { pool: 'dev', kind: 'bot', capabilities: [], maxConcurrency: 1, prefetch: 0 };
    this.handle({ type: 'REGISTER', agentId, session, profile: { ...defaults, ...profile } });
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
