import type { Clock } from '../clock.js';
import type { Ids } from '../ids.js';
import { encode, encodeBatches, validate } from '../protocol/codec.js';
import { ERROR_CODES, RotaError } from '../protocol/errors.js';
import { AssignReply, SettlementSchema, SettleReply } from '../protocol/frames.js';
import { LIMITS } from '../protocol/limits.js';
import { type TaskEvent, withoutDefaults } from '../protocol/task.js';
import type { AssignOptions, Handoff, Settled, SettlementInput, SubmitTask } from './client-api.js';
import { FollowedTask } from './followed-task.js';
import type { Line } from './line.js';
import { toSpec } from './submissions.js';
import { askWhereTheyStand } from './task-events.js';

/** The coordinator looks for an agent for a second, or for longer where the pool's policy says so. */
const ASSIGN_TIMEOUT_MS = 15_000;

/**
 * The tasks that a client hands over itself. Each is followed from its assignment to its end, by what is
 * told and, since that may be missed, by asking.
 */
export class Handoffs {
  readonly #line: Line;
  readonly #ids: Ids;
  readonly #clock: Pick<Clock, 'monoMs'>;
  readonly #followed = new Map<string, FollowedTask>();
  #isAsking = false;

  constructor(line: Line, ids: Ids, clock: Pick<Clock, 'monoMs'>) {
    this.#line = line;
    this.#ids = ids;
    this.#clock = clock;
  }

  async assign({ pool, ...fields }: SubmitTask, options: AssignOptions = {}): Promise<Handoff> {
    const { excludeAgents: more = [], ...handover } = options;
    const excludeAgents = [...new Set([...(fields.excludeAgents ?? []), ...more])];
    const task = toSpec({ ...fields, excludeAgents }, this.#ids);
    const bytes = encode({ task: withoutDefaults(task), ...handover }, LIMITS);
    const subject = this.#line.poolSubject('assign', pool);
    // Before the answer: the first change may be here before it.
    const followed = this.#follow(task.id, options);
    try {
      const reply = await this.#line.send(subject, bytes, AssignReply, { timeoutMs: ASSIGN_TIMEOUT_MS });
      return followed.assigned(reply);
    } catch (error) {
      if (followed.changes === 0) this.#followed.delete(task.id);
      throw error;
    }
  }

  async settle(settlements: readonly SettlementInput[]): Promise<Settled[]> {
    const said = settlements.map((one) => validate(SettlementSchema, one));
    const subject = this.#line.subject('settle');
    const frames = encodeBatches(said, (items) => ({ settlements: items }), LIMITS);
    const replies = await Promise.all(frames.map((bytes) => this.#line.send(subject, bytes, SettleReply)));
    return replies.flatMap(({ settled }) => settled);
  }

  /** A change of any task. */
  take(event: TaskEvent): void {
    const followed = this.#followed.get(event.taskId);
    if (followed === undefined) return;
    if (followed.take(event)) this.#followed.delete(event.taskId);
  }

  /** Asks how all of them go. An answer that was overtaken by what was told meanwhile is dropped. */
  async ask(): Promise<void> {
    if (this.#isAsking) return;
    const before = new Map([...this.#followed].map(([id, { changes }]) => [id, changes]));
    const isAsAsked = (id: string) => this.#followed.get(id)?.changes === before.get(id);
    // What is being assigned is told by the answer to that.
    const ids = [...before].flatMap(([id, changes]) => (changes > 0 ? [id] : []));
    this.#isAsking = true;
    try {
      for await (const { events } of askWhereTheyStand(this.#line, ids)) {
        for (const event of events) if (isAsAsked(event.taskId)) this.take(event);
      }
    } catch {
      // Asked again by the next poll.
    } finally {
      this.#isAsking = false;
    }
  }

  #follow(taskId: string, options: AssignOptions): FollowedTask {
    const known = this.#followed.get(taskId);
    if (known !== undefined) return known;
    const followed = new FollowedTask(options, this.#clock, (settlement) => this.#settleOne(settlement));
    this.#followed.set(taskId, followed);
    return followed;
  }

  async #settleOne(settlement: SettlementInput): Promise<void> {
    const [settled] = await this.settle([settlement]);
    if (settled === undefined || settled.accepted) return;
    const code = ERROR_CODES.find((code) => code === settled.code) ?? 'INVALID_VALUE';
    const { action, taskId, token } = settlement;
    throw new RotaError(code, `The coordinator did not take ${action} of task ${taskId}, token ${token}.`);
  }
}
