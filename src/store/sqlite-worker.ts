import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../clock.js';
import { storeFailed } from './errors.js';
import type { SqliteMessage, SqliteRequest } from './sqlite-calls.js';
import { Connection } from './sqlite-connection.js';
import { SqliteEngine } from './sqlite-engine.js';

/** The thread that owns the file: SQLite blocks while it waits for the disk, and blocks only this. */
const port = parentPort;
const { path } = workerData as { readonly path: string };
if (port === null) throw new Error('sqlite-worker runs as a worker thread only.');

const send = (message: SqliteMessage) => port.postMessage(message);
try {
  const engine = new SqliteEngine(new Connection(path), systemClock, send, () => port.close());
  engine.start();
  port.on('message', (request: SqliteRequest) => engine.receive(request));
} catch (thrown) {
  send({ kind: 'refused', error: storeFailed(path, thrown).toWire() });
}
