// Appends rows to a store until it is killed, and prints each seq once it was acknowledged.
import { openStore } from '#rota/store/open.js';

const store = await openStore(process.argv[2]);
const { epoch, seq } = await store.lead('writer', 0);
const report = (line) => new Promise((resolve) => process.stdout.write(`${line}\n`, resolve));

for (let n = seq + 1; ; n++) {
  await store.append({ seq: n, epoch, events: events(n) });
  await report(n);
}

function events(n) {
  const atMs = 1_700_000_000_000 + n;
  const task = {
    id: `task-${n}`,
    pool: 'alpha',
    workType: 'default',
    capabilities: [],
    roles: [],
    excludeAgents: [],
    priority: 3,
    payload: { n },
    maxAttempts: 3,
    backoffMs: 0,
    submittedBy: 'writer',
    watch: 'end',
    order: n,
    createdAtMs: atMs,
  };
  return [{ type: 'taskSubmitted', atMs, task }];
}
