import type { NewTask } from '#rota/machines/selector-events.js';
import type { AgentProfile } from '#rota/protocol/agent.js';
import type { Decision } from '#rota/protocol/decision.js';
import type { TaskAssigned } from '#rota/protocol/journal.js';
import type { PolicyInput } from '#rota/protocol/policy.js';
import { newTask, PoolDriver } from '../../support/pool.js';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;

/** A pool as the requirements speak of it: people with a past, and tasks that are given to one of them. */
export class Staff extends PoolDriver {
  #given = 0;

  constructor(policy: PolicyInput = {}, random?: () => number) {
    super({ policy: { rotationWindowMinutes: 0, ...policy }, ...(random === undefined ? {} : { random }) });
  }

  /** Agents with room for what a test piles upon them. */
  hire(ids: readonly string[], profile: Partial<AgentProfile> = {}): void {
    for (const id of ids) this.join(id, { maxConcurrency: 20, ...profile });
  }

  /** Gives the agent so many tasks of the work type and lets it end them so. */
  lives(agentId: string, workType: string, { successes = 0, failures = 0 }): void {
    for (let n = 0; n < successes + failures; n++) {
      const { taskId } = this.give({ workType, assignee: agentId });
      if (n < successes) this.complete(agentId, taskId);
      else this.fail(agentId, taskId, false);
    }
  }

  /** Open tasks that were assigned now. */
  carries(agentId: string, count: number): void {
    for (let n = 0; n < count; n++) this.give({ assignee: agentId });
  }

  /** Submits a task; answers who got it. @throws Error where it waits */
  give(fields: Partial<NewTask> = {}): TaskAssigned {
    const fact = this.offer(fields);
    if (fact === undefined) throw new Error('The task waits.');
    return fact;
  }

  /** The same, undefined where nobody got it. */
  offer(fields: Partial<NewTask> = {}): TaskAssigned | undefined {
    this.#given++;
    const id = fields.id ?? `given-${this.#given}`;
    this.submit(newTask(id, fields));
    return this.assigned(id);
  }

  /** The last assignment of the task. */
  assigned(taskId: string): TaskAssigned | undefined {
    return this.turn.recorded('taskAssigned').findLast((fact) => fact.taskId === taskId);
  }

  /** Submits a task and answers why its agent was chosen. */
  decide(fields: Partial<NewTask> = {}): Decision & { agentId: string } {
    const { decision, agentId } = this.give(fields);
    return { ...decision, agentId };
  }
}

/** Who got each of so many tasks, which their agents end at once. */
export function round(staff: Staff, count: number, fields: Partial<NewTask> = {}): string[] {
  return Array.from({ length: count }, () => {
    const { agentId, taskId } = staff.give(fields);
    staff.complete(agentId, taskId);
    return agentId;
  });
}
