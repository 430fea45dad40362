import { expect, test } from 'vitest';
import { encode } from '#rota/protocol/codec.js';
import { createAgent } from '#rota/sdk/agent.js';
import { createMemoryBroker } from '#rota/transport/memory.js';
import { VirtualClock } from '../../support/virtual-clock.js';

const STEP_MS = 50;

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

test('an agent tells when no coordinator has served it for a lease, and when one does again', async () => {
  const clock = new VirtualClock();
  const broker = createMemoryBroker({ clock });
  const coordinator = broker.connect();
  let answers = false;
  coordinator.subscribe('rota.from.ann.*', ({ subject, reply = '' }) => {
    const timing = subject.endsWith('register') ? { heartbeatMs: 1_000, leaseMs: 4_000 } : {};
    if (answers) coordinator.publish(reply, encode({ revoked: [], ...timing }));
  });
  const told: unknown[] = [];
  const agent = createAgent({
    ...{ transport: broker.connect(), clock, id: 'ann', pool: 'work', handler: () => null },
    onContact: (contact) => told.push(contact),
  });
  const pass = async (does: boolean, ms: number) => {
    answers = does;
    for (let passed = 0; passed < ms; passed += STEP_MS) await clock.advance(STEP_MS);
    return told.splice(0);
  };
  // There is nothing to lose before somebody answered.
  expect(await pass(false, 20_000)).toEqual([]);
  expect(await pass(true, 10_000)).toEqual([]);
  expect(await pass(false, 2_000)).toEqual([]);
  expect(await pass(true, 10_000)).toEqual([]);
  expect(await pass(false, 20_000)).toEqual(['lost']);
  expect(await pass(true, 10_000)).toEqual(['found']);
  // What is under way when it stops tells nothing any more.
  expect(await pass(false, 3_500)).toEqual([]);
  void agent.stop();
  expect(await pass(false, 5_000)).toEqual([]);
});
