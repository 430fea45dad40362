import type { Clock } from '../clock.js';
import type { Json } from '../protocol/json.js';
import { isTerminal, type TaskEvent } from '../protocol/task.js';
import type { AssignOptions, Completion, Handoff, HandoffListener, SettlementInput } from './client-api.js';

/** What an offer is made of. */
type Grant = Pick<Handoff, 'taskId' | 'agentId' | 'token' | 'attempt' | 'reason'>;

/**
 * One task that this client hands over, as far as it has been told.
 *
 * Must hold: `#offer` is that of the agent who has the task, and there is none while nobody has it;
 * listeners hear of each change once, however often it is told.
 */
export class FollowedTask {
  readonly #options: AssignOptions;
  readonly #clock: Pick<Clock, 'monoMs'>;
  readonly #settle: (settlement: SettlementInput) => Promise<void>;
  readonly #listeners = new Set<HandoffListener>();
  #offer: Handoff | undefined;
  /** What was told last; what an assignment is answered with counts as told. */
  #state: Pick<TaskEvent, 'status' | 'token'> = { status: 'pending' };
  #last: TaskEvent | undefined;
  /** Since when its agent has it: confirmed or, until then, offered. */
  #sinceMs = 0;
  #changes = 0;

  constructor(
    options: AssignOptions,
    clock: Pick<Clock, 'monoMs'>,
    settle: (settlement: SettlementInput) => Promise<void>,
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#settle = settle;
  }

  /** How often it has changed; 0 until it is assigned. */
  get changes(): number {
    return this.#changes;
  }

  /** The coordinator answered the assignment; the offer may have been told already, or be over by now. */
  assigned(grant: Grant): Handoff {
    if (this.#offer?.token === grant.token) return this.#offer;
    const offer = this.#handoff(grant);
    if (this.#changes === 0) this.#begin(offer);
    return offer;
  }

  /** Takes a change over. True once the task has ended. */
  take(event: TaskEvent): boolean {
    const isOver = isTerminal(event.status);
    const { status, taskId, attempt, token, agentId, reason = '' } = event;
    if (this.#state.status === status && this.#state.token === token) return isOver;
    if (token === undefined || agentId === undefined) this.#offer = undefined;
    else if (this.#offer?.token !== token) this.#begin(this.#handoff({ taskId, attempt, token, agentId, reason }));
    else if (status === 'running') this.#sinceMs = this.#clock.monoMs();
    this.#changes++;
    this.#state = event;
    this.#last = event;
    for (const listener of [...this.#listeners]) listener(event, this.#offer);
    return isOver;
  }

  #begin(offer: Handoff): void {
    this.#offer = offer;
    this.#state = { status: 'assigned', token: offer.token };
    this.#sinceMs = this.#clock.monoMs();
    this.#changes++;
  }

  #handoff(grant: Grant): Handoff {
    const { taskId, token, agentId } = grant;
    const of = { taskId, token };
    const { excludeAgents = [], fromAgent, hops = 0 } = this.#options;
    const elapsedMs = () => this.#clock.monoMs() - this.#sinceMs;
    return {
      ...grant,
      confirm: () => this.#settle({ action: 'confirm', ...of }),
      release: (reason?: string) =>
        this.#settle({ action: 'release', ...of, ...(reason === undefined ? {} : { reason }) }),
      complete: (result: Json = null, said: Completion = {}) =>
        this.#settle({ action: 'complete', ...of, result, durationMs: elapsedMs(), ...said }),
      fail: (reason: string) => this.#settle({ action: 'fail', ...of, reason, durationMs: elapsedMs() }),
      next: () => ({
        excludeAgents: fromAgent === undefined ? [...excludeAgents] : [...excludeAgents, fromAgent],
        fromAgent: agentId,
        hops: hops + 1,
      }),
      onChange: (listener) => this.#listen(token, listener),
    };
  }

  #listen(token: number, listener: HandoffListener): () => void {
    const last = this.#last;
    this.#listeners.add(listener);
    // What happened before anybody could listen is told as soon as the caller has what this returns.
    if (last !== undefined && (last.token !== token || last.status !== 'assigned')) {
      queueMicrotask(() => {
        if (this.#listeners.has(listener) && this.#last === last) listener(last, this.#offer);
      });
    }
    return () => this.#listeners.delete(listener);
  }
}
