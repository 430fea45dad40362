import { RotaError } from '../protocol/errors.js';
import { createMemoryStore } from './memory.js';
import { openPostgres, postgresPlace } from './postgres.js';
import { openSqlite } from './sqlite.js';
import type { Store } from './store.js';

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/**
 * Opens the store that settings and command lines name: `none` for memory, the address of a PostgreSQL database, or
 * the path of a SQLite file.
 *
 * @throws RotaError INVALID_VALUE for an address of something else; STORE_FAILED, naming the place, when it can't be opened.
 */
export async function openStore(place: string): Promise<Store> {
  switch (kindOf(place)) {
    case 'memory':
      return createMemoryStore();
    case 'postgres':
      return openPostgres({ url: place });
    case 'sqlite':
      return openSqlite({ path: place });
  }
}

/** @throws RotaError INVALID_VALUE for an address of something else. */
export function kindOf(place: string): 'memory' | 'postgres' | 'sqlite' {
  if (place === 'none') return 'memory';
  if (/^postgres(ql)?:\/\//i.test(place)) return 'postgres';
  const [scheme] = SCHEME.exec(place) ?? [];
  if (scheme === undefined) return 'sqlite';
  // What stands behind it may be a password.
  throw new RotaError('INVALID_VALUE', `The store is ${scheme}…, which rota has no driver for.`, {
    field: 'store',
    remedy: 'Name the path of a SQLite file, postgres://user:password@host:5432/database, or none.',
  });
}

/** The place as it may be shown: an address without who logs in, and how. @throws RotaError INVALID_VALUE */
export function storePlace(place: string): string {
  return kindOf(place) === 'postgres' ? postgresPlace(place) : place;
}
