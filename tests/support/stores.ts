import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JournalEvent, JournalRow, Recovered } from '#rota/protocol/journal.js';
import type { Store } from '#rota/store/store.js';

export interface StoreUnderTest extends AsyncDisposable {
  readonly store: Store;
}

/** Gives an empty store. */
export type Open = () => Promise<StoreUnderTest>;

/** A folder of a test's own, gone when the test ends. */
export async function temporaryFolder(): Promise<AsyncDisposable & { file(name: string): string }> {
  const folder = await mkdtemp(join(tmpdir(), 'rota-store-'));
  return {
    file: (name) => join(folder, name),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Takes leadership with a lease that is over at once: the next one may. */
export async function take(store: Store, holder: string): Promise<Recovered> {
  const recovered = await store.lead(holder, 0);
  if (recovered === undefined) throw new Error(`${holder} could not lead.`);
  return recovered;
}

/** Appends events as one row each call, with the next seq. */
export async function leadAs(store: Store, holder: string) {
  const recovered = await take(store, holder);
  let seq = recovered.seq;
  return {
    recovered,
    row: (...events: JournalEvent[]): JournalRow => ({ seq: ++seq, epoch: recovered.epoch, events }),
  };
}

/** Appends a history that was made for epoch 1 and an empty journal, all rows at once. */
export async function appendAll(store: Store, rows: readonly JournalRow[]): Promise<void> {
  await Promise.all(rows.map((row) => store.append(row)));
}
