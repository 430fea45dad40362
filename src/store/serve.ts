import { parentPort } from 'node:worker_threads';
import type { StoreMessage, StoreRequest } from './calls.js';
import { storeFailed } from './errors.js';

/** What a thread does for its store. Every request is answered once, whatever happens. */
export interface Engine {
  /** Opens the database, and says where the tables stand. Where it fails it leaves nothing open. */
  start(): void | Promise<void>;
  receive(request: StoreRequest): void;
}

/** How an engine talks to the near side. */
export interface NearSide {
  send(message: StoreMessage): void;
  /** The engine has closed its database: the thread may end. */
  end(): void;
}

/** What the near side hears of tables that can't follow the journal, and of those that do again. */
export function trouble(place: string, failure?: { readonly thrown: unknown }): StoreMessage {
  return failure === undefined
    ? { kind: 'following' }
    : { kind: 'failing', error: storeFailed(place, failure.thrown).toWire() };
}

/** Runs an engine as this thread: the far side of `StoreThread`. `place` says which store, for errors. */
export async function serve(place: string, create: (near: NearSide) => Engine): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('A store is served by a worker thread only.');
  const send = (message: StoreMessage) => port.postMessage(message);
  try {
    const engine = create({ send, end: () => port.close() });
    await engine.start();
    send({ kind: 'opened' });
    port.on('message', (request: StoreRequest) => engine.receive(request));
  } catch (thrown) {
    send({ kind: 'refused', error: storeFailed(place, thrown).toWire() });
  }
}
