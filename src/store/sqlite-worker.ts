import { workerData } from 'node:worker_threads';
import { systemClock } from '../clock.js';
import { serve } from './serve.js';
import { Connection } from './sqlite-connection.js';
import { SqliteEngine } from './sqlite-engine.js';

/** The thread that owns the file: SQLite blocks while it waits for the disk, and blocks only this. */
const { path } = workerData as { readonly path: string };
await serve(path, (near) => new SqliteEngine(new Connection(path), systemClock, near));
