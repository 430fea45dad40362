import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { RotaError } from '../protocol/errors.js';
import { createMemoryStore } from './memory.js';
import { openPostgres, postgresPlace } from './postgres.js';
import { openSqlite } from './sqlite.js';
import type { Store } from './store.js';

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;
/** What begins like an address and is none, such as one with a slash or its quotes too few or many. */
const NEARLY_POSTGRES = /^['"\s]*postgre\w*\s*(:|\/\/)/i;
const REMEDY = 'Name the path of a SQLite file, postgres://user:password@host:5432/database, or none.';

/**
 * Opens the store that settings and command lines name: `none` for memory, the address of a PostgreSQL database, or
 * the path of a SQLite file.
 *
 * @throws RotaError INVALID_VALUE for an address of something else, or a folder; STORE_FAILED, naming the place, when it
 *   can't be opened.
 */
export async function openStore(place: string): Promise<Store> {
  await assertPlace(place);
  switch (kindOf(place)) {
    case 'memory':
      return createMemoryStore();
    case 'postgres':
      return openPostgres({ url: place });
    case 'sqlite':
      return openSqlite({ path: place });
  }
}

/** Opens and makes nothing. @throws RotaError INVALID_VALUE for what names no store. */
export async function assertPlace(place: string): Promise<void> {
  const kind = kindOf(place);
  if (kind === 'postgres') postgresPlace(place);
  if (kind !== 'sqlite') return;
  const found = await stat(place).catch(() => undefined);
  if (!found?.isDirectory()) return;
  const file = join(place, 'rota.db');
  throw invalid(`The store is ${resolve(place)}, which is a folder.`, `Name a file in it, such as ${file}.`);
}

/** @throws RotaError INVALID_VALUE for an address of something else. */
export function kindOf(place: string): 'memory' | 'postgres' | 'sqlite' {
  if (place === 'none') return 'memory';
  if (place.trim() === '') throw invalid('The store is empty.', REMEDY);
  if (/^postgres(ql)?:\/\//i.test(place)) return 'postgres';
  const [scheme] = SCHEME.exec(place) ?? [];
  // What stands behind it may be a password.
  if (scheme !== undefined) throw invalid(`The store is ${scheme}…, which rota has no driver for.`, REMEDY);
  if (!NEARLY_POSTGRES.test(place)) return 'sqlite';
  const remedy = 'Write postgres://user:password@host:5432/database, or ./ before the path of a SQLite file.';
  throw invalid(
    'The store looks like the address of a PostgreSQL database, and does not begin with postgres://.',
    remedy,
  );
}

function invalid(problem: string, remedy: string): RotaError {
  return new RotaError('INVALID_VALUE', problem, { field: 'store', remedy });
}

/** The place as it may be shown: an address without who logs in, and how. @throws RotaError INVALID_VALUE */
export function storePlace(place: string): string {
  return kindOf(place) === 'postgres' ? postgresPlace(place) : place;
}
