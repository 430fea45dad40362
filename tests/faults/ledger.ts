import type { Handoff, OrchestrationOutcome, Update } from '#rota/index.js';
import type { TaskStatus, TerminalStatus } from '#rota/protocol/task.js';

/**
 * What clients were told and what agents heard and did: the promises that a store is held to afterwards.
 *
 * Owns nothing else. It believes what it is told and judges nothing: `check` compares.
 */

/** What a client was told of how one task ended; more than one where it was told more than once. */
export interface Ending {
  readonly status: TerminalStatus;
  readonly result?: unknown;
  readonly agentId?: string | undefined;
  readonly attempt: number;
}

export interface Grant {
  readonly taskId: string;
  readonly token: number;
  readonly agentId: string;
}

/** An answer to a report of an agent. */
export interface Verdict extends Grant {
  readonly outcome: 'accepted' | 'completed' | 'failed' | 'rejected';
  readonly accepted: boolean;
}

/** What an agent's process says of itself, a line each. */
export type AgentWord =
  | { readonly heard: 'ready'; readonly agentId: string }
  | ({ readonly heard: 'assignment' | 'begun' } & Grant)
  | ({ readonly heard: 'ack' } & Verdict);

/** What the process of a client says of what it is told, a line each. */
export type ClientWord =
  | { readonly told: 'everything' }
  | { readonly told: 'acknowledged'; readonly taskId: string }
  | ({ readonly told: 'ended'; readonly taskId: string } & Ending);

export class Ledger {
  /** Tasks whose submit, or whose orchestration, was acknowledged. */
  readonly acknowledged = new Set<string>();
  /** Tasks that a client hands over itself, acknowledged or not. */
  readonly handedOver = new Set<string>();
  readonly endings = new Map<string, Ending[]>();
  /** The last status that an acknowledged cancel told of each. */
  readonly cancels = new Map<string, TaskStatus>();
  /** Acknowledged orchestrations: the id of each task, by key. */
  readonly orchestrations = new Map<string, Readonly<Record<string, string>>>();
  readonly orchestrationEndings = new Map<string, OrchestrationOutcome>();
  /** Assignments that an agent or a client that hands over was told of. */
  readonly grants: Grant[] = [];
  /** Settlements that were taken, by task. */
  readonly settled: Grant[] = [];
  readonly verdicts: Verdict[] = [];
  /** How often each task was begun. */
  readonly executions = new Map<string, number>();

  submitAcknowledged(taskIds: Iterable<string>): void {
    for (const id of taskIds) this.acknowledged.add(id);
  }

  ended({ taskId, status, result, agentId, attempt }: Ending & { readonly taskId: string }): void {
    const ending = { status, attempt, agentId, ...(result === undefined ? {} : { result }) };
    const told = this.endings.get(taskId);
    if (told === undefined) this.endings.set(taskId, [ending]);
    else told.push(ending);
  }

  /** What was told as it happened; may be the same as what `result` resolves with, or more. */
  updated(update: Update): void {
    if (update.kind !== 'task') return;
    const { status, ...event } = update.event;
    if (status === 'completed' || status === 'failed' || status === 'cancelled') this.ended({ ...event, status });
  }

  handoffTold({ taskId, token, agentId }: Handoff): void {
    this.acknowledged.add(taskId);
    this.grants.push({ taskId, token, agentId });
  }

  settlementTaken({ taskId, token, agentId }: Handoff): void {
    this.settled.push({ taskId, token, agentId });
  }

  cancelAcknowledged(statuses: Readonly<Record<string, TaskStatus | undefined>>): void {
    for (const [id, status] of Object.entries(statuses)) if (status !== undefined) this.cancels.set(id, status);
  }

  /** Of a graph, whatever becomes of it, tasks that never come to run have no row of their own. */
  orchestrationAcknowledged(id: string, taskIds: Readonly<Record<string, string>>): void {
    this.orchestrations.set(id, taskIds);
  }

  orchestrationEnded(outcome: OrchestrationOutcome): void {
    this.orchestrationEndings.set(outcome.id, outcome);
  }

  agentSaid(word: AgentWord): void {
    switch (word.heard) {
      case 'ready':
        return;
      case 'begun':
        this.executions.set(word.taskId, (this.executions.get(word.taskId) ?? 0) + 1);
        return;
      case 'assignment':
        this.grants.push({ taskId: word.taskId, token: word.token, agentId: word.agentId });
        return;
      case 'ack':
        this.verdicts.push(word);
    }
  }

  clientSaid(word: ClientWord): void {
    if (word.told === 'acknowledged') this.submitAcknowledged([word.taskId]);
    if (word.told === 'ended') this.ended(word);
  }
}
