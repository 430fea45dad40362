import type { Command } from 'commander';
import type { Logger } from 'pino';
import type { Coordinator } from '../actors/coordinator.js';
import { type AgentEntry, readAgentsFile } from '../config/agents-file.js';
import { readPolicies } from '../config/policies-file.js';
import { isNatsSet, readSettings } from '../config/settings.js';
import { createCoordinator, VERSION } from '../embed.js';
import { findNatsServer, type NatsServer, startNatsServer } from '../launch/nats-server.js';
import { RotaError } from '../protocol/errors.js';
import type { PoliciesInput } from '../protocol/policy.js';
import { assertPlace, openStore, storePlace } from '../store/open.js';
import type { Transport } from '../transport/transport.js';
import { type CommandAgents, type CommandEvent, startCommandAgents } from './command-agents.js';
import { connectServer, placeOf, type ServerOptions, withServerOptions } from './connect.js';
import type { Action, Cli } from './context.js';
import { EXIT, EXIT_CODES_HELP, UnreachableError, UsageError } from './exit.js';
import { createLog } from './log.js';
import { duration, LEASE_HELP, LEASE_MS, leaseMs, positiveNumber, wholeNumber } from './options.js';
import type { Output } from './output.js';
import { endsBySignal, firstFault, whenAborted } from './signals.js';
import { count, oneLine } from './text.js';

interface UpOptions extends ServerOptions {
  readonly store?: string;
  readonly leaseMs: number;
  readonly failoverMs: number;
  readonly keepJournal?: number;
  readonly agents?: string;
  readonly policies?: string;
  readonly rateLimit?: number;
  readonly port: number;
}

const HOST = '127.0.0.1';
const PORT = 4222;

export function addUpCommand(program: Command, action: Action): void {
  const command = program
    .command('up')
    .summary('start a coordinator that serves')
    .description(
      'Starts a coordinator that serves agents and clients over NATS until it is stopped. Without --nats and ' +
        "ROTA_NATS it starts this machine's own nats-server with it, for this machine only.",
    )
    .option(
      '--store <place>',
      'where to keep tasks: a SQLite file, or postgres://… for a database; none: memory (default: ROTA_STORE, or .rota/rota.db)',
    )
    .option('--lease-ms <n>', LEASE_HELP, leaseMs, LEASE_MS)
    .option(
      '--failover-ms <n>',
      "how long the lead is kept for a coordinator that died, before one that stands by takes over, milliseconds, from 200 to 3600000; the leader's value counts",
      wholeNumber(200, 3_600_000),
      3_000,
    )
    .option(
      '--keep-journal <time>',
      'how long facts are kept once the tables have them, such as 7d; decisions are replayed from them (default: for ever)',
      duration,
    )
    .option('--agents <file>', 'agents to start in this process as well')
    .option('--policies <file>', 'how pools pick their agents, as YAML or JSON (default: round robin)')
    .option(
      '--rate-limit <n>',
      'tasks a second that one client may submit or assign; as many at once after a pause (default: no limit)',
      positiveNumber,
    )
    .option('--port <n>', 'port of the nats-server that it starts; 0: any free one', wholeNumber(0, 65_535), PORT);
  withServerOptions(command)
    .addHelpText(
      'after',
      `
Ctrl-C takes nothing more, lets agents of this process finish, stores what is under way, and stops.
A second one stops at once. Tasks in a store go on at the next start.
Started twice on one store and one NATS server, the second stands by, answers questions, and takes over when the
first stops or dies.

Examples:
  rota up
  rota up --agents agents.yaml --policies policies.yaml
  rota up --nats nats://user:password@nats.example.org --store /var/lib/rota/rota.db
  ROTA_STORE=postgres://rota:password@db.example.org/rota rota up
${EXIT_CODES_HELP}
  Stopped by a single Ctrl-C it ends with 0.`,
    )
    .action(action(up));
}

