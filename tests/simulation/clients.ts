import { sleep } from '#rota/clock.js';
import { type Client, createClient, type Handoff, type Replay, RotaError } from '#rota/sdk/index.js';
import { NAMESPACE } from './checker.js';
import type { Errand, PlannedTask } from './errands.js';
import type { Process } from './process.js';
import { Seat, type Stage } from './seat.js';

/** What a client wrote down before it asked for it: a process that comes after goes on from here. */
interface Note {
  readonly task: PlannedTask;
  readonly kind: 'submit' | 'assign';
  readonly watchesAll: boolean;
  readonly acceptTimeoutMs?: number | undefined;
  isOver: boolean;
}

/** How long a request is repeated. */
export const PATIENCE_MS = 4_000;
const PAUSE_MS = 400;

/** A client with its supervisor. It does its errands, and waits for the end of all that it began. */
export class ClientSeat extends Seat {
  readonly #errands: Errand[];
  readonly #notes: Note[] = [];
  #underWay = 0;

  constructor(name: string, errands: readonly Errand[], stage: Stage) {
    super(name, stage);
    this.#errands = [...errands];
  }

  /** Nothing is left to do or to wait for. */
  get isDone(): boolean {
    return this.#errands.length === 0 && this.#underWay === 0 && this.#notes.every(({ isOver }) => isOver);
  }

  /** What it waits for still, for people. */
  get waitsFor(): string {
    const open = this.#notes.filter(({ isOver }) => !isOver).map(({ task }) => task.id);
    return `${this.#errands.length} errands, ${this.#underWay} under way, ${open.join(' ')}`;
  }

  protected override start(process: Process): void {
    const { network, world } = this.stage;
    this.#underWay = 0;
    const client = createClient({
      transport: network.connect(process),
      id: this.name,
      namespace: NAMESPACE,
      patienceMs: PATIENCE_MS,
      clock: process.clock,
      random: world.dice.next,
    });
    for (const note of this.#notes) if (!note.isOver) this.#goOn(client, process, note);
    this.#next(client, process);
  }

  protected override stopGently(): Promise<void> {
    return Promise.resolve();
  }

  #next(client: Client, process: Process): void {
    const [errand] = this.#errands;
    if (errand === undefined) return;
    process.receive(errand.atMs - this.stage.world.nowMs, () => {
      this.#errands.shift();
      this.#run(process, errand.kind, () => this.#do(client, process, errand));
      this.#next(client, process);
    });
  }

