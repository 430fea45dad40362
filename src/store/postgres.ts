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
  return openThreadedStore({
    script: new URL('./postgres-worker.js', import.meta.url),
    data: { url, place },
    place,
    description: `postgres (${place.replace('postgres://', '')}, synchronous_commit=on)`,
  });
}

/** Behind who logs in there is no @: a password with a / ? or # in it would be taken for host, port and database. */
const IS_PLAIN = /^postgres(ql)?:\/\/[^/?#]*([/?#][^@]*)?$/i;

/** Host, port and database, and never who logs in, nor how. @throws RotaError INVALID_VALUE */
export function postgresPlace(url: string): string {
  try {
    const { host, port, database } = new Client({ connectionString: url });
    if (!IS_PLAIN.test(url) || `${host}${database}`.includes('@')) throw new Error('It may hold a password elsewhere.');
    return `postgres://${host}:${port}/${database}`;
  } catch {
    // Its message may quote the address, and so the password.
    const problem = 'The address of the PostgreSQL database can not be read.';
    throw new RotaError('INVALID_VALUE', problem, {
      field: 'url',
      remedy: 'Write postgres://user:password@host:5432/database, and / ? # @ in a password as %2F %3F %23 %40.',
    });
  }
}
