import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../until.js';
import { Bench, cases, isSprung, OF_AGENTS, OF_CLIENTS, trap } from './bench.js';

describe('an agent', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start('sqlite');
  });
  afterAll(() => bench.cluster.end());

  test.each(cases(OF_AGENTS))('at %s: %s', async (name, action) => {
    const agent = bench.cluster.agents.get('agent-1') ?? expect.fail('There is no agent-1.');
    await agent.kill();
    await agent.start(trap(name, action));
    if (action === 'kill') agent.child.mayDie();
    bench.workload.start();
    expect(await agent.child.says(isSprung(name, action))).toBe(true);
    if (action === 'kill') await agent.child.ended.then(() => agent.start());
    await bench.expectProgress();
  });

  test('keeps what was told in all of these', () => bench.expectKept());
});

describe('a client', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start('sqlite');
  });
  afterAll(() => bench.cluster.end());

  test.each(cases(OF_CLIENTS))('at %s: %s', async (name, action) => {
    const id = `${name.replace('.', '-')}-${action.replace(':', '-')}`;
    const client = bench.cluster.startClient(id, trap(name, action));
    await until('the client to end', client.ended);
    expect(client.lines.some(isSprung(name, action))).toBe(true);
    // Run again, it submits under the same ids, and is told how those ended that it knew of and those that it did not.
    const again = bench.cluster.startClient(id);
    await until('the client to end', again.ended);
    expect(again.lines.at(-1)).toBe('{"told":"everything"}');
    await bench.expectProgress();
  });

  test('keeps what was told in all of these', () => bench.expectKept());
});
