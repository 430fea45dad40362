import { type Command, Option } from 'commander';
import { sleep } from '../clock.js';
import { type AgentEntry, readAgentsFile } from '../config/agents-file.js';
import { readDocument } from '../config/document.js';
import { readPolicies } from '../config/policies-file.js';
import { isNatsSet } from '../config/settings.js';
import { createIds, systemRandom } from '../ids.js';
import { assertName } from '../protocol/names.js';
import type { PoliciesInput } from '../protocol/policy.js';
import { type OrchestrationSpec, OrchestrationSpecSchema } from '../protocol/task.js';
import type { Update } from '../sdk/index.js';
import { checkGraph } from '../workflow/graph.js';
import { OrchestrationFileSchema, toOrchestration } from '../workflow/orchestration-file.js';
import { checkPools } from '../workflow/pools.js';
import { type ClientCommandOptions, withClientOptions } from './connect.js';
import type { Action, Cli } from './context.js';
import { EXIT, EXIT_CODES_HELP, UsageError } from './exit.js';
import { createLiveTable } from './live-table.js';
import { isDebugging } from './log.js';
import { LEASE_HELP, LEASE_MS, leaseMs } from './options.js';
import { RunBoard } from './run-board.js';
import { openEmbedded, openRemote, type Stage } from './run-stage.js';
import { printSummary, printSummaryJson, summarise } from './run-summary.js';
import { createJsonView, createLineView, type RunView } from './run-view.js';
import { endsBySignal, whenAborted } from './signals.js';
import { count, oneLine } from './text.js';

interface RunOptions extends ClientCommandOptions {
  readonly agents?: string;
  readonly store?: string;
  readonly policies?: string;
  readonly id?: string;
  readonly leaseMs: number;
  readonly json?: true;
  readonly plain?: true;
}

export function addRunCommand(program: Command, action: Action): void {
  const command = program
    .command('run')
    .summary('run a graph of tasks, and wait for its end')
    .description(
      'Runs the tasks of a file, each when those that it depends on have completed, and waits for the end. ' +
        'With --agents alone everything happens in this process, and no server is needed. With --nats the run goes ' +
        'to the coordinator there, which "rota up" started.',
    )
    .argument('<file>', 'the tasks, as YAML or JSON')
    .option('--agents <file>', 'agents to start in this process, as YAML or JSON')
    .addOption(
      new Option(
        '--store <place>',
        'keep the tasks in this SQLite file, or database at postgres://… (default: in memory)',
      ).conflicts('nats'),
    )
    .addOption(
      new Option('--policies <file>', 'how pools pick their agents, as YAML or JSON (default: round robin)').conflicts(
        'nats',
      ),
    )
    .option('--id <id>', 'id of the run; the same id again resumes it (default: a new one)')
    .addOption(new Option('--lease-ms <n>', LEASE_HELP).argParser(leaseMs).default(LEASE_MS).conflicts('nats'))
    .addOption(new Option('--json', 'print each change, and the end, as a line of JSON').conflicts('plain'))
    .option('--plain', 'print a line for each change, also on a terminal');
  withClientOptions(command)
    .addHelpText(
      'after',
      `
Ctrl-C lets the running tasks finish and starts nothing more. A second one stops them at once.

Examples:
  rota run pipeline.yaml --agents agents.yaml
  rota run pipeline.yaml --agents agents.yaml --store .rota/run.db --id nightly
  rota run pipeline.yaml --agents agents.yaml --policies policies.yaml
  rota run pipeline.yaml --nats nats://127.0.0.1:4222
  rota run pipeline.yaml --agents agents.yaml --json | jq -r 'select(.type == "ended").status'
${EXIT_CODES_HELP}
  Only a run whose tasks have all completed is an exit code of 0.`,
    )
    .action(action(run));
}

async function run(cli: Cli, file: string, options: RunOptions): Promise<number> {
  const plan = readPlan(cli, file, options);
  return await new Run(cli, plan, options).perform();
}

/** What is to be run, read and checked before anything starts. */
interface Plan {
  readonly spec: OrchestrationSpec;
  readonly entries: readonly AgentEntry[];
  readonly policies: PoliciesInput;
  /** The work goes to a coordinator that runs already. */
  readonly isRemote: boolean;
}

function readPlan({ clock }: Cli, file: string, { agents, nats, id, policies }: RunOptions): Plan {
  const isRemote = nats !== undefined || (agents === undefined && isNatsSet());
  if (agents === undefined && !isRemote) {
    throw new UsageError(
      'run: nobody would do the work. Name the agents to start with --agents FILE, ' +
        'or the server of a running coordinator with --nats URL.',
    );
  }
  if (isRemote && policies !== undefined) {
    throw new UsageError('run: the coordinator at ROTA_NATS has policies of its own. Leave --policies away.');
  }
  const runId = id === undefined ? createIds(clock, systemRandom)() : assertName('--id', id);
  const document = readDocument(file, OrchestrationFileSchema);
  const spec = OrchestrationSpecSchema.parse(toOrchestration(document.value, runId));
  const entries = agents === undefined ? [] : readAgentsFile(agents).agents;
  // A running coordinator may have agents that the file does not name.
  document.refuse([...checkGraph(spec.tasks), ...(isRemote ? [] : checkPools(spec.tasks, entries))]);
  return { spec, entries, policies: policies === undefined ? {} : readPolicies(policies), isRemote };
}

/** How long a run that is killed may take to tell its coordinator. */
const CANCEL_MS_MAX = 500;
const CLIENT_ID_CHARS = 64;

