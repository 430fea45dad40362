import type { Command } from 'commander';
import { readSettings } from '../config/settings.js';
import { RotaError } from '../protocol/errors.js';
import { type Client, createClient } from '../sdk/index.js';
import { connectNats } from '../transport/nats.js';
import type { Transport } from '../transport/transport.js';
import type { Cli } from './context.js';
import { NAMESPACE_HELP, NATS_HELP, PATIENCE_HELP, PATIENCE_MS, serverAddress, wholeNumber } from './options.js';
import { count, oneLine } from './text.js';

/** Where the coordinator is, as the command line says. */
export interface ServerOptions {
  readonly nats?: string;
  readonly namespace?: string;
}

export interface ClientCommandOptions extends ServerOptions {
  readonly patienceMs: number;
}

export function withServerOptions(command: Command): Command {
  return command.option('--nats <url>', NATS_HELP, serverAddress).option('--namespace <name>', NAMESPACE_HELP);
}

export function withClientOptions(command: Command): Command {
  return withServerOptions(command).option('--patience-ms <n>', PATIENCE_HELP, wholeNumber(0, 86_400_000), PATIENCE_MS);
}

/** Flags go before the environment. @throws RotaError INVALID_VALUE for a setting that does not fit. */
export function placeOf({ nats, namespace }: ServerOptions): { readonly servers: string; readonly namespace: string } {
  const settings = readSettings();
  return { servers: nats ?? settings.natsUrl, namespace: namespace ?? settings.namespace };
}

/** @throws RotaError NO_COORDINATOR when no server answers there, INVALID_VALUE when it refuses the credentials */
export function connectServer(cli: Cli, servers: string, name: string): Promise<Transport> {
  const onError = (thrown: unknown) => {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    cli.output.note(`rota: ${oneLine(message)}`);
  };
  return connectNats({ servers, name, clock: cli.clock, onError });
}

/**
 * Resolves once a coordinator answers. Says once, through `note`, that it is being waited for.
 *
 * @throws RotaError NO_COORDINATOR, naming where, when none did for `patienceMs`
 */
export async function findCoordinator(
  place: { readonly transport: Transport; readonly namespace: string },
  { patienceMs, note, cli }: { readonly patienceMs: number; readonly note: (text: string) => void; readonly cli: Cli },
): Promise<void> {
  const where = `${place.transport.description} (namespace ${place.namespace})`;
  const ask = async (patience: number): Promise<void> => {
    using client = createClient({ ...place, clock: cli.clock, patienceMs: patience });
    await client.status();
  };
  try {
    await ask(0);
  } catch (thrown) {
    if (!isAbsence(thrown)) throw thrown;
    if (patienceMs > 0) note(`waiting for a coordinator at ${where}`);
    await ask(patienceMs).catch((thrown: unknown) => {
      if (!isAbsence(thrown)) throw thrown;
      const waited = `waited ${count(Math.round(patienceMs / 1_000), 'second')}`;
      throw new RotaError('NO_COORDINATOR', `No coordinator answers at ${where}, ${waited}.`, { cause: thrown });
    });
  }
}

function isAbsence(thrown: unknown): boolean {
  return thrown instanceof RotaError && thrown.retryable;
}

/** Runs a command that asks a coordinator, and closes what it opened. `as` is who asks, where that matters. */
export async function withClient(
  cli: Cli,
  options: ClientCommandOptions & { readonly as?: string },
  use: (client: Client) => Promise<number>,
): Promise<number> {
  const { servers, namespace } = placeOf(options);
  const transport = await connectServer(cli, servers, 'rota');
  try {
    const { patienceMs } = options;
    await findCoordinator({ transport, namespace }, { patienceMs, note: cli.output.note, cli });
    const who = options.as === undefined ? {} : { id: options.as };
    using client = createClient({ transport, namespace, patienceMs, clock: cli.clock, ...who });
    return await use(client);
  } finally {
    await transport.close();
  }
}
