import { z } from 'zod';
import { RotaError } from '../protocol/errors.js';
import { Name } from '../protocol/names.js';
import { problemText } from './problem.js';
import { validateDocument } from './zod-problems.js';

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** What the environment says. Every variable is optional; an empty one counts as unset. */
export interface Settings {
  /** ROTA_NATS: server address, several with commas. Default `nats://127.0.0.1:4222`. */
  readonly natsUrl: string;
  /** ROTA_NAMESPACE: first token of every subject. Default `rota`. */
  readonly namespace: string;
  /** ROTA_STORE: path of a SQLite file, or the address of a database. Default `.rota/rota.db`. */
  readonly store: string;
  /** NATS_SERVER_BIN: the nats-server to start; without it, PATH is searched. */
  readonly natsServerBin: string | undefined;
  /** ROTA_LOG. Default `info`. */
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** PATH as it stands. */
  readonly path: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const VariablesSchema = z.object({
  ROTA_NATS: z
    .string()
    .refine((list) => list.split(',').every(isServerAddress), 'expected nats://host:port or tls://host:port')
    .default('nats://127.0.0.1:4222'),
  ROTA_NAMESPACE: Name.default('rota'),
  ROTA_STORE: z.string().default('.rota/rota.db'),
  NATS_SERVER_BIN: z.string().optional(),
  ROTA_LOG: z.enum(LOG_LEVELS).default('info'),
  PATH: z.string().default(''),
});

/** @throws RotaError INVALID_VALUE, naming each variable that does not fit, its value and the remedy. */
export function readSettings(env: Environment = process.env): Settings {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const result = validateDocument(VariablesSchema, given);
  if ('problems' in result) {
    const lines = result.problems.map((problem) => {
      const name = String(problem.path[0]);
      const text = problemText(problem, name === 'ROTA_NATS' ? withoutCredentials(given[name] ?? '') : given[name]);
      return `The environment variable ${text} Correct it, or unset it for the default.`;
    });
    throw new RotaError('INVALID_VALUE', lines.join('\n'));
  }
  const { value } = result;
  return {
    natsUrl: value.ROTA_NATS,
    namespace: value.ROTA_NAMESPACE,
    store: value.ROTA_STORE,
    natsServerBin: value.NATS_SERVER_BIN,
    logLevel: value.ROTA_LOG,
    path: value.PATH,
  };
}

/** Whether ROTA_NATS names a server, so that `natsUrl` is not the default. */
export function isNatsSet(env: Environment = process.env): boolean {
  return (env.ROTA_NATS ?? '') !== '';
}

/**
 * The environment that commands start from: this process's own, without rota's settings, of which
 * ROTA_NATS may hold credentials.
 */
export function commandEnvironment(env: Environment = process.env): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value === undefined || name.startsWith('ROTA_') ? [] : [[name, value]],
    ),
  );
}

function isServerAddress(address: string): boolean {
  if (!URL.canParse(address.trim())) return false;
  const { protocol, hostname } = new URL(address.trim());
  return (protocol === 'nats:' || protocol === 'tls:') && hostname !== '';
}

/** `nats://user:password@host` may not reach a terminal or a log. */
function withoutCredentials(value: string): string {
  return value.replace(/[^,]*@/g, '***@');
}
