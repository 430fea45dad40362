import { expect, test } from 'vitest';
import { createAgent } from '#rota/sdk/agent.js';
import { createMemoryBroker } from '#rota/transport/memory.js';
import { VirtualClock } from '../../support/virtual-clock.js';

test('an agent that stops waits two seconds at most for a coordinator that hears it and does not answer', async () => {
  const clock = new VirtualClock();
  const broker = createMemoryBroker({ clock });
  const verbs: string[] = [];
  broker.connect().subscribe('rota.from.>', ({ subject }) => void verbs.push(subject.split('.')[3] ?? ''));
  const agent = createAgent({ transport: broker.connect(), clock, id: 'ann', pool: 'work', handler: () => null });
  let hasStopped = false;
  void agent.stop().then(() => {
    hasStopped = true;
  });
  await clock.advance(1_000);
  expect(verbs).toContain('leave');
  expect(hasStopped).toBe(false);
  await clock.advance(1_000);
  expect(hasStopped).toBe(true);
});
