import type { RotaError } from '../protocol/errors.js';
import type { TaskAssigned } from '../protocol/journal.js';
import { type Choice, type DecideInput, decide, type GivenScores, scoreJob } from '../selection/decide.js';
import type { ScoreJob, ScoreOutcome } from '../selection/score-job.js';
import { scoreTable } from '../selection/score-table.js';
import { type Waiting, WaitingLine } from '../selection/waiting-line.js';
import type { PoolState } from './pool-state.js';
import { type Task, toWaiting } from './pool-task.js';
import type { Turn } from './turn.js';
import { noAgent } from './why-waiting.js';

/** What placement has its owner do. */
export interface PlacementOutput {
  /** Records the choice, and hands the task over. */
  assigned(task: Task, fact: TaskAssigned): void;
  /** No agent that is registered could ever take it. */
  impossible(task: Task, error: RotaError): void;
}

/** A run of a scorer under way. */
interface OpenRun {
  readonly run: number;
  readonly job: ScoreJob;
  /** The roster's, from when it began. */
  readonly joins: number;
}

/**
 * Who gets what waits. It owns the line of those who wait and the runs of scorers under way; what it
 * decides goes out as facts.
 *
 * Must hold: no task waits, with its backoff over, while an agent that may take it is available and no
 * scorer runs; while scorers run, no more of them than there are agents available.
 */
export class Placement {
  readonly #state: PoolState;
  readonly #turn: Turn;
  readonly #output: PlacementOutput;
  readonly #line: WaitingLine;
  readonly #runs = new Map<string, OpenRun>();
  /** Whether a task may wait because so many scorers were running, and for no other reason. */
  #isHeldUp = false;
  #lastRun = 0;

  constructor(state: PoolState, turn: Turn, output: PlacementOutput) {
    this.#state = state;
    this.#turn = turn;
    this.#output = output;
    this.#line = new WaitingLine((entry) => this.#isWaiting(entry));
  }

  /** Gives a pending task to whom the strategy picks, or lets it wait. */
  place(task: Task): void {
    if (this.#assign(task)) return;
    const state = this.#state;
    if (state.policy.unschedulable === 'fail' && !state.roster.couldFit(task.requirement)) {
      this.#output.impossible(task, noAgent(state, task.record, task.requirement));
    } else this.#line.push(toWaiting(task));
  }

  /** Lets a task wait without a look: after recovery, before anybody was heard of. */
  lineUp(task: Task): void {
    this.#line.push(toWaiting(task));
  }

  /** Gives an agent with free slots what has waited for one. */
  feed(agentId: string): void {
    const member = this.#state.roster.get(agentId);
    if (member === undefined) return;
    while (this.#state.roster.isAvailable(member)) {
      const first = this.#line.firstFor(this.#state.roster, member);
      const task = first === undefined ? undefined : this.#state.task(first.taskId);
      if (task === undefined || !this.#assign(task)) return;
    }
  }

  /** A scorer answered: the best of its candidates that is available still gets the task. */
  scored(taskId: string, run: number, outcome: ScoreOutcome): void {
    const open = this.#runs.get(taskId);
    if (open?.run !== run) return;
    this.#runs.delete(taskId);
    const task = this.#state.task(taskId);
    if (task?.scoringRun === run) {
      task.scoringRun = 0;
      const given = this.#given(open, outcome);
      // The seed of the run: what was drawn there, and what is drawn here, is one draw.
      const input = this.#state.decision(task, this.#turn.monoMs, open.job.seed, given);
      if (!this.#choose(task, input)) this.#line.push(toWaiting(task));
    }
    this.#feedHeldUp();
  }

  /** Chooses now, or has a scorer run first. False when nobody may take it, or too many scorers run. */
  #assign(task: Task): boolean {
    const seed = Math.floor(this.#turn.random() * 2 ** 32);
    const input = this.#state.decision(task, this.#turn.monoMs, seed);
    const job = scoreJob(input);
    if (job === undefined) return this.#choose(task, input);
    if (this.#hasRunsEnough()) {
      this.#isHeldUp = true;
      return false;
    }
    this.#score(task, job);
    return true;
  }

  /** More scorers than agents that are available would choose for tasks that nobody can take. */
  #hasRunsEnough(): boolean {
    return this.#runs.size >= this.#state.roster.availableCount;
  }

  /** A run ended: another one may begin for whoever was held up by those that were under way. */
  #feedHeldUp(): void {
    if (!this.#isHeldUp || this.#hasRunsEnough()) return;
    this.#isHeldUp = false;
    for (const { id } of this.#state.roster.members()) {
      if (this.#hasRunsEnough()) {
        this.#isHeldUp = true;
        return;
      }
      this.feed(id);
    }
  }

  #score(task: Task, job: ScoreJob): void {
    this.#lastRun++;
    const run = this.#lastRun;
    const { roster, pool } = this.#state;
    this.#runs.set(task.record.id, { run, job, joins: roster.joins });
    task.scoringRun = run;
    this.#turn.score({ pool, taskId: task.record.id, run, job });
  }

  #given({ job, joins }: OpenRun, outcome: ScoreOutcome): GivenScores {
    const { scorer } = job.scoring;
    if ('failure' in outcome) return { scorer, failure: outcome.reason };
    return { scorer, scores: scoreTable(job, outcome.scores, { roster: this.#state.roster, joins }) };
  }

  #choose(task: Task, input: DecideInput): boolean {
    const choice = decide(input);
    if (choice === undefined) return false;
    this.#output.assigned(task, this.#fact(task, choice));
    return true;
  }

  #fact(task: Task, { member, cursor, decision }: Choice): TaskAssigned {
    const { wallMs: atMs, monoMs } = this.#turn;
    return {
      type: 'taskAssigned',
      atMs,
      monoMs,
      taskId: task.record.id,
      pool: this.#state.pool,
      workType: task.record.workType,
      attempt: task.attempt + 1,
      token: task.token + 1,
      agentId: member.id,
      rotation: this.#state.rotations.keyFor(task.requirement.labelsKey),
      cursor,
      decision: { ...decision, latencyMs: Math.max(0, monoMs - task.readyMs) },
    };
  }

  #isWaiting(entry: Waiting): boolean {
    const task = this.#state.task(entry.taskId);
    return (
      task?.status === 'pending' &&
      task.scoringRun === 0 &&
      task.notBeforeMs <= this.#turn.monoMs &&
      task.requirement.key === entry.requirement.key
    );
  }
}