async function up(cli: Cli, options: UpOptions): Promise<number> {
  const { agents, policies } = options;
  const store = storeOf(options);
  await assertPlace(store);
  if (store === 'none' && options.keepJournal !== undefined) {
    throw new UsageError(
      'up: the store is "none", which keeps no journal: leave --keep-journal away, or name a store.',
    );
  }
  const service = new Service(cli, options, {
    entries: agents === undefined ? [] : readAgentsFile(agents).agents,
    policies: policies === undefined ? {} : readPolicies(policies),
  });
  return endsBySignal({
    work: service.serve(),
    drain: () => service.drain(),
    kill: () => service.kill(),
  });
}

function storeOf({ store }: UpOptions): string {
  return store ?? readSettings().store;
}

/** What the files of the command line say. */
interface Files {
  readonly entries: readonly AgentEntry[];
  readonly policies: PoliciesInput;
}

/**
 * A coordinator with what it needs: server, connection, store, and agents if there are any. It opens them
 * in that order and closes them in the other.
 */
class Service {
  readonly #cli: Cli;
  readonly #options: UpOptions;
  readonly #files: Files;
  readonly #log: Logger;
  readonly #closers: (() => Promise<unknown>)[] = [];
  readonly #ending = new AbortController();
  #agents: CommandAgents | undefined;

  constructor(cli: Cli, options: UpOptions, files: Files) {
    this.#cli = cli;
    this.#options = options;
    this.#files = files;
    this.#log = createLog(cli.output);
  }

