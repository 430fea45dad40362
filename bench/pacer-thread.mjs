import { parentPort, workerData } from 'node:worker_threads';
import { nowMs } from './clock.mjs';

const { startMs, rate, count } = workerData;
const never = new Int32Array(new SharedArrayBuffer(4));

for (let i = 0; i < count; i++) {
  const dueMs = startMs + (i * 1_000) / rate;
  for (let waitMs = dueMs - nowMs(); waitMs > 0; waitMs = dueMs - nowMs()) Atomics.wait(never, 0, 0, waitMs);
  parentPort.postMessage(dueMs);
}
