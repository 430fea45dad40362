import type { AttemptEnded, JournalEvent, JournalRow, TaskAssigned, TaskSubmitted } from '#rota/protocol/journal.js';
import type { TaskStatus } from '#rota/protocol/task.js';

/**
 * The history as the journal tells it, in the plainest way: maps, and none of the code under test. Whatever breaks an
 * invariant is noted, and the history goes on.
 */

export interface ModelTask {
  readonly maxAttempts: number;
  status: TaskStatus;
  token: number;
  attempt: number;
  agentId: string | undefined;
  result: unknown;
  /** How each attempt that ended did, by token. */
  readonly outcomes: Map<number, string>;
  /** Whom each token was granted to. */
  readonly grants: Map<number, string>;
}

interface ModelAgent {
  credit: number;
  readonly holds: Set<string>;
}

export class JournalModel {
  readonly tasks = new Map<string, ModelTask>();
  readonly problems: string[] = [];
  readonly #agents = new Map<string, ModelAgent>();
  #seq = 0;
  #epoch = 0;

  take({ seq, epoch, events }: JournalRow): void {
    if (seq !== this.#seq + 1) this.#note('I5', `row ${seq} follows row ${this.#seq}`);
    if (epoch < this.#epoch) this.#note('I5', `row ${seq} has epoch ${epoch} after ${this.#epoch}`);
    this.#seq = seq;
    this.#epoch = epoch;
    for (const event of events) this.#apply(event);
  }

  #apply(event: JournalEvent): void {
    switch (event.type) {
      case 'agentRegistered': {
        const { maxConcurrency, prefetch } = event.profile;
        this.#agent(event.agentId).credit = maxConcurrency + prefetch;
        return;
      }
      case 'taskSubmitted':
        return this.#submitted(event);
      case 'taskAssigned':
        return this.#assigned(event);
      case 'taskAccepted':
        return this.#change(event.taskId, 'accept', ['assigned', 'running'], event.token, (task) => {
          task.status = 'running';
        });
      case 'taskReleased':
        return this.#change(event.taskId, 'release', ['assigned', 'running'], event.token, (task) => {
          this.#ended(event.taskId, task, event, 'pending');
        });
      case 'taskCompleted':
        return this.#change(event.taskId, 'complete', ['assigned', 'running'], event.token, (task) => {
          this.#ended(event.taskId, task, { ...event, outcome: 'completed' }, 'completed');
          task.result = event.result;
        });
      case 'taskFailed':
        return this.#change(event.taskId, 'fail', ['pending', 'assigned', 'running'], event.last?.token, (task) => {
          this.#ended(event.taskId, task, event.last, 'failed');
        });
      case 'taskCancelled':
        return this.#change(event.taskId, 'cancel', ['pending', 'assigned', 'running'], event.token, (task) => {
          this.#ended(event.taskId, task, undefined, 'cancelled');
        });
    }
  }

  #submitted({ task: { id, maxAttempts } }: TaskSubmitted): void {
    if (this.tasks.has(id)) return this.#note('I1', `task ${id} was submitted twice`);
    const nothing = { token: 0, attempt: 0, agentId: undefined, result: undefined };
    this.tasks.set(id, { ...nothing, maxAttempts, status: 'pending', outcomes: new Map(), grants: new Map() });
  }

  #assigned({ taskId, token, attempt, agentId, decision }: TaskAssigned): void {
    this.#change(taskId, 'assign', ['pending'], undefined, (task) => {
      if (token !== task.token + 1) this.#note('I3', `task ${taskId} got token ${token} after ${task.token}`);
      const isGivenBack = task.outcomes.get(task.token) === 'rejected';
      const expected = isGivenBack ? task.attempt : task.attempt + 1;
      if (attempt !== expected) this.#note('I10', `task ${taskId} is in attempt ${attempt}, not ${expected}`);
      if (attempt > task.maxAttempts)
        this.#note('I10', `task ${taskId} is in attempt ${attempt} of ${task.maxAttempts}`);
      if (decision.reason === '') this.#note('I11', `token ${token} of task ${taskId} has no reason`);
      Object.assign(task, { token, attempt, agentId, status: 'assigned' });
      task.grants.set(token, agentId);
      const agent = this.#agent(agentId);
      agent.holds.add(taskId);
      if (agent.holds.size > agent.credit) {
        this.#note('I6', `agent ${agentId} holds ${agent.holds.size} tasks and may hold ${agent.credit}`);
      }
    });
  }

  /** One transition of one task, with the token that it names, if any. */
  #change(
    taskId: string,
    what: string,
    from: readonly TaskStatus[],
    token: number | undefined,
    apply: (task: ModelTask) => void,
  ): void {
    const task = this.tasks.get(taskId);
    if (task === undefined) return this.#note('I1', `task ${taskId} is unknown and has ${what}`);
    if (!from.includes(task.status)) this.#note('I13', `task ${taskId} is ${task.status} and has ${what}`);
    if (token !== undefined && token !== task.token) {
      this.#note('I4', `task ${taskId} has ${what} with token ${token}, its own is ${task.token}`);
    }
    apply(task);
  }

  #ended(
    taskId: string,
    task: ModelTask,
    by: (Pick<AttemptEnded, 'agentId' | 'token'> & { readonly outcome: string }) | undefined,
    status: TaskStatus,
  ): void {
    if (by !== undefined && by.agentId !== task.agentId) {
      this.#note('I4', `task ${taskId} was ended by ${by.agentId} and is held by ${task.agentId}`);
    }
    if (by !== undefined) {
      const before = task.outcomes.get(by.token);
      if (before !== undefined)
        this.#note('I2', `token ${by.token} of task ${taskId} was ${before}, then ${by.outcome}`);
      task.outcomes.set(by.token, by.outcome);
    } else if (task.agentId !== undefined) task.outcomes.set(task.token, status);
    if (task.agentId !== undefined) this.#agent(task.agentId).holds.delete(taskId);
    task.agentId = undefined;
    task.status = status;
  }

  #agent(id: string): ModelAgent {
    let agent = this.#agents.get(id);
    if (agent === undefined) {
      agent = { credit: 0, holds: new Set() };
      this.#agents.set(id, agent);
    }
    return agent;
  }

  #note(invariant: string, problem: string): void {
    this.problems.push(`${invariant}: ${problem}`);
  }
}
