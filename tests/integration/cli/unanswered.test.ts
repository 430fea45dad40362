import { afterEach, beforeEach, expect, it } from 'vitest';
import { createMemoryStore, type Store } from '#rota/index.js';
import { RotaError } from '#rota/protocol/errors.js';
import { heardLog } from '../../support/heard-log.js';
import { World } from '../../support/world.js';
import { jsonLines, rotaInside } from './harness.js';

/** What people read where a coordinator is there and can't serve, or none is. */

let world: World;
beforeEach(async () => {
  world = await World.open('nats');
});
afterEach(() => world[Symbol.asyncDispose]());

const at = (...args: string[]) => rotaInside([...args, '--nats', world.nats.url]);

function fails(): Promise<never> {
  return Promise.reject(new RotaError('STORE_FAILED', 'Planted.'));
}

/** A store that another leads, for as long as a test lasts. */
async function ledStore(): Promise<Store> {
  const store = createMemoryStore();
  await store.lead('elsewhere', 3_600_000);
  return store;
}

it('a store that is away is said to be away, and not that nobody is there', async () => {
  const store = Object.assign(await ledStore(), { leadership: fails });
  await world.coordinator({ store });
  const { code, stdout, stderr } = await at('tasks', '--patience-ms', '100');
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
  expect(stderr).toMatch(/^waiting for the coordinator at nats:.*, which says: The store does not answer\./);
  expect(stderr).toMatch(/^rota: The coordinator at nats:.* can not answer, waited .*\. The store does not answer\./m);
  expect(stderr).not.toContain('rota up');
});

it.each([
  ['submit', ['submit', '--pool', 'work', '--id', 'again-1'], /--id again-1/],
  ['cancel', ['cancel', 'again-1'], /^/],
])('%s where only a standby is there says so, and names no subject', async (_name, args, more) => {
  await world.coordinator({ store: await ledStore() });
  const { code, stdout, stderr } = await at(...args, '--patience-ms', '100');
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
  expect(stderr).toMatch(/^rota: Nobody leads just now: the coordinator at nats:.* stands by\. Try again shortly\.$/m);
  expect(stderr).toMatch(more);
  expect(stderr).not.toContain('rota.from');
});

it('submit that gives up names the id under which it may be sent again', async () => {
  await world.coordinator({ store: await ledStore() });
  const { stderr } = await at('submit', '--pool', 'work', '--patience-ms', '100');
  const [, id, again] = /task (\w{26}) was not acknowledged\. Send it again with --id (\w{26})/.exec(stderr) ?? [];
  expect(id).toBeDefined();
  expect(again).toBe(id);
});

it('submit sends the same task again while the store is away, as long as it is patient', async () => {
  const store = createMemoryStore();
  const known = store.known.bind(store);
  store.known = fails;
  const { log, hears } = heardLog();
  await world.coordinator({ store, log });
  await world.agent('ann', () => 'done');
  const submitted = at('submit', '--pool', 'work', '--id', 'older', '--wait', '--json');
  await hears('request refused');
  store.known = known;
  const { code, stdout } = await submitted;
  expect(code).toBe(0);
  expect(jsonLines(stdout)).toEqual([expect.objectContaining({ taskId: 'older', status: 'completed' })]);
});