  async serve(): Promise<number> {
    try {
      const fault = await Promise.race([this.#open(), whenAborted(this.#ending.signal)]);
      if (fault !== undefined) {
        // What they do could not be reported any more.
        await this.#agents?.kill();
        throw fault;
      }
    } finally {
      for (const close of this.#closers.splice(0).reverse()) await close();
    }
    this.#log.info('stopped');
    return EXIT.ok;
  }

  drain(): void {
    const load = this.#agents?.load ?? 0;
    const finish = load === 0 ? '' : `; ${count(load, 'running task')} of this process may finish`;
    this.#log.info(`draining: nothing more is taken${finish}. Ctrl-C again stops at once`);
    this.#ending.abort();
  }

  async kill(): Promise<void> {
    await this.#agents?.kill();
  }

  /** Opens everything; resolves with what makes it impossible to go on, once something does. */
  async #open(): Promise<Error | undefined> {
    const { clock, output } = this.#cli;
    const { leaseMs, failoverMs, keepJournal, rateLimit } = this.#options;
    const { namespace, servers } = placeOf(this.#options);
    const server = await startOwnServer(this.#cli, this.#options);
    if (server !== undefined) this.#closers.push(() => server.stop());
    const transport = await connectServer(this.#cli, server?.url ?? servers, 'rota up');
    this.#closers.push(() => transport.close());
    transport.onStatus((status) => this.#log.info({ server: transport.description }, `connection: ${status}`));
    const store = await openStore(storeOf(this.#options));
    this.#closers.push(() => store.close());
    const starting = createCoordinator({
      ...{ transport, store, namespace, leaseMs, failoverMs, clock, log: this.#log, policies: this.#files.policies },
      ...(keepJournal === undefined ? {} : { keepJournalMs: keepJournal }),
      ...(rateLimit === undefined ? {} : { rateLimit: { perSecond: rateLimit, burst: Math.max(1, rateLimit) } }),
    });
    // Also one that is about to lead has to give the lead back.
    this.#closers.push(() => starting.then((started) => started.stop()).catch(() => {}));
    const coordinator = await starting;
    const ends: Promise<Error | undefined>[] = [coordinator.stopped];
    if (server !== undefined)
      ends.push(server.exited.then(({ code, signal }) => serverEnded(signal ?? `code ${code}`)));
    const agents = this.#startAgents(transport, namespace);
    if (agents !== undefined) ends.push(agents.stopped);
    const fault = firstFault(ends);
    // Whoever reads that it is up may submit: a task for a pool without agents would fail.
    const early = await Promise.race([
      agents?.ready.then(
        () => undefined,
        () => fault,
      ),
      fault,
    ]);
    if (early !== undefined) return early;
    const { epoch, state } = coordinator;
    printWelcome(output, {
      ...{ transport, namespace, epoch, state, store: storePlace(storeOf(this.#options)) },
      isOwn: server !== undefined,
    });
    return fault;
  }

  /** The agents of this process; undefined where there are none. */
  #startAgents(transport: Transport, namespace: string): CommandAgents | undefined {
    const { entries } = this.#files;
    if (entries.length === 0) return undefined;
    const agents = startCommandAgents({
      entries,
      namespace,
      clock: this.#cli.clock,
      connect: () => transport,
      onEvent: (event) => logCommandEvent(this.#log, event),
    });
    this.#agents = agents;
    this.#closers.push(() => agents.drain());
    return agents;
  }
}

function logCommandEvent(log: Logger, event: CommandEvent): void {
  const { agentId: agent, task } = event;
  const fields = { agent, task: task.taskId, attempt: task.attempt };
  // Its message may quote what the command said, which stays out of logs: `rota show` tells it.
  if (event.kind === 'failed') log.warn({ ...fields, code: event.error.code }, 'failed');
  else log.info(fields, event.kind);
}

function serverEnded(how: string): Error {
  return new RotaError('NO_COORDINATOR', `The nats-server of this process ended (${how}).`);
}

/** Starts a nats-server where the command line names none; undefined where it does. */
async function startOwnServer({ clock }: Cli, { nats, port }: UpOptions): Promise<NatsServer | undefined> {
  if (nats !== undefined || isNatsSet()) return undefined;
  const { natsServerBin, path } = readSettings();
  const bin = findNatsServer({ bin: natsServerBin, path });
  if (bin === undefined) {
    const given = natsServerBin === undefined ? 'there is none in PATH' : `NATS_SERVER_BIN is ${natsServerBin}`;
    throw new UnreachableError(`up needs a nats-server, and ${given}. ${HOW_TO_GET_ONE}`);
  }
  try {
    return await startNatsServer({ bin, host: HOST, port, clock });
  } catch (thrown) {
    if (!(thrown instanceof Error) || !/address already in use/.test(thrown.message)) throw thrown;
    throw new UnreachableError(
      `port ${port} on ${HOST} is taken. If a NATS server runs there, use it: rota up --nats nats://${HOST}:${port}. ` +
        'If not, choose another port with --port.',
    );
  }
}

const HOW_TO_GET_ONE = `Get one in one of these ways:
  sudo apt-get install nats-server
  brew install nats-server
  docker run --rm -p 4222:4222 nats      then: rota up --nats nats://127.0.0.1:4222
  https://nats.io/download               then: NATS_SERVER_BIN=/path/to/nats-server rota up`;

interface Welcome {
  readonly transport: Transport;
  readonly namespace: string;
  readonly epoch: number;
  readonly state: Coordinator['state'];
  readonly store: string;
  readonly isOwn: boolean;
}

function printWelcome({ line, paint }: Output, { transport, namespace, epoch, state, store, isOwn }: Welcome): void {
  const address = transport.description;
  const flags = [
    ...(address === `nats://${HOST}:${PORT}` ? [] : [` --nats ${address}`]),
    ...(namespace === 'rota' ? [] : [` --namespace ${namespace}`]),
  ].join('');
  const field = (label: string, value: string) => line(`  ${paint('dim', label.padEnd(10))} ${oneLine(value)}`);
  const standsBy = state === 'standby';
  line(`${paint('bold', `rota ${VERSION}`)} ${standsBy ? paint('yellow', 'stands by') : paint('green', 'is up')}`);
  field('listening', `${address}${isOwn ? ' (its own nats-server, this machine only)' : ''}`);
  field('namespace', standsBy ? `${namespace}; another coordinator leads` : `${namespace}, epoch ${epoch}`);
  field('store', store === 'none' ? 'none: tasks end with this process' : store);
  field('agents', `rota agent${flags} --id ann --pool dev --exec ./work`);
  field('submit', `rota submit${flags} --pool dev --payload '{"a": 1}' --wait`);
  field('stop', 'Ctrl-C; twice stops at once');
}
