import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { storeFailed } from './errors.js';
import type { Store } from './store.js';
import { openThreadedStore } from './threaded-store.js';

export interface SqliteOptions {
  /** The file; it and its folder are made where they are missing. */
  readonly path: string;
}

/** @throws RotaError STORE_FAILED, naming the path, when it can't be made, opened or is no database. */
export async function openSqlite({ path }: SqliteOptions): Promise<Store> {
  const file = resolve(path);
  try {
    await mkdir(dirname(file), { recursive: true });
  } catch (thrown) {
    throw storeFailed(file, thrown);
  }
  return openThreadedStore({
    script: new URL('./sqlite-worker.js', import.meta.url),
    data: { path: file },
    place: file,
    description: 'sqlite (WAL, synchronous=FULL)',
  });
}
