import type { AgentEntry } from '../config/agents-file.js';
import { createCoordinator } from '../embed.js';
import type { PoliciesInput } from '../protocol/policy.js';
import { type Client, createClient } from '../sdk/index.js';
import { openStore } from '../store/open.js';
import { createMemoryBroker } from '../transport/memory.js';
import { type CommandAgents, startCommandAgents } from './command-agents.js';
import { connectServer, findCoordinator, placeOf } from './connect.js';
import type { Cli } from './context.js';
import { createLog, isDebugging } from './log.js';
import { firstFault } from './signals.js';

/** What a run is performed on: a coordinator of its own, or one that runs already. */
export interface Stage {
  readonly client: Client;
  readonly agents: CommandAgents | undefined;
  /** Resolves with what made it impossible to go on; never, when nothing does. */
  readonly failed: Promise<Error>;
  /** Agents finish what they have and leave; then everything is closed. */
  close(): Promise<void>;
}

export interface StageOptions {
  readonly entries: readonly AgentEntry[];
  readonly clientId: string;
  readonly namespace?: string;
  readonly patienceMs: number;
  readonly note: (text: string) => void;
}

export interface EmbeddedOptions {
  readonly store?: string;
  readonly leaseMs: number;
  readonly policies: PoliciesInput;
}

/**
 * Coordinator and agents in this process, joined by memory.
 *
 * Where another process leads the store it waits for that one's end.
 *
 * @throws RotaError STORE_FAILED, SCHEMA_MISMATCH, and what stopped an agent before it was ready
 */
export async function openEmbedded(
  cli: Cli,
  { store: place = 'none', leaseMs, policies, ...options }: StageOptions & EmbeddedOptions,
): Promise<Stage> {
  const { clock } = cli;
  const { namespace } = placeOf(options);
  const broker = createMemoryBroker({ clock });
  const connect = () => broker.connect({ onError: (thrown) => options.note(String(thrown)) });
  const store = await openStore(place);
  const coordinator = await createCoordinator({
    ...{ transport: connect(), store, namespace, leaseMs, policies, clock },
    ...(isDebugging() ? { log: createLog(cli.output) } : {}),
  });
  if (coordinator.state === 'standby')
    options.note('waiting: another process works on this store, or did a moment ago');
  await coordinator.leading;
  const agents = startCommandAgents({ entries: options.entries, namespace, clock, connect });
  // Before the first task: one for a pool without agents would fail at once.
  await whenReady(agents);
  const client = createClient({ transport: connect(), namespace, id: options.clientId, clock });
  return {
    client,
    agents,
    failed: firstFault([coordinator.stopped, agents.stopped]),
    async close() {
      await agents.drain();
      client.close();
      await coordinator.stop();
      await store.close();
    },
  };
}

/**
 * A coordinator that runs already, and agents of this process if there are any.
 *
 * @throws RotaError NO_COORDINATOR when none answers for `patienceMs`, and what stopped an agent before it was ready
 */
export async function openRemote(cli: Cli, { nats, ...options }: StageOptions & { nats?: string }): Promise<Stage> {
  const { clock } = cli;
  const { entries, clientId, patienceMs, note } = options;
  const { servers, namespace } = placeOf({ ...options, ...(nats === undefined ? {} : { nats }) });
  const transport = await connectServer(cli, servers, 'rota run');
  const place = { transport, namespace };
  await findCoordinator(place, { patienceMs, note, cli });
  const agents =
    entries.length === 0 ? undefined : startCommandAgents({ entries, namespace, clock, connect: () => transport });
  if (agents !== undefined) await whenReady(agents);
  const client = createClient({ ...place, id: clientId, patienceMs, clock });
  return {
    client,
    agents,
    failed: firstFault(agents === undefined ? [] : [agents.stopped]),
    async close() {
      await agents?.drain();
      client.close();
      await transport.close();
    },
  };
}

async function whenReady({ ready, stopped }: CommandAgents): Promise<void> {
  const error = await Promise.race([ready.then(() => undefined), stopped]);
  if (error !== undefined) throw error;
}
