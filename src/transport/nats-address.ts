import { RotaError } from '../protocol/errors.js';

/** Where servers are, and what their addresses say about how to enter. */
export interface NatsAddress {
  /** `host:port`, without credentials: safe to print. */
  readonly hosts: readonly string[];
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  /** An address said `tls://`: a server that offers none is refused. */
  readonly tls: boolean;
}

const DEFAULT_PORT = '4222';

/**
 * Reads `host`, `host:port`, `nats://user:pass@host:port`, `nats://token@host` and the same with
 * `tls://`; several are given as a list or separated by commas. The client itself would take the
 * digits of a password for the port, so it only ever gets what is in `hosts`.
 *
 * @throws RotaError INVALID_VALUE, which quotes no credentials
 */
export function parseNatsAddress(servers: string | readonly string[]): NatsAddress {
  const texts = (typeof servers === 'string' ? servers.split(',') : servers).map((text) => text.trim());
  if (texts.length === 0) throw invalid('no address is given', 0);
  const urls = texts.map(parseUrl);
  const entry = urls.find((url) => url.username !== '');
  return {
    hosts: urls.map((url) => `${url.hostname}:${url.port || DEFAULT_PORT}`),
    ...(entry === undefined ? {} : credentialsOf(entry)),
    tls: urls.some((url) => url.protocol === 'tls:'),
  };
}

function parseUrl(text: string, index: number): URL {
  const withScheme = text.includes('://') ? text : `nats://${text}`;
  if (!URL.canParse(withScheme)) throw invalid('is not an address', index);
  const url = new URL(withScheme);
  if (url.protocol !== 'nats:' && url.protocol !== 'tls:') throw invalid(`has the scheme ${url.protocol}//`, index);
  if (url.hostname === '') throw invalid('names no host', index);
  return url;
}

function credentialsOf(url: URL): Pick<NatsAddress, 'user' | 'pass' | 'token'> {
  const name = decodeURIComponent(url.username);
  return url.password === '' ? { token: name } : { user: name, pass: decodeURIComponent(url.password) };
}

function invalid(problem: string, index: number): RotaError {
  const field = `servers[${index}]`;
  return new RotaError('INVALID_VALUE', `${field} ${problem}; write nats://host:port.`, { field });
}
