import { describe, expect, it } from 'vitest';
import { type Handler, PermanentError, type Update } from '#rota/index.js';
import { gate, Log, rejection } from '../../support/signals.js';
import { TRANSPORTS, World } from '../../support/world.js';

const node = (key: string, ...dependsOn: string[]) => ({ key, pool: 'work', dependsOn });
const DIAMOND = [node('top'), node('left', 'top'), node('right', 'top'), node('bottom', 'left', 'right')];

/** Answers its key around what it was given. */
const nest: Handler = ({ key = '?', inputs = {} }) => `${key}(${Object.values(inputs).join()})`;

describe.each(TRANSPORTS)('orchestrations over %s', (kind) => {
  it('runs a graph in order and hands results on as inputs', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    await world.agent('ann', nest, { maxConcurrency: 2 });
    const client = await world.client();
    const { id, taskIds } = await client.orchestrate({ name: 'diamond', tasks: DIAMOND });
    const outcome = await client.orchestrationResult(id);
    expect(outcome.status).toBe('completed');
    expect(outcome.nodes.map(({ key, state }) => [key, state])).toEqual(DIAMOND.map(({ key }) => [key, 'completed']));
    const bottom = await client.result(taskIds.bottom ?? '');
    expect(bottom.result).toBe('bottom(left(top()),right(top()))');
  });

  it('skips what depends on a task that failed, and runs the rest', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    await world.agent('ann', ({ key = '' }) => {
      if (key === 'left') throw new PermanentError('no');
      return key;
    });
    const client = await world.client();
    const { id } = await client.orchestrate({ name: 'diamond', tasks: DIAMOND });
    const { status, nodes } = await client.orchestrationResult(id);
    const states = Object.fromEntries(nodes.map(({ key, state }) => [key, state]));
    expect(status).toBe('failed');
    expect(states).toEqual({ top: 'completed', left: 'failed', right: 'completed', bottom: 'skipped' });
  });

  it('tells other clients, those that came later, and who watches', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    const hold = gate();
    await world.agent('ann', () => hold.passed);
    const client = await world.client();
    const updates = new Log<Update>();
    client.onUpdate(updates.push);
    const { id } = await client.orchestrate({ id: 'one', name: 'one', tasks: [node('a')] });
    const early = (await world.client()).orchestrationResult(id);
    hold.open();
    expect((await client.orchestrationResult(id)).status).toBe('completed');
    const ended = await updates.first((update) => update.kind === 'orchestration');
    expect(ended.event).toEqual({ orchestrationId: 'one', status: 'completed', skipped: [] });
    expect((await early).status).toBe('completed');
    expect((await (await world.client()).orchestrationResult(id)).status).toBe('completed');
    expect((await rejection(client.orchestrationResult('nobody'))).code).toBe('UNKNOWN_ORCHESTRATION');
  });

  it('takes a repeated orchestration once', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    const runs = new Log<string>();
    await world.agent('ann', ({ key = '' }) => runs.push(key));
    const client = await world.client();
    const graph = { id: 'one', name: 'one', tasks: DIAMOND };
    const first = await client.orchestrate(graph);
    expect(first.duplicate).toBe(false);
    expect(await client.orchestrate(graph)).toEqual({ ...first, duplicate: true });
    await client.orchestrationResult('one');
    expect(await client.orchestrate(graph)).toEqual({ ...first, duplicate: true });
    const other = { ...graph, tasks: DIAMOND.slice(0, 1) };
    await expect(client.orchestrate(other)).rejects.toMatchObject({ code: 'INVALID_VALUE', field: 'orchestration.id' });
    expect((await client.orchestrationResult('one')).status).toBe('completed');
    expect(runs.items).toHaveLength(DIAMOND.length);
  });

  it.each(['abort', 'drain'] as const)('cancels with %s', async (mode) => {
    await using world = await World.open(kind);
    await world.coordinator();
    const started = gate<AbortSignal>();
    const hold = gate();
    await world.agent('ann', async (_, { signal }) => {
      started.open(signal);
      await hold.passed;
      return 'done';
    });
    const client = await world.client();
    const { id } = await client.orchestrate({ name: 'line', tasks: [node('first'), node('second', 'first')] });
    const signal = await started.passed;
    await client.cancelOrchestration(id, mode);
    if (mode === 'drain') expect((await client.orchestration(id)).orchestration.status).toBe('cancelling');
    hold.open();
    const { status, nodes } = await client.orchestrationResult(id);
    expect(status).toBe('cancelled');
    expect(nodes.map(({ state }) => state)).toEqual([mode === 'abort' ? 'cancelled' : 'completed', 'skipped']);
    if (mode === 'drain') expect(signal.aborted).toBe(false);
  });

  it('refuses a graph that has a cycle, or names a task that it lacks', async () => {
    await using world = await World.open(kind);
    await world.coordinator();
    const client = await world.client();
    const cyclic = client.orchestrate({ name: 'cycle', tasks: [node('a', 'b'), node('b', 'a')] });
    expect((await rejection(cyclic)).message).toMatch(/a.*b/);
    const lacking = client.orchestrate({ name: 'lack', tasks: [node('a', 'c')] });
    expect((await rejection(lacking)).message).toMatch(/orchestration\.tasks\.a\.dependsOn\[0\]/);
    expect(await client.tasks()).toEqual([]);
  });
});