/** One run from its start to its summary. Until it has a stage nothing was submitted, and Ctrl-C just ends it. */
class Run {
  readonly #cli: Cli;
  readonly #plan: Plan;
  readonly #options: RunOptions;
  readonly #board: RunBoard;
  readonly #givenUp = new AbortController();
  #stage: Stage | undefined;
  #view: RunView | undefined;

  constructor(cli: Cli, plan: Plan, options: RunOptions) {
    this.#cli = cli;
    this.#plan = plan;
    this.#options = options;
    this.#board = new RunBoard(plan.spec.tasks, cli.clock);
  }

  async perform(): Promise<number> {
    let isInterrupted = false;
    const code = await endsBySignal({
      work: Promise.race([this.#toTheEnd(), whenAborted(this.#givenUp.signal).then(() => EXIT.interrupted)]),
      drain: () => {
        isInterrupted = true;
        this.#drain();
      },
      kill: () => this.#kill(),
    });
    return isInterrupted ? EXIT.interrupted : code;
  }

  async #toTheEnd(): Promise<number> {
    const { spec } = this.#plan;
    const { clock } = this.#cli;
    const stage = await this.#open();
    this.#stage = stage;
    const startMs = clock.monoMs();
    const view = await this.#submit(stage);
    try {
      const outcome = await orFailed(stage, stage.client.orchestrationResult(spec.id));
      this.#board.settle(outcome.nodes);
      const summary = await summarise(stage.client, this.#board, {
        id: spec.id,
        name: spec.name,
        outcome,
        elapsedMs: clock.monoMs() - startMs,
      });
      view.end();
      if (this.#options.json) printSummaryJson(this.#cli.output, this.#board, summary);
      else printSummary(this.#cli.output, this.#board, summary);
      return outcome.status === 'completed' ? EXIT.ok : EXIT.failed;
    } catch (thrown) {
      view.end();
      await stage.agents?.kill();
      throw thrown;
    } finally {
      await stage.close();
    }
  }

  #open(): Promise<Stage> {
    const { spec, entries, policies, isRemote } = this.#plan;
    const options = {
      ...this.#options,
      entries,
      policies,
      // The same for each process that performs this run, so that one that resumes it is told of its tasks.
      clientId: `run-${spec.id}`.slice(0, CLIENT_ID_CHARS),
      note: (text: string) => this.#note(text),
    };
    return isRemote ? openRemote(this.#cli, options) : openEmbedded(this.#cli, options);
  }

  /** Starts the run, and shows it from its first change on. */
  async #submit({ client, failed }: Stage): Promise<RunView> {
    const { spec } = this.#plan;
    // Updates name tasks by ids, which the answer tells; the first may be here before it.
    const early: Update[] = [];
    let take = (update: Update): void => {
      early.push(update);
    };
    client.onUpdate((update) => take(update));
    const { taskIds, duplicate } = await orFailed({ failed }, client.orchestrate(spec, { watch: 'all' }));
    const ready = this.#board.begin(taskIds);
    const view = this.#startView();
    if (duplicate) this.#note(`run ${spec.id} was started before: it goes on where it stands`);
    else view.changed(ready);
    take = (update) => view.changed(this.#board.apply(update), update);
    for (const update of early) take(update);
    return view;
  }

  #startView(): RunView {
    const { output, clock } = this.#cli;
    const { spec, entries } = this.#plan;
    const { json, plain } = this.#options;
    const tasks = count(spec.tasks.length, 'task');
    const name = oneLine(spec.name);
    if (json) {
      const taskIds = Object.fromEntries(this.#board.rows.map(({ key, taskId }) => [key, taskId]));
      output.json({ type: 'started', id: spec.id, name: spec.name, taskIds });
      this.#view = createJsonView(output);
    } else {
      const who = entries.length === 0 ? '' : `, ${count(entries.length, 'agent')}`;
      output.line(`${output.paint('bold', name)}: ${tasks}${who}, run ${spec.id}`);
      const isLive = output.isTerminal && !plain && !isDebugging();
      this.#view = isLive
        ? createLiveTable(output, clock, spec.name, this.#board)
        : createLineView(output, clock, this.#board);
    }
    return this.#view;
  }

  #note(text: string): void {
    if (this.#view === undefined) this.#cli.output.note(`rota: ${oneLine(text)}`);
    else this.#view.note(oneLine(text));
  }

  #drain(): void {
    if (this.#stage === undefined) {
      this.#givenUp.abort();
      return;
    }
    const running = this.#board.count('running', 'assigned');
    const finish =
      running === 0 ? '' : ` ${running === 1 ? '1 running task finishes' : `${running} running tasks finish`};`;
    this.#note(`draining:${finish} nothing more starts. Ctrl-C again stops at once.`);
    void this.#stage?.client
      .cancelOrchestration(this.#plan.spec.id, 'drain')
      .catch((error: unknown) => this.#note(`the run can't be drained: ${error}`));
  }

  /** Tells the coordinator first, so that no killed command counts as one that failed and is tried again. */
  async #kill(): Promise<void> {
    this.#note('stopping at once');
    const { clock } = this.#cli;
    const cancelled = this.#stage?.client.cancelOrchestration(this.#plan.spec.id, 'abort').catch(() => {});
    await Promise.race([cancelled, sleep(clock, CANCEL_MS_MAX)]);
    await this.#stage?.agents?.kill();
    this.#view?.end();
  }
}

/** What is waited for, or the fault that it would wait for in vain. */
function orFailed<T>({ failed }: Pick<Stage, 'failed'>, awaited: Promise<T>): Promise<T> {
  return Promise.race([
    awaited,
    failed.then((error): never => {
      throw error;
    }),
  ]);
}
