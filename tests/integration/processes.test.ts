import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TaskDetail } from '#rota/protocol/frames.js';
import { createAgent } from '#rota/sdk/agent.js';
import { createClient, type TaskOutcome } from '#rota/sdk/index.js';
import { connectNats } from '#rota/transport/nats.js';
import { createGate, type Gate } from '../support/gate.js';
import { startTestNats, type TestNats } from '../support/nats-server.js';
import { expectReport } from '../support/seattle.js';
import { createFolder, type Folder, jsonLines, ROOT, type Rota, rota, rotaToEnd } from './cli/harness.js';

/**
 * The example, and plain tasks, over a real nats-server, with the coordinator, each agent and the client
 * as OS processes of their own, some of which are killed with SIGKILL on the way.
 */

const LEASE_MS = 800;
/** So long a coordinator that is killed keeps the one after it waiting. */
const FAILOVER_MS = 300;
const AGENTS = ['fetch-1', 'clean-1', 'clean-2', 'analyst-1'] as const;

let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats[Symbol.asyncDispose]());

/** Everything that one run needs, in a namespace of its own. */
class Stage implements AsyncDisposable {
  readonly #folder: Folder = createFolder();
  readonly #processes = new Set<Rota>();
  readonly #namespace: string;
  readonly #gate: Gate | undefined;

  constructor(namespace: string, gate?: Gate) {
    this.#namespace = namespace;
    this.#gate = gate;
  }

