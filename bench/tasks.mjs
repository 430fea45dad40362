import { durableCommit, requestReply } from './floors.mjs';
import { latency } from './latency.mjs';
import { throughput } from './throughput.mjs';

const CONCURRENCY = 16;
const PREFETCHES = [0, 64];

/** What four agents, each a process, get done, beside the floors of what it stands on. */
export async function tasks(bench, say) {
  say('Floor A: NATS request/reply …');
  const floorA = await requestReply(bench);
  say('Floor B: durable commits …');
  const floorB = await durableCommit(bench);
  const all = [];
  for (const prefetch of PREFETCHES) {
    say(`Throughput, prefetch ${prefetch} …`);
    const row = await throughput(bench, { maxConcurrency: CONCURRENCY, prefetch });
    all.push({ ...row, ofFloor: row.tasksPerSecond.median / floorA.pipelined.perSecond.median });
  }
  say('Latency …');
  const row = await latency(bench, { maxConcurrency: CONCURRENCY, prefetch: 0 });
  const ratiosTo = (floorMs) => ({ started: ratio(row.startedMs, floorMs), known: ratio(row.knownMs, floorMs) });
  return {
    requestReply: floorA,
    durableCommit: floorB,
    throughput: all,
    latency: { ...row, ofFloor: ratiosTo(floorA.oneAtATimeMs), ofPacedFloor: ratiosTo(floorA.pacedMs) },
  };
}

function ratio(quantiles, floor) {
  const { p50, p95, p99, max } = quantiles;
  return { p50: p50 / floor.p50, p95: p95 / floor.p95, p99: p99 / floor.p99, max: max / floor.max };
}
