import { Client } from 'pg';
import { RotaError } from '../protocol/errors.js';
import type { Store } from './store.js';
import { openThreadedStore } from './threaded-store.js';

export interface PostgresOptions {
  /**
   * `postgres://user:password@host:5432/database`. The tables are in the first schema of the connection's search_path,
   * which `?options=-csearch_path%3Dname` names. What is left out is as libpq has it: PGHOST, PGUSER, PGPASSWORD…
   */
  readonly url: string;
}

/** @throws RotaError INVALID_VALUE for an address that is none; STORE_FAILED when the database can't be reached. */
export async function openPostgres({ url }: PostgresOptions): Promise<Store> {
  const place = postgresPlace(url);
  const opening = openThreadedStore({
    script: new URL('./postgres-worker.js', import.meta.url),
    data: { url, place },
    place,
    description: `postgres (${place.replace('postgres://', '')}, synchronous_commit=on)`,
  });
  return opening.catch((thrown: unknown) => {
    throw passwordMissing(place, thrown) ?? thrown;
  });
}

/** In words for people, what the driver says where the database asks for a password; undefined for anything else. */
export function passwordMissing(place: string, thrown: unknown): RotaError | undefined {
  if (!(thrown instanceof Error) || !/client password must be a string/.test(thrown.message)) return undefined;
  const problem = `The store at ${place} failed: the database asks for a password, and none is given.`;
  const remedy = 'Put it into the address, as postgres://user:password@host:5432/database, or into PGPASSWORD.';
  return new RotaError('STORE_FAILED', problem, { remedy, cause: thrown });
}

/** Behind who logs in there is no @: a password with a / ? or # in it would be taken for host, port and database. */
const IS_PLAIN = /^postgres(ql)?:\/\/[^/?#]*([/?#][^@]*)?$/i;

/** Host, port and database, and never who logs in, nor how. @throws RotaError INVALID_VALUE */
export function postgresPlace(url: string): string {
  const { host, port, database } = readAddress(url);
  if (database) return `postgres://${host}:${port}/${database}`;
  throw invalid('The address of the PostgreSQL database names no database.', 'or set PGDATABASE.');
}

function readAddress(url: string): { readonly host: string; readonly port: number; readonly database?: string } {
  try {
    const { host, port, database } = new Client({ connectionString: url });
    if (!IS_PLAIN.test(url) || `${host}${database}`.includes('@')) throw new Error('It may hold a password elsewhere.');
    return { host, port, ...(database === undefined ? {} : { database }) };
  } catch {
    // Its message may quote the address, and so the password.
    const remedy = 'and / ? # @ in a password as %2F %3F %23 %40.';
    throw invalid('The address of the PostgreSQL database can not be read.', remedy);
  }
}

function invalid(problem: string, more: string): RotaError {
  const remedy = `Write postgres://user:password@host:5432/database, ${more}`;
  return new RotaError('INVALID_VALUE', problem, { field: 'url', remedy });
}
