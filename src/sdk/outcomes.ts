import { RotaError } from '../protocol/errors.js';
import type { OrchestrationEvent } from '../protocol/frames.js';
import { assertName } from '../protocol/names.js';
import { isTerminal, type TaskEvent } from '../protocol/task.js';
import type { OrchestrationOutcome, TaskOutcome } from './client-api.js';
import type { Line } from './line.js';
import type { Questions } from './questions.js';
import { askWhereTheyStand } from './task-events.js';
import { unwarned } from './unwarned.js';
import { Waiters } from './waiters.js';

/** How tasks and orchestrations end: told as it happens, and asked for where that may have been missed. */
export class Outcomes {
  readonly #line: Line;
  readonly #questions: Questions;
  readonly #tasks = new Waiters<TaskOutcome>((ids) => this.#askForTasks(ids));
  readonly #orchestrations = new Waiters<OrchestrationOutcome>((ids) => this.#askForOrchestrations(ids));

  constructor(line: Line, questions: Questions) {
    this.#line = line;
    this.#questions = questions;
  }

  /** It is submitted here: its end will be told. */
  expectTask(id: string): void {
    this.#tasks.expect(id);
  }

  /** Its end may have been before: whoever waits for it must ask. */
  forgetTask(id: string): void {
    this.#tasks.forget(id);
  }

  expectOrchestration(id: string): void {
    this.#orchestrations.expect(id);
  }

  forgetOrchestration(id: string): void {
    this.#orchestrations.forget(id);
  }

  async task(taskId: string, signal?: AbortSignal): Promise<TaskOutcome> {
    // Asked for in one frame with others, which a name that is none would spoil.
    assertName('taskId', taskId);
    return this.#tasks.wait(taskId, signal);
  }

  async *inOrder(taskIds: readonly string[], signal?: AbortSignal): AsyncGenerator<TaskOutcome> {
    const given = signal === undefined ? undefined : unwarned(AbortSignal.any([signal]));
    const ended: TaskOutcome[] = [];
    let failure: unknown;
    let wake = () => {};
    for (const id of taskIds) {
      this.task(id, given)
        .then((outcome) => ended.push(outcome))
        .catch((error) => {
          failure ??= error;
        })
        .finally(() => wake());
    }
    for (let yielded = 0; yielded < taskIds.length; ) {
      const outcome = ended.shift();
      if (outcome !== undefined) {
        yielded++;
        yield outcome;
      } else if (failure !== undefined) throw failure;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }

  orchestration(id: string, signal?: AbortSignal): Promise<OrchestrationOutcome> {
    return this.#orchestrations.wait(id, signal);
  }

  takeTask({ taskId, status, attempt, agentId, result, error }: TaskEvent): void {
    if (!isTerminal(status)) return;
    this.#tasks.settle(taskId, {
      taskId,
      status,
      attempt,
      ...(agentId === undefined ? {} : { agentId }),
      ...(result === undefined ? {} : { result }),
      ...(error === undefined ? {} : { error }),
    });
  }

  takeOrchestration({ orchestrationId, status }: OrchestrationEvent): void {
    if (!isTerminal(status)) return;
    // The nodes come with the answer to a query, now or when somebody waits for them.
    this.#orchestrations.forget(orchestrationId);
    this.#orchestrations.askFor(orchestrationId);
  }

  /** Asks for all that are waited for. */
  ask(): void {
    this.#tasks.ask();
    this.#orchestrations.ask();
  }

  close(error: RotaError): void {
    this.#tasks.close(error);
    this.#orchestrations.close(error);
  }

  async #askForTasks(ids: readonly string[]): Promise<void> {
    for await (const { events, failed } of askWhereTheyStand(this.#line, ids)) {
      for (const event of events) this.takeTask(event);
      for (const [id, error] of failed) this.#tasks.reject(id, error);
    }
  }

  async #askForOrchestrations(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      try {
        const { orchestration, nodes } = await this.#questions.orchestration(id);
        const { status } = orchestration;
        if (isTerminal(status)) this.#orchestrations.settle(id, { id, status, nodes });
      } catch (error) {
        if (!(error instanceof RotaError) || error.retryable) throw error;
        this.#orchestrations.reject(id, error);
      }
    }
  }
}
