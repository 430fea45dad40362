import { sleep } from '#rota/clock.js';
import { type Agent, type Assignment, createAgent, type HandlerContext, PermanentError } from '#rota/sdk/index.js';
import { NAMESPACE } from './checker.js';
import type { Process } from './process.js';
import { Seat, type Stage } from './seat.js';
import { type AgentPlan, CALM_TEMPER } from './staff.js';

/** An agent with its supervisor. */
export class AgentSeat extends Seat {
  readonly #plan: AgentPlan;
  #agent: Agent | undefined;

  constructor(plan: AgentPlan, stage: Stage) {
    super(plan.id, stage);
    this.#plan = plan;
  }

  override drain(): void {
    const { process } = this;
    process?.run(() => {
      this.stage.world.say(process.name, () => 'drains');
      void this.#agent?.drain();
    });
  }

  protected override start(process: Process): void {
    const { network, world } = this.stage;
    const working = new Set<AbortSignal>();
    const agent = createAgent({
      ...this.#plan.profile,
      id: this.#plan.id,
      transport: network.connect(process),
      namespace: NAMESPACE,
      clock: process.clock,
      random: world.dice.next,
      handler: (task, context) => this.#handle(process, working, task, context),
    });
    this.#agent = agent;
    void agent.stopped.then((error) => this.ended(process, error?.message ?? 'left'));
  }

  protected override async stopGently(): Promise<void> {
    await this.#agent?.stop();
  }

  async #handle(process: Process, working: Set<AbortSignal>, task: Assignment, context: HandlerContext) {
    const { signal } = context;
    working.add(signal);
    this.#i6(working);
    try {
      return await this.#work(process, task, context);
    } finally {
      working.delete(signal);
      const how = signal.aborted ? ', aborted' : '';
      this.stage.world.say(process.name, () => `is done with ${task.taskId}, token ${task.token}${how}`);
    }
  }

  async #work(process: Process, task: Assignment, { signal, reject, progress }: HandlerContext) {
    const { scenario, isCalm, world } = this.stage;
    const { dice } = world;
    const deed = dice.weighted(isCalm ? CALM_TEMPER : scenario.temper);
    world.say(process.name, () => `works on ${task.taskId}, token ${task.token}, and will ${deed}`);
    if (deed === 'reject') reject('not mine');
    if (dice.chance(0.2)) progress(dice.int(0, 100));
    const hangs = deed === 'hang' && task.timeoutMs !== undefined;
    // Some answer in the turn that asked them.
    if (hangs || dice.chance(0.9)) {
      await sleep(process.clock, hangs ? 3_600_000 : dice.between(0, this.#plan.workMs), signal);
    }
    if (deed === 'crash' && this.process === process) {
      this.kill();
      await new Promise(() => {});
    }
    if (deed === 'fail') throw new Error('It did not work.');
    if (deed === 'failForGood') throw new PermanentError('It can never work.');
    return { by: this.#plan.id, token: task.token, drawn: dice.int(0, 1_000_000) };
  }

  /** At most `maxConcurrency` handlers run that were not aborted. */
  #i6(working: ReadonlySet<AbortSignal>): void {
    const { maxConcurrency = 1 } = this.#plan.profile;
    const count = [...working].filter((signal) => !signal.aborted).length;
    if (count <= maxConcurrency) return;
    this.stage.world.fail('I6', `${this.name} works on ${count} tasks at a time, and may on ${maxConcurrency}`);
  }
}
