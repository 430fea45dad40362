import type { Command } from 'commander';
import { readSettings } from '../config/settings.js';
import { RotaError } from '../protocol/errors.js';
import { type Client, type CoordinatorStatus, createClient } from '../sdk/index.js';
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

/** Who is asked, and whereabouts. */
interface Place {
  readonly transport: Transport;
  readonly namespace: string;
}

/**
 * Resolves once a coordinator answers. Says once, through `note`, that it is being waited for.
 *
 * @throws RotaError naming where, when none did for `patienceMs`: NO_COORDINATOR, or UNAVAILABLE with what one that is
 *   there says
 */
export async function findCoordinator(
  place: Place,
  { patienceMs, note, cli }: { readonly patienceMs: number; readonly note: (text: string) => void; readonly cli: Cli },
): Promise<void> {
  try {
    await askStatus(place, cli, 0);
  } catch (thrown) {
    if (!isRetryable(thrown)) throw thrown;
    if (patienceMs > 0) {
      const where = whereOf(place);
      if (isAbsence(thrown)) note(`waiting for a coordinator at ${where}`);
      else note(`waiting for the coordinator at ${where}, which says: ${thrown.message}`);
    }
    await askStatus(place, cli, patienceMs).catch((thrown: unknown) => {
      throw isRetryable(thrown) ? unanswered(place, thrown, patienceMs) : thrown;
    });
  }
}

async function askStatus(place: Place, { clock }: Cli, patienceMs: number): Promise<CoordinatorStatus> {
  using client = createClient({ ...place, clock, patienceMs });
  return await client.status();
}

function whereOf({ transport, namespace }: Place): string {
  return `${transport.description} (namespace ${namespace})`;
}

function unanswered(place: Place, error: RotaError, waitedMs: number): RotaError {
  const where = whereOf(place);
  const waited = `waited ${count(Math.round(waitedMs / 1_000), 'second')}`;
  if (isAbsence(error)) {
    return new RotaError('NO_COORDINATOR', `No coordinator answers at ${where}, ${waited}.`, { cause: error });
  }
  const problem = `The coordinator at ${where} can not answer, ${waited}.`;
  return new RotaError('UNAVAILABLE', problem, { remedy: error.message, cause: error });
}

function isRetryable(thrown: unknown): thrown is RotaError {
  return thrown instanceof RotaError && thrown.retryable;
}

/** Whether nobody answered, rather than somebody who can't do it just now. */
function isAbsence({ code }: RotaError): boolean {
  return code === 'NO_COORDINATOR' || code === 'TIMEOUT';
}

/** Says of a request without an answer who is there: its subject, which the error names, tells people nothing. */
async function explained(thrown: unknown, place: Place, cli: Cli, waitedMs: number): Promise<unknown> {
  const isUnanswered = thrown instanceof RotaError && isAbsence(thrown) && place.transport.status === 'connected';
  if (!isUnanswered) return thrown;
  try {
    const { state } = await askStatus(place, cli, 0);
    const where = whereOf(place);
    const problem =
      state === 'standby'
        ? `Nobody leads just now: the coordinator at ${where} stands by.`
        : `The coordinator at ${where} did not answer in time.`;
    return new RotaError('UNAVAILABLE', problem, { cause: thrown });
  } catch (again) {
    return isRetryable(again) ? unanswered(place, again, waitedMs) : again;
  }
}

/** Runs a command that asks a coordinator, and closes what it opened. `as` is who asks, where that matters. */
export async function withClient(
  cli: Cli,
  options: ClientCommandOptions & { readonly as?: string },
  use: (client: Client) => Promise<number>,
): Promise<number> {
  const { servers, namespace } = placeOf(options);
  const transport = await connectServer(cli, servers, 'rota');
  const place = { transport, namespace };
  const { patienceMs } = options;
  try {
    await findCoordinator(place, { patienceMs, note: cli.output.note, cli });
    const who = options.as === undefined ? {} : { id: options.as };
    using client = createClient({ ...place, patienceMs, clock: cli.clock, ...who });
    return await use(client);
  } catch (thrown) {
    throw await explained(thrown, place, cli, patienceMs);
  } finally {
    await transport.close();
  }
}