  /** What goes wrong on an errand that leaves no note is of no account. */
  #run(process: Process, what: string, work: () => Promise<unknown>): void {
    this.#underWay++;
    const { world } = this.stage;
    world.say(process.name, () => `begins to ${what}`);
    const done = (how: string) => {
      if (process !== this.process) return;
      this.#underWay--;
      world.say(process.name, () => `is done: ${what}${how}`);
    };
    work().then(
      () => done(''),
      (error) => {
        if (!(error instanceof RotaError)) world.fail('fault', String(error?.stack ?? error));
        done(`, ${error?.code}`);
      },
    );
  }

  async #do(client: Client, process: Process, errand: Errand): Promise<unknown> {
    switch (errand.kind) {
      case 'submit':
        for (const task of errand.tasks) this.#note(client, process, task, { watchesAll: errand.watchesAll });
        return;
      case 'assign':
        return this.#note(client, process, errand.task, { kind: 'assign', acceptTimeoutMs: errand.acceptTimeoutMs });
      case 'orchestrate':
        return this.#orchestrate(client, process, errand);
      case 'cancelOrchestration':
        return client.cancelOrchestration(errand.id, errand.mode);
      case 'cancel':
        return client.cancel(this.#recent(errand.nth));
      case 'repeat': {
        const task = this.#notes.at(-errand.nth);
        return task?.kind === 'submit' ? client.submit(task.task) : undefined;
      }
      case 'cordon':
        return this.#insist(process, () => client.cordon(errand.agentId));
      case 'uncordon':
        return this.#insist(process, () => client.uncordon(errand.agentId));
      case 'deregister':
        return this.#insist(process, () => client.deregisterAgent(errand.agentId));
      case 'ask':
        return this.#ask(client, errand.question);
    }
  }

  #recent(nth: number): string[] {
    const task = this.#notes.at(-nth);
    return task === undefined ? [] : [task.task.id];
  }

  async #ask(client: Client, question: Extract<Errand, { kind: 'ask' }>['question']): Promise<unknown> {
    const [taskId] = this.#recent(1);
    if (question === 'tasks') return client.tasks();
    if (question === 'metrics') return client.metrics();
    if (taskId === undefined) return undefined;
    if (question === 'replay') return this.#i11(taskId, await client.replay(taskId));
    return question === 'task' ? client.task(taskId) : client.explain(taskId);
  }

  /** A decision that is made again from its record is the same. */
  #i11(taskId: string, { same }: Replay): void {
    if (!same) this.stage.world.fail('I11', `the last decision on ${taskId} comes out another one when it is replayed`);
  }

  // ── tasks that it waits for ────────────────────────────────────────────────────────────────────

  #note(client: Client, process: Process, task: PlannedTask, more: Partial<Note>): void {
    const note: Note = { task, kind: 'submit', watchesAll: false, isOver: false, ...more };
    this.#notes.push(note);
    this.#goOn(client, process, note);
  }

  #goOn(client: Client, process: Process, note: Note): void {
    const work =
      note.kind === 'assign' ? () => this.#handOver(client, process, note) : () => this.#see(client, process, note);
    this.#run(process, `${note.kind} ${note.task.id}`, work);
  }

  /** Until it is acknowledged, and then until it has ended. */
  async #see(client: Client, process: Process, note: Note): Promise<void> {
    const { task, watchesAll } = note;
    await this.#insist(process, () => client.submit(task, { watch: watchesAll ? 'all' : 'end' }));
    try {
      const outcome = await this.#insist(process, () => client.result(task.id));
      this.stage.checker.told(task.id, outcome);
    } catch (error) {
      if (error instanceof RotaError && error.code === 'UNKNOWN_TASK') this.stage.checker.lost(task.id);
      throw error;
    }
    note.isOver = true;
  }

  /** Tries again what may be tried again. @throws RotaError what may not */
  async #insist<T>(process: Process, work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof RotaError) || !error.retryable) throw error;
        await sleep(process.clock, PAUSE_MS);
      }
    }
  }

  async #orchestrate(
    client: Client,
    process: Process,
    { orchestration }: Extract<Errand, { kind: 'orchestrate' }>,
  ): Promise<void> {
    await this.#insist(process, () => client.orchestrate(orchestration));
    await client.orchestrationResult(orchestration.id);
  }

  // ── tasks that it hands over itself ────────────────────────────────────────────────────────────

  async #handOver(client: Client, process: Process, note: Note): Promise<void> {
    const { task, acceptTimeoutMs } = note;
    while (!note.isOver) {
      try {
        const offer = await client.assign(task, acceptTimeoutMs === undefined ? {} : { acceptTimeoutMs });
        await this.#settle(process, note, offer);
      } catch (error) {
        if (!(error instanceof RotaError)) throw error;
        // Nobody takes it, or it has ended: asked for again, it would be the same.
        const isAsked = error.code === 'STALE_LEASE' || (error.retryable && error.code !== 'NONE_AVAILABLE');
        if (isAsked) await sleep(process.clock, PAUSE_MS);
        else this.#abandon(note);
      }
    }
  }

  /** It was refused: whatever a request that was doubled makes of it after all is settled by nobody. */
  #abandon(note: Note): void {
    note.isOver = true;
    this.stage.checker.abandoned.add(note.task.id);
  }

  async #settle(process: Process, note: Note, offer: Handoff): Promise<void> {
    const { dice } = this.stage.world;
    await sleep(process.clock, dice.between(0, 1_200));
    const deed = this.stage.isCalm ? 'complete' : dice.weighted({ complete: 5, confirm: 3, release: 2, fail: 1 });
    if (deed === 'release') return offer.release();
    if (deed === 'confirm') await offer.confirm();
    if (deed === 'fail') await offer.fail('It could not be done.');
    else await offer.complete({ by: offer.agentId, token: offer.token });
    note.isOver = true;
  }
}
