import { join } from 'node:path';
import { connectNats, createClient } from '../dist/index.js';

export const POOL = 'bench';
const AGENTS = 4;

/**
 * Runs `use` with a coordinator on a store of its own, four agents and a client. Each row has its own, so
 * that none pays for what another left behind.
 */
export async function withCluster({ processes, url, folder, profile }, name, agent, use) {
  const options = { url, file: join(folder, `${name}.db`) };
  const file = new URL('./coordinator.mjs', import.meta.url);
  const coordinator = await processes.start(file, options, profiled(profile, name));
  const ids = Array.from({ length: AGENTS }, (_, i) => `agent-${i + 1}`);
  const agents = await Promise.all(
    ids.map((id) => processes.start(new URL('./agent.mjs', import.meta.url), { url, id, pool: POOL, ...agent })),
  );
  const transport = await connectNats({ servers: url });
  const client = createClient({ transport });

  const result = await use(client);

  client.close();
  await transport.close();
  await Promise.all(agents.map(({ stop }) => stop()));
  await coordinator.stop();
  return result;
}

/** What Node needs to be told to write a profile there. */
export function profiled(folder, name) {
  return folder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(folder, name)}`];
}

/** The outcome of a task, which has to be good: the time of a failure is worth nothing. */
export async function completed(client, taskId) {
  const outcome = await client.result(taskId);
  if (outcome.status === 'completed') return outcome;
  throw new Error(`Task ${taskId} is ${outcome.status}: ${outcome.error?.message ?? 'no reason given'}`);
}
