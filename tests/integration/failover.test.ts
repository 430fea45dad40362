import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import Database from 'libsql';
import { describe, expect, it } from 'vitest';
import { type Client, connectNats, createAgent, type Handler, type Store } from '#rota/index.js';
import type { SubscribeOptions } from '#rota/transport/transport.js';
import { heardLog } from '../support/heard-log.js';
import { Lossy, says } from '../support/lossy.js';
import { pausable } from '../support/pausable.js';
import { gate, Log } from '../support/signals.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { World } from '../support/world.js';
import { type Rota, rota, rotaToEnd } from './cli/harness.js';

/** Where the lead is to change hands because its holder is gone. */
const FAILOVER_MS = 500;
/** Where nobody may get it by waiting: only because it was given back. */
const NEVER_MS = 600_000;
const TASKS = 60;
const batch = () => Array.from({ length: TASKS }, (_, i) => ({ pool: 'work', payload: i }));

/** A world in which the command line starts coordinators, as processes of their own, on one store. */
class Stage implements AsyncDisposable {
  readonly world: World;
  readonly #processes: Rota[] = [];

  private constructor(world: World) {
    this.world = world;
  }

  static async open(): Promise<Stage> {
    return new Stage(await World.open('nats'));
  }

  async up(failoverMs = FAILOVER_MS): Promise<Rota> {
    const at = ['--nats', this.world.nats.url, '--store', await this.#storePath(), '--failover-ms', String(failoverMs)];
    const coordinator = rota(['up', ...at]);
    this.#processes.push(coordinator);
    await coordinator.says(/Ctrl-C; twice/);
    return coordinator;
  }

  /** Pauses a coordinator outside of its transactions: inside of one it would hold the lock of the file. */
  async stop({ child }: Rota): Promise<void> {
    const database = new Database(await this.#storePath());
    for (;;) {
      child.kill('SIGSTOP');
      if (isUnlocked(database)) break;
      child.kill('SIGCONT');
      await pause(1);
    }
    database.close();
  }

  async #storePath(): Promise<string> {
    return join(await this.world.folder(), 'rota.db');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#processes) await process[Symbol.asyncDispose]();
    await this.world[Symbol.asyncDispose]();
  }
}

function isUnlocked(database: Database.Database): boolean {
  try {
    database.exec('BEGIN IMMEDIATE; ROLLBACK');
    return true;
  } catch {
    return false;
  }
}

function leads({ says }: Rota, epoch: number): Promise<unknown> {
  return says(new RegExp(`"epoch":${epoch},.*"msg":"leading"`));
}

/** Each of these tasks has its own payload as its result, accepted once. */
async function expectResults(client: Client, ids: readonly string[]): Promise<void> {
  const outcomes = await Promise.all(ids.map((id) => client.result(id)));
  expect(outcomes.map(({ result }) => result)).toEqual(ids.map((_, i) => i));
  const details = await Promise.all(ids.map((id) => client.task(id)));
  for (const { attempts } of details) {
    expect(attempts.filter(({ outcome }) => outcome === 'completed')).toHaveLength(1);
  }
}

async function epochsOf(store: Store): Promise<number[]> {
  return (await store.rows(0, 100_000)).map(({ epoch }) => epoch);
}

/** Counts, and has the first tasks wait at the gate. */
function gated(runs: Log<string>, hold: Promise<void>): Handler {
  return async ({ taskId, payload }) => {
    runs.push(taskId);
    await hold;
    return payload;
  };
}

describe('a coordinator that stands by, as processes', () => {
  it('takes over from one that is killed, with all that was under way', async () => {
    await using stage = await Stage.open();
    const { world } = stage;
    const leader = await stage.up();
    const standby = await stage.up();
    expect(leader.stdout).toContain('is up');
    expect(standby.stdout).toContain('stands by');
    const runs = new Log<string>();
    const hold = gate();
    const agent = await world.agent('ann', gated(runs, hold.passed), { maxConcurrency: 4 });
    const client = await world.client();
    const ids = await client.submitMany(batch());
    await runs.reaches(4);
    leader.child.kill('SIGKILL');
    await leader.exit;
    // Said to nobody, or to one that is gone.
    const late = client.submit({ pool: 'work', payload: TASKS });
    hold.open();
    await leads(standby, 2);
    await expectResults(client, [...ids, await late]);
    expect(runs.items.toSorted()).toEqual([...ids, await late].toSorted());
    await agent.stop();
  });

  it('takes over from one that is stopped in its tracks, which leads again when it is its turn', async () => {
    await using stage = await Stage.open();
    const { world } = stage;
    const first = await stage.up();
    const second = await stage.up();
    const runs = new Log<string>();
    const hold = gate();
    await world.agent('ann', gated(runs, hold.passed), { maxConcurrency: 4 });
    const client = await world.client();
    const ids = await client.submitMany(batch());
    await runs.reaches(4);
    await stage.stop(first);
    // Its connection is up still: what is asked now waits in vain until the second leads.
    const asked = client.submit({ pool: 'work', payload: TASKS });
    hold.open();
    await leads(second, 2);
    const all = [...ids, await asked];
    const store = await world.sqlite();
    const before = await epochsOf(store);
    first.child.kill('SIGCONT');
    await first.says(/no longer leading; standing by/);
    await expectResults(client, all);
    const after = await epochsOf(store);
    expect(after.slice(0, before.length)).toEqual(before);
    expect(new Set(after.slice(before.length))).not.toContain(1);
    expect(after).toEqual(after.toSorted((a, b) => a - b));

    second.child.kill('SIGINT');
    expect(await second.exit).toBe(0);
    await leads(first, 3);
    const again = await client.submit({ pool: 'work', payload: 'again' });
    expect((await client.result(again)).result).toBe('again');
  });

  it('answers from the store while nobody leads', async () => {
    await using stage = await Stage.open();
    const { world } = stage;
    const leader = await stage.up(NEVER_MS);
    await world.agent('ann', ({ payload }) => payload);
    const client = await world.client({ patienceMs: 0 });
    const done = await client.submit({ pool: 'work', payload: 1 });
    await client.result(done);
    await stage.up(NEVER_MS);
    leader.child.kill('SIGKILL');
    await leader.exit;

    expect(await client.status()).toMatchObject({ state: 'standby', epoch: 1, pools: [] });
    expect(await client.tasks()).toMatchObject([{ id: done, status: 'completed' }]);
    expect(await client.task(done)).toMatchObject({ result: 1, attempts: [{ agentId: 'ann' }] });
    expect(await client.agents()).toMatchObject([{ id: 'ann', pool: 'work' }]);
    expect(await client.decisions()).toMatchObject([{ taskId: done, agentId: 'ann' }]);
    expect(await client.performance()).toMatchObject([{ agentId: 'ann', successCount: 1 }]);
    expect(await client.explain(done)).toMatchObject({ status: 'completed', asOf: 'decision' });
    expect(await client.replay(done)).toMatchObject({ same: true });
    // What only a leader counts, and what only a leader may do.
    await expect(client.metrics()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(client.submit({ pool: 'work' })).rejects.toMatchObject({ code: 'NO_COORDINATOR' });

    const at = ['--nats', world.nats.url, '--patience-ms', '0'];
    const shown = await rotaToEnd(['show', done, ...at]);
    expect(shown).toMatchObject({ code: 0, stdout: expect.stringMatching(/^status +completed$/m) });
    const listed = await rotaToEnd(['tasks', ...at]);
    expect(listed).toMatchObject({ code: 0, stdout: expect.stringContaining(done) });
  });
});

describe('a coordinator that stops', () => {
  it('hands over at once, and what is under way ends once', async () => {
    await using world = await World.open('nats');
    const first = await world.coordinator({ store: await world.sqlite(), failoverMs: NEVER_MS });
    const second = await world.coordinator({ store: await world.sqlite(), failoverMs: NEVER_MS });
    expect([first.state, second.state]).toEqual(['leading', 'standby']);
    const runs = new Log<string>();
    const hold = gate();
    await world.agent('ann', gated(runs, hold.passed), { maxConcurrency: 4 });
    const client = await world.client();
    const ids = await client.submitMany(batch());
    await runs.reaches(4);
    const stopped = first.stop();
    const late = client.submit({ pool: 'work', payload: TASKS });
    await stopped;
    expect(await first.stopped).toBe(undefined);
    await second.leading;
    expect(second).toMatchObject({ state: 'leading', epoch: first.epoch + 1 });
    hold.open();
    await expectResults(client, [...ids, await late]);
    expect(runs.items.toSorted()).toEqual([...ids, await late].toSorted());
  });

  it('hands over to one of those that stand by, and that one to the other', async () => {
    await using world = await World.open('nats');
    const start = async () => world.coordinator({ store: await world.sqlite(), failoverMs: NEVER_MS });
    const first = await start();
    const others = [await start(), await start()];
    await first.stop();
    await Promise.race(others.map(({ leading }) => leading));
    expect(others.map(({ state }) => state).toSorted()).toEqual(['leading', 'standby']);
    const [second, third] = others.toSorted((a, b) => b.epoch - a.epoch);
    await second?.stop();
    await third?.leading;
    expect(third).toMatchObject({ state: 'leading', epoch: 3 });
  });

  it('tells who waited for it to lead that it never will', async () => {
    await using world = await World.open('nats');
    await world.coordinator({ store: await world.sqlite() });
    const standby = await world.coordinator({ store: await world.sqlite() });
    const { leading } = standby;
    await standby.stop();
    await expect(leading).rejects.toMatchObject({ code: 'CLOSED' });
    expect(standby).toMatchObject({ state: 'stopped', epoch: 0 });
  });

  it('does so by itself when its connection is closed', async () => {
    await using world = await World.open('nats');
    const transport = await world.connect();
    const first = await world.coordinator({ transport, store: await world.sqlite(), failoverMs: NEVER_MS });
    const second = await world.coordinator({ store: await world.sqlite(), failoverMs: 1_200 });
    await transport.close();
    expect(await first.stopped).toMatchObject({ code: 'CLOSED' });
    await second.leading;
  });
});

/** A connection on which a coordinator does not hear the questions that any may answer. */
class Unasked extends Lossy {
  override subscribe(subject: string, handler: Parameters<Lossy['subscribe']>[1], options?: SubscribeOptions) {
    return subject.includes('.ask.') ? () => {} : super.subscribe(subject, handler, options);
  }
}

it('one that stands by passes on what the leader knows better', async () => {
  await using world = await World.open('nats');
  const transport = new Unasked(await world.connect());
  const leader = await world.coordinator({ transport, store: await world.sqlite() });
  await world.coordinator({ store: await world.sqlite() });
  const client = await world.client();
  await world.agent('ann', ({ payload }) => payload);
  await client.submit({ pool: 'work', id: 'waits', capabilities: ['none-has-it'] });
  await client.result(await client.submit({ pool: 'work', id: 'done' }));

  expect(await client.status()).toMatchObject({ state: 'leading', epoch: leader.epoch, pools: [{ pool: 'work' }] });
  const rows = new Map((await client.tasks()).map((row) => [row.id, row]));
  expect(rows.get('waits')?.reason).toMatch(/none-has-it/);
  expect((await client.task('waits')).task.reason).toMatch(/none-has-it/);
  expect(await client.explain('waits')).toMatchObject({ asOf: 'now' });
  expect(await client.metrics()).toMatchObject({ journal: { seq: expect.any(Number) } });
  expect(await client.agents()).toMatchObject([{ id: 'ann', presence: 'online' }]);
  expect(await client.decisions({ taskId: 'done' })).toMatchObject([{ agentId: 'ann' }]);
});

it('a leader that may not act refuses nothing for what it remembers', async () => {
  await using world = await World.open('nats');
  const warnings = new Log<Error>();
  process.on('warning', warnings.push);
  const paused = pausable(await world.sqlite());
  const timing = { failoverMs: 300, leaseMs: 400 };
  const heard = new Lossy(await world.connect());
  await world.coordinator({ ...timing, transport: heard, store: paused.store });
  const before = await world.agent('ann', () => 'before');
  paused.pause();
  const second = await world.coordinator({ ...timing, store: await world.sqlite() });
  await second.leading;
  await before.stop();
  // The one that led knows its name, and as another process.
  const lossy = new Lossy(await world.connect());
  const heartbeats = lossy.passes(says('heartbeat', 'reply'), 3);
  const after = await world.agent('ann', () => 'after', { transport: lossy });
  const ended = after.stopped.then((error) => `ended: ${error?.code}`);
  expect(await Promise.race([heartbeats.then(() => 'alive'), ended])).toBe('alive');
  const client = await world.client();
  expect((await client.result(await client.submit({ pool: 'work' }))).result).toBe('after');
  // Many wait for the better answer: nobody takes that for a leak.
  const allHeard = heard.passes(says('submit', 'in'), 30);
  await Promise.all(Array.from({ length: 30 }, () => client.submit({ pool: 'work' })));
  await allHeard;
  await new Promise(setImmediate);
  process.off('warning', warnings.push);
  expect(warnings.items).toEqual([]);
  paused.resume();
});

describe.each(['cut', 'freeze'] as const)('a leader whose connection breaks (%s)', (how) => {
  it('hands over to one that can be reached, and stands by when it is back', async () => {
    await using world = await World.open('nats');
    await using proxy = await startTcpProxy(world.nats.port);
    const transport = await connectNats({ servers: `nats://127.0.0.1:${proxy.port}` });
    const { log, hears } = heardLog();
    const first = await world.coordinator({ transport, store: await world.sqlite(), failoverMs: FAILOVER_MS, log });
    const second = await world.coordinator({ store: await world.sqlite(), failoverMs: FAILOVER_MS });
    const client = await world.client();
    await world.agent('ann', ({ payload }) => payload);
    proxy[how]();
    await hears('no longer leading');
    await second.leading;
    expect(first.state).toBe('standby');
    const id = await client.submit({ pool: 'work', payload: how });
    expect((await client.result(id)).result).toBe(how);

    proxy.mend();
    await second.stop();
    await first.leading;
    expect(first.epoch).toBe(second.epoch + 1);
    expect((await client.result(await client.submit({ pool: 'work', payload: 'back' }))).result).toBe('back');
    await first.stop();
    await transport.close();
  });
});

it('an agent that nobody knew finds the leader when one is there', async () => {
  await using world = await World.open('nats');
  const agent = createAgent({ transport: await world.connect(), id: 'ann', pool: 'work', handler: () => 'done' });
  const client = await world.client();
  const asked = client.submit({ pool: 'work' });
  await world.coordinator();
  await agent.ready;
  expect((await client.result(await asked)).result).toBe('done');
  await agent.stop();
});
