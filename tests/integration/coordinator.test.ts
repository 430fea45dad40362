import { describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '#rota/clock.js';
import { createCoordinator } from '#rota/embed.js';
import type { Handler, Store } from '#rota/index.js';
import { encode, packedSize } from '#rota/protocol/codec.js';
import type { JournalRow } from '#rota/protocol/journal.js';
import { LIMITS } from '#rota/protocol/limits.js';
import { createMemoryStore } from '#rota/store/memory.js';
import { gate, Log } from '../support/signals.js';
import { World } from '../support/world.js';

/** The machine's clock, with the ticks of a coordinator in the test's hand. */
function steppedClock(): { clock: Clock; passMs(ms: number): void; tick(): void } {
  let offsetMs = 0;
  const ticks = new Set<() => void>();
  return {
    clock: {
      ...systemClock,
      monoMs: () => systemClock.monoMs() + offsetMs,
      every(_periodMs, fn) {
        ticks.add(fn);
        return () => ticks.delete(fn);
      },
    },
    passMs(ms) {
      offsetMs += ms;
    },
    tick() {
      for (const fn of ticks) fn();
    },
  };
}

/** A store whose `known`, once held, does not answer before the test lets it; what it says is of before, or of then. */
function heldKnown() {
  const store = createMemoryStore();
  const known = store.known.bind(store);
  const asked = gate();
  const go = gate();
  let held: 'answers' | 'question' | undefined;
  store.known = async (ids) => {
    const isHeld = held !== undefined;
    const early = held === 'question' ? undefined : await known(ids);
    if (isHeld) {
      asked.open();
      await go.passed;
    }
    return early ?? known(ids);
  };
  const hold = (what: typeof held = 'answers') => {
    held = what;
  };
  const letThrough = () => {
    held = undefined;
  };
  return { store, asked, go, hold, letThrough };
}

describe('a coordinator', () => {
  it('takes no task twice that memory forgets while the store is asked of another', async () => {
    await using world = await World.open('memory');
    const { store, asked, go, hold } = heldKnown();
    const time = steppedClock();
    await world.coordinator({ store, clock: time.clock });
    const runs: string[] = [];
    await world.agent('ann', ({ taskId }) => {
      runs.push(taskId);
    });
    const client = await world.client();
    await client.result(await client.submit({ pool: 'work', id: 'order-1' }));
    // From here on the next tick forgets it: it is in the tables, and ended long ago.
    time.tick();
    time.passMs(60_000);

    hold();
    const again = client.submitMany([
      { pool: 'work', id: 'order-1' },
      { pool: 'work', id: 'order-2' },
    ]);
    await asked.passed;
    time.tick();
    go.open();
    await again;
    await client.result('order-2');
    expect(runs).toEqual(['order-1', 'order-2']);
  });

  it('answers an assign that came twice as one, also when the second overtakes the first at the store', async () => {
    await using world = await World.open('memory');
    const { store, asked, go, hold, letThrough } = heldKnown();
    await world.coordinator({ store });
    await world.agent('ann', () => {}, { maxConcurrency: 1 });
    const client = await world.client();
    hold('question');
    const first = client.assign({ id: 'order-1', pool: 'work' });
    await asked.passed;
    letThrough();
    const second = await client.assign({ id: 'order-1', pool: 'work' });
    go.open();
    expect((await first).token).toBe(second.token);
    await second.complete();
    expect(await client.result('order-1')).toMatchObject({ status: 'completed', agentId: 'ann' });
  });

  it('gives nobody the id of a task that waits inside an orchestration', async () => {
    await using world = await World.open('memory');
    await world.coordinator({ store: 'none' });
    const client = await world.client();
    const { id, taskIds } = await client.orchestrate({
      name: 'two',
      tasks: [
        { key: 'a', pool: 'work' },
        { key: 'b', pool: 'work', dependsOn: ['a'] },
      ],
    });
    const other = await world.client();
    await other.submit({ pool: 'work', id: taskIds.b ?? '', payload: 'mine' });
    await world.agent('ann', ({ payload }) => payload);
    expect(await client.orchestrationResult(id)).toMatchObject({ status: 'completed' });
    expect((await client.task(taskIds.b ?? '')).payload).toBeNull();
  });

  it('stops although its store takes no commits, and says what is wrong when the store is gone', async () => {
    await using world = await World.open('memory');
    const store = createMemoryStore();
    const coordinator = await world.coordinator({ store });
    const client = await world.client({ patienceMs: 0 });
    await store.close();
    const refused = client.submit({ pool: 'work' }).catch(() => 'refused');
    expect(await coordinator.stopped).toMatchObject({ code: 'CLOSED' });
    await coordinator.stop();
    client.close();
    expect(await refused).toBe('refused');
  });

  it('asks for as long a lease as it needs to recover, once it knows', async () => {
    await using world = await World.open('memory');
    const store = createMemoryStore();
    const time = steppedClock();
    const asked = new Log<number>();
    const lead = store.lead.bind(store);
    store.lead = async (holder, leaseMs) => {
      const recovered = await lead(holder, leaseMs);
      if (recovered !== undefined) {
        time.passMs(60_000);
        asked.push(leaseMs);
      }
      return recovered;
    };
    const coordinator = await world.coordinator({ store, clock: time.clock, failoverMs: 300 });
    await coordinator.leading;
    await store.resign(coordinator.epoch);
    await lead('thief', 1);
    const [first, second] = await asked.reaches(2);
    expect(first).toBe(300);
    expect(second).toBeGreaterThanOrEqual(120_000);
  });

  it('leaves no timer behind that would keep its process alive', async () => {
    await using world = await World.open('memory');
    const timers = new Set<object>();
    const clock: Clock = {
      ...systemClock,
      after(delayMs, fn) {
        const timer = {};
        timers.add(timer);
        const cancel = systemClock.after(delayMs, fn);
        return () => {
          timers.delete(timer);
          cancel();
        };
      },
    };
    const coordinator = await world.coordinator({ store: 'none', clock });
    await coordinator.stop();
    expect(timers.size).toBe(0);
  });

  it('puts an agent into one pool, also when two registrations arrive together', async () => {
    await using world = await World.open('memory');
    await world.coordinator({ store: 'none' });
    const transport = await world.connect();
    const register = (pool: string) => {
      const frame = encode({ session: 's1', profile: { pool }, held: [] });
      return transport.request('rota.from.ann.register', frame, { timeoutMs: 5_000 });
    };
    const answers = await Promise.all([register('one'), register('two')]);
    const refused = answers.filter(({ data }) => Buffer.from(data).toString('latin1').includes('POOL_MISMATCH'));
    expect(refused).toHaveLength(1);
    expect(await (await world.client()).agents()).toMatchObject([{ id: 'ann', pool: 'one' }]);
  });

  it('refuses an orchestration that it could not answer questions about', async () => {
    await using world = await World.open('memory');
    await world.coordinator({ store: 'none' });
    const transport = await world.connect();
    const tasks = Array.from({ length: 5_000 }, (_, i) => ({ key: `node-${i}`, pool: 'work' }));
    const frame = encode({ orchestration: { id: 'big', name: 'big', tasks } });
    const { data } = await transport.request('rota.from.raw.orchestrate', frame, { timeoutMs: 5_000 });
    expect(Buffer.from(data).toString('latin1')).toContain('FRAME_TOO_LARGE');
    await expect((await world.client()).orchestration('big')).rejects.toMatchObject({ code: 'UNKNOWN_ORCHESTRATION' });
  });

  it.each([
    ['leaseMs', { leaseMs: 1000.5 }],
    ['heartbeatMs', { leaseMs: 1_000, heartbeatMs: 0 }],
    ['heartbeatMs', { leaseMs: 1_000, heartbeatMs: 501 }],
  ])('refuses a %s that agents could not keep', async (_name, timing) => {
    await using world = await World.open('memory');
    const starting = createCoordinator({ transport: await world.connect(), store: 'none', ...timing });
    await expect(starting).rejects.toMatchObject({ code: 'INVALID_VALUE' });
  });

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '7d'])('refuses a keepJournalMs of %s', async (value) => {
    await using world = await World.open('memory');
    const keepJournalMs = value as number;
    const starting = createCoordinator({ transport: await world.connect(), store: 'none', keepJournalMs });
    const message = `keepJournalMs is ${value}: whole milliseconds, 0 at least. Leave it out to keep the journal for ever.`;
    await expect(starting).rejects.toMatchObject({ code: 'INVALID_VALUE', field: 'keepJournalMs', message });
  });

  it('submits a graph that fans out in rows of a size that any store takes, also after another took over', async () => {
    await using world = await World.open('nats');
    const rows: JournalRow[] = [];
    const time = steppedClock();
    const first = await world.coordinator({ store: recordingTo(rows, await world.sqlite()), clock: time.clock });
    const hold = gate();
    const runs = new Log<string>();
    const large = Array(2).fill('x'.repeat(46_000));
    const handler: Handler = async ({ key = '' }) => {
      runs.push(key);
      if (key === 'top') return large;
      await hold.passed;
    };
    await world.agent('ann', handler, { maxConcurrency: 2 });
    const client = await world.client();
    const fan = Array.from({ length: 120 }, (_, i) => ({ key: `n${i}`, pool: 'work', dependsOn: ['top'] }));
    const { id } = await client.orchestrate({ name: 'fan', tasks: [{ key: 'top', pool: 'work' }, ...fan] });
    await runs.reaches(3);
    await first.stop();
    expect(submittedIn(rows)).toBeLessThan(fan.length);
    await world.coordinator({ store: recordingTo(rows, await world.sqlite()) });
    hold.open();
    const { status, nodes } = await client.orchestrationResult(id);
    expect(status).toBe('completed');
    expect(nodes.map(({ key, state }) => [key, state])).toEqual(
      ['top', ...fan.map(({ key }) => key)].map((key) => [key, 'completed']),
    );
    expect(submittedIn(rows)).toBe(fan.length + 1);
    const sizes = rows.map(({ events }) => packedSize(events));
    expect(Math.max(...sizes)).toBeLessThan(LIMITS.rowBytes + LIMITS.fanOutBytes);
  });
});

/** A store that notes the rows that it is given. */
function recordingTo(rows: JournalRow[], store: Store): Store {
  const append = store.append.bind(store);
  store.append = (row) => {
    rows.push(row);
    return append(row);
  };
  return store;
}

function submittedIn(rows: readonly JournalRow[]): number {
  return rows.flatMap(({ events }) => events).filter(({ type }) => type === 'taskSubmitted').length;
}
