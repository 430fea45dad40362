import { CLOCK, nowMs } from './clock.mjs';
import { completed, POOL, withCluster } from './cluster.mjs';
import { pace } from './pacer.mjs';
import { quantilesOf } from './stats.mjs';

/** How long one task takes while others come at a steady rate. All times count from when it was due to be sent. */
export function latency(bench, agent) {
  const { rate, seconds, warmUpSeconds } = bench.sizes;
  return withCluster(bench, 'latency', agent, async (client) => {
    const send = (dueMs) => one(client, dueMs);
    await pace({ rate, seconds: warmUpSeconds }, send);
    const samples = await pace({ rate, seconds }, send);
    const quantiles = (name) => quantilesOf(samples.map((sample) => sample[name]));
    const { store } = await client.status();
    return {
      ...agent,
      store,
      ratePerSecond: rate,
      clock: CLOCK,
      sentMs: quantiles('sentMs'),
      acknowledgedMs: quantiles('acknowledgedMs'),
      startedMs: quantiles('startedMs'),
      knownMs: quantiles('knownMs'),
    };
  });
}

async function one(client, dueMs) {
  const sentMs = nowMs() - dueMs;
  const id = await client.submit({ pool: POOL, payload: { dueMs } });
  const acknowledgedMs = nowMs() - dueMs;
  const { result: startMs } = await completed(client, id);
  return { sentMs, acknowledgedMs, startedMs: startMs - dueMs, knownMs: nowMs() - dueMs };
}
