import { nowMs } from './clock.mjs';
import { completed, POOL, withCluster } from './cluster.mjs';
import { repeat, spreadOf } from './stats.mjs';

/** From the submit of many tiny tasks until the client knows every result. */
export function throughput(bench, agent) {
  const { tasks, repetitions } = bench.sizes;
  return withCluster(bench, `throughput-${agent.prefetch}`, agent, async (client) => {
    await run(client, Math.ceil(tasks / 4));
    const runs = await repeat(repetitions, () => run(client, tasks));
    return {
      ...agent,
      tasks,
      tasksPerSecond: spreadOf(runs.map(({ knownMs }) => (tasks * 1_000) / knownMs)),
      tablesPerSecond: spreadOf(runs.map(({ tablesMs }) => (tasks * 1_000) / tablesMs)),
    };
  });
}

async function run(client, count) {
  const tasks = Array.from({ length: count }, (_, i) => ({ pool: POOL, payload: { i } }));
  const startMs = nowMs();
  const ids = await client.submitMany(tasks);
  await Promise.all(ids.map((id) => completed(client, id)));
  const knownMs = nowMs() - startMs;
  // A read waits until the tables hold all that was committed: the next run starts with nothing left to do.
  await client.tasks({ limit: 1 });
  return { knownMs, tablesMs: nowMs() - startMs };
}