  get workFolder(): string {
    return join(this.#folder.path, 'work');
  }

  at(...args: string[]): string[] {
    return [...args, '--nats', nats.url, '--namespace', this.#namespace];
  }

  start(...args: string[]): Rota {
    const process = rota(this.at(...args), { cwd: ROOT });
    this.#processes.add(process);
    return process;
  }

  async coordinator(): Promise<Rota> {
    const store = join(this.#folder.path, 'rota.db');
    // Agents, each a process, join while the run starts.
    const policies = join(ROOT, 'examples/seattle-weather/policies.yaml');
    const timing = ['--lease-ms', String(LEASE_MS), '--failover-ms', String(FAILOVER_MS)];
    const coordinator = this.start('up', '--store', store, '--policies', policies, ...timing);
    await coordinator.says(/"msg":"leading"/);
    return coordinator;
  }

  /** One process for each agent of the example, by its id. */
  agents(): Record<(typeof AGENTS)[number], Rota> {
    const file = this.#folder.write('agents.json', JSON.stringify({ agents: AGENTS.map((id) => this.#agent(id)) }));
    const started = AGENTS.map((id) => [id, this.start('agent', '--agents', file, '--id', id)] as const);
    return Object.fromEntries(started) as Record<(typeof AGENTS)[number], Rota>;
  }

  run(): Rota {
    const yaml = readFileSync(join(ROOT, 'examples/seattle-weather/pipeline.yaml'), 'utf8');
    const pipeline = yaml.replace('workFolder: .rota/seattle-weather', `workFolder: ${this.workFolder}`);
    return this.start('run', this.#folder.write('pipeline.yaml', pipeline), '--id', 'run-1', '--json');
  }

  /** Each task of the run, by its key. */
  async tasks(): Promise<Map<string, TaskDetail>> {
    const listed = await rotaToEnd(this.at('tasks', '--orchestration', 'run-1', '--json'), { cwd: ROOT });
    const details = await Promise.all(
      jsonLines(listed.stdout).map(async ({ id }) => {
        const shown = await rotaToEnd(this.at('show', String(id), '--json'), { cwd: ROOT });
        return JSON.parse(shown.stdout) as TaskDetail;
      }),
    );
    return new Map(details.map((detail) => [detail.task.key ?? '', detail]));
  }

  /** The pool and the command that the example gives it; the cleaners wait at the gate, where there is one. */
  #agent(id: (typeof AGENTS)[number]): object {
    const kind = id.split('-')[0] ?? '';
    const script = join(ROOT, `examples/seattle-weather/agents/${kind}.mjs`);
    const gated = this.#gate !== undefined && kind === 'clean';
    const args = gated ? [join(ROOT, 'tests/support/gate.mjs'), String(this.#gate?.port), script] : [script];
    const pools: Record<string, string> = { fetch: 'fetchers', clean: 'cleaners', analyst: 'analysts' };
    const capabilities = kind === 'analyst' ? ['statistics', 'writing'] : [];
    return { id, pool: pools[kind], capabilities, launch: { command: process.execPath, args } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#gate?.open();
    for (const process of this.#processes) await process[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}

async function kill(process: Rota): Promise<void> {
  process.child.kill('SIGKILL');
  await process.exit;
}

/** Who completed each attempt of a task: exactly one did. */
function completedBy(detail: TaskDetail | undefined): (string | undefined)[] {
  return (detail?.attempts ?? []).filter((one) => one.outcome === 'completed').map((one) => one.agentId);
}

describe('the example across seven processes', () => {
  test('ends with the right report', async () => {
    await using stage = new Stage('whole');
    const coordinator = await stage.coordinator();
    const agents = stage.agents();
    const run = stage.run();
    expect(await run.exit).toBe(0);

    const pids = [nats.pid, coordinator.child.pid, run.child.pid, ...Object.values(agents).map((one) => one.child.pid)];
    expect(new Set(pids).size).toBe(7);
    expectReport(stage.workFolder);
    const tasks = await stage.tasks();
    expect(tasks.size).toBe(7);
    for (const detail of tasks.values()) expect(completedBy(detail)).toHaveLength(1);
  });

  test('an agent that is killed loses its task to another, and the report is right', async () => {
    const gate = await createGate();
    await using stage = new Stage('agent-killed', gate);
    await stage.coordinator();
    const agents = stage.agents();
    const run = stage.run();
    await gate.waiting(2);
    await kill(agents['clean-1']);
    // Its task comes to the gate a second time, through the other cleaner, which has one at a time.
    gate.open();
    expect(await run.exit).toBe(0);

    expectReport(stage.workFolder);
    const tasks = await stage.tasks();
    for (const detail of tasks.values()) expect(completedBy(detail)).toHaveLength(1);
    const lost = [...tasks.values()].filter((detail) => detail.attempts.some((one) => one.outcome === 'released'));
    expect(lost).toHaveLength(1);
    expect(lost[0]?.attempts).toMatchObject([
      { agentId: 'clean-1', token: 1, outcome: 'released', error: { code: 'LEASE_EXPIRED' } },
      { agentId: 'clean-2', token: 2, outcome: 'completed' },
    ]);
  });

  test('a coordinator that is killed and started again goes on, and nobody else is', async () => {
    const gate = await createGate();
    await using stage = new Stage('coordinator-killed', gate);
    const first = await stage.coordinator();
    stage.agents();
    const run = stage.run();
    await gate.waiting(2);
    await kill(first);
    await stage.coordinator();
    gate.open();
    expect(await run.exit).toBe(0);

    expectReport(stage.workFolder);
    const tasks = await stage.tasks();
    expect(tasks.size).toBe(7);
    // The agents kept their tasks through it: nothing was tried twice.
    for (const detail of tasks.values()) expect(detail.attempts).toMatchObject([{ outcome: 'completed', token: 1 }]);
  });
});

test('tasks that were acknowledged survive coordinators that are killed, each with one result', async () => {
  await using stage = new Stage('ledger');
  let coordinator = await stage.coordinator();
  const connect = () => connectNats({ servers: nats.url });
  const transports = await Promise.all([connect(), connect(), connect()]);
  const executions = new Map<string, number>();
  const [clientTransport, ...agentTransports] = transports;
  const agents = agentTransports.map((transport, i) =>
    createAgent({
      ...{ transport, id: `agent-${i}`, pool: 'work', namespace: 'ledger', maxConcurrency: 4 },
      async handler({ taskId, payload }) {
        const execution = (executions.get(taskId) ?? 0) + 1;
        executions.set(taskId, execution);
        await new Promise(setImmediate);
        return { payload, execution };
      },
    }),
  );
  const client = createClient({ transport: clientTransport ?? expect.fail(), namespace: 'ledger' });

  const acknowledged: string[] = [];
  const outcomes: Promise<TaskOutcome>[] = [];
  for (let batch = 0; batch < 12; batch++) {
    const submitting = client.submitMany(
      Array.from({ length: 50 }, (_, i) => ({ pool: 'work', payload: batch * 50 + i })),
    );
    // Three times, with a submit under way and tasks of earlier batches waiting, running and reported.
    if (batch % 4 === 2) {
      await kill(coordinator);
      coordinator = await stage.coordinator();
    }
    const ids = await submitting;
    acknowledged.push(...ids);
    outcomes.push(...ids.map((id) => client.result(id)));
  }
  const told = await Promise.all(outcomes);

  expect(told.map((one) => one.status)).toEqual(told.map(() => 'completed'));
  expect(told.map((one) => (one.result as { payload: number }).payload)).toEqual(told.map((_, i) => i));
  for (const [i, id] of acknowledged.entries()) {
    const detail = await client.task(id);
    expect(completedBy(detail)).toHaveLength(1);
    expect(detail.result).toEqual(told[i]?.result);
  }

  client.close();
  await Promise.all(agents.map((agent) => agent.stop()));
  await Promise.all(transports.map((transport) => transport.close()));
  coordinator.child.kill('SIGINT');
  await once(coordinator.child, 'exit');
  expect(coordinator.child.exitCode).toBe(0);
});
