import { join } from 'node:path';
import { openPostgres, openSqlite } from '#rota/index.js';
import type { Store } from '#rota/store/store.js';
import { type PrivatePostgres, startPrivatePostgres } from '../../scripts/private-postgres.mjs';

export const DATABASES = ['sqlite', 'postgres'] as const;
export type DatabaseKind = (typeof DATABASES)[number];

/** Where a cluster keeps its tasks, and the process that keeps them, where that is one of its own. */
export interface Database extends AsyncDisposable {
  /** As `--store` names it. */
  readonly place: string;
  readonly server?: Pick<PrivatePostgres, 'restart' | 'kill' | 'signal'>;
  open(): Promise<Store>;
}

export async function startDatabase(kind: DatabaseKind, folder: string): Promise<Database> {
  if (kind === 'sqlite') return sqliteIn(folder);
  const server = await startPrivatePostgres();
  const place = await server.createDatabase();
  const open = () => openPostgres({ url: place });
  return { place, server, open, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

export function sqliteIn(folder: string): Database {
  const place = join(folder, 'rota.db');
  return { place, open: () => openSqlite({ path: place }), [Symbol.asyncDispose]: async () => {} };
}
