// Agents chosen by a scorer of one's own, and what happens when it fails.
import { createAgent, createClient, createCoordinator, createMemoryBroker, systemClock } from 'rota';

const scorer = (file) => new URL(file, import.meta.url).href;

const transport = createMemoryBroker({ clock: systemClock }).connect();
const coordinator = await createCoordinator({
  transport,
  store: 'none',
  policies: {
    // The default is 50 ms. Here nothing depends on it, and the example is to print the same on a busy machine.
    defaults: { strategy: 'weighted', rotationWindowMinutes: 0, scoring: { deadlineMs: 5_000 } },
    pools: {
      translators: { scoring: { scorer: scorer('score.mjs') } },
      writers: { scoring: { scorer: scorer('broken.mjs') } },
    },
  },
});
const client = createClient({ transport });

// A handler that ends when the example does: what an agent holds is what the scorer sees.
const end = new AbortController();
const handler = () => new Promise((resolve) => end.signal.addEventListener('abort', () => resolve(null)));
const agents = [
  createAgent({ transport, id: 'ann', pool: 'translators', maxConcurrency: 4, handler }),
  createAgent({ transport, id: 'ben', pool: 'translators', maxConcurrency: 2, specializations: ['poem'], handler }),
  createAgent({ transport, id: 'eva', pool: 'writers', handler }),
  createAgent({ transport, id: 'joe', pool: 'writers', specializations: ['poem'], handler }),
];
for (const agent of agents) await agent.ready;

/** Submits a poem and tells who got it, and why. */
async function poem(pool) {
  const assigned = new Promise((resolve) => {
    const end = client.onUpdate(({ kind, event }) => {
      if (kind !== 'task' || event.status !== 'assigned') return;
      end();
      resolve();
    });
  });
  const taskId = await client.submit({ pool, workType: 'poem' }, { watch: 'all' });
  await assigned;
  const [{ agentId, score, fallback }] = await client.decisions({ taskId });
  console.log(`${pool}: ${agentId} with ${score} points${fallback ? `; ${fallback.kind}: ${fallback.reason}` : ''}`);
}

await poem('translators'); // ben: 100 + 30
await poem('translators'); // ann: 100, ben has half of his slots: 50 + 30
await poem('translators'); // ben: 50 + 30, ann has three of four: 75
await poem('writers'); // the built-in scorer prefers the specialist

end.abort();
for (const agent of agents) await agent.drain();
client.close();
await coordinator.stop();
