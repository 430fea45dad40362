import { workerData } from 'node:worker_threads';
import { systemClock } from '../clock.js';
import { Connections } from './postgres-connections.js';
import { PostgresEngine } from './postgres-engine.js';
import { serve } from './serve.js';

/** The thread that talks to the database: what it writes and reads there costs as much to put together as to send. */
const { url, place } = workerData as { readonly url: string; readonly place: string };
await serve(place, (near) => new PostgresEngine(new Connections(url, place, systemClock), systemClock, near));
