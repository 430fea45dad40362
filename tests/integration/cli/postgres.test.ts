import { afterAll, beforeAll, expect, it } from 'vitest';
import { PASSWORD, type PrivatePostgres, startPrivatePostgres } from '../../../scripts/private-postgres.mjs';
import { startTestNats, type TestNats } from '../../support/nats-server.js';
import { World } from '../../support/world.js';
import { agentsFile, createFolder, ECHO, jsonLines, rota, rotaToEnd } from './harness.js';

const folder = createFolder();
let nats: TestNats;
let postgres: PrivatePostgres;

beforeAll(async () => {
  [nats, postgres] = await Promise.all([startTestNats(), startPrivatePostgres()]);
});
afterAll(async () => {
  await nats[Symbol.asyncDispose]();
  await postgres[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const at = (...args: string[]) => [...args, '--nats', nats.url];

it('up keeps tasks in the database that ROTA_STORE names, and shows it without its password', async () => {
  const url = await postgres.createDatabase();
  const policies = folder.write('policies.yaml', 'defaults: { unschedulable: wait }\n');
  await using first = rota(at('up', '--policies', policies), { env: { ROTA_STORE: url } });
  await first.says(/Ctrl-C; twice/);
  expect(first.stdout).toContain(`postgres://127.0.0.1:${postgres.port}/`);
  expect((await rotaToEnd(at('submit', '--pool', 'dev', '--id', 'task-1', '--payload', '1'))).code).toBe(0);
  first.child.kill('SIGKILL');
  await first.exit;

  const agents = folder.write('agents.yaml', agentsFile({ dev: ECHO }));
  await using second = rota(at('up', '--agents', agents, '--store', url, '--policies', policies));
  await second.says(/completed/);
  const shown = await rotaToEnd(at('show', 'task-1', '--json'));
  expect(jsonLines(shown.stdout)[0]).toMatchObject({ task: { status: 'completed' }, result: { got: 1 } });
  for (const { stdout, stderr } of [first, second]) expect(stdout + stderr).not.toContain(PASSWORD);
});

it('run keeps a run in a database, and goes on with it', async () => {
  const url = await postgres.createDatabase();
  const agents = folder.write('agents.yaml', agentsFile({ dev: ECHO }));
  const graph = folder.write('graph.yaml', 'name: one\ntasks: { only: { pool: dev } }\n');
  const args = ['run', graph, '--agents', agents, '--store', url, '--id', 'nightly', '--json'];
  for (let n = 0; n < 2; n++) {
    const { code, stdout } = await rotaToEnd(args);
    expect(code).toBe(0);
    expect(jsonLines(stdout).at(-1)).toMatchObject({ type: 'ended', status: 'completed' });
  }
});

it('a database that can not be reached is named without its password', async () => {
  const url = `postgres://rota:${PASSWORD}@127.0.0.1:1/tasks`;
  const { code, stdout, stderr } = await rotaToEnd(at('up', '--store', url));
  expect(code).toBe(1);
  expect(stderr).toMatch(/^rota: The store at postgres:\/\/127\.0\.0\.1:1\/tasks failed: .*ECONNREFUSED/m);
  expect(stdout + stderr).not.toContain(PASSWORD);
  const other = await rotaToEnd(at('up', '--store', url.replace('postgres', 'mysql')));
  expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('mysql://…') });
  expect(other.stdout + other.stderr).not.toContain(PASSWORD);
});

it('a password that is missing is asked for, and taken from PGPASSWORD', async () => {
  const whole = await postgres.createDatabase();
  const url = whole.replace(`:${PASSWORD}`, '');
  for (const args of [at('up'), ['db', 'migrate', 'status']]) {
    const { code, stderr } = await rotaToEnd([...args, '--store', url]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/the database asks for a password, and none is given\. Put it .* or into PGPASSWORD\.$/m);
    expect(stderr).not.toContain('SASL');
  }
  await using up = rota(at('up', '--store', url), { env: { PGPASSWORD: PASSWORD } });
  await up.says(/Ctrl-C; twice/);
});

it('a database without a schema is not verified', async () => {
  const { code, stdout } = await rotaToEnd(['db', 'verify', '--store', await postgres.createDatabase()]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringContaining('no rota schema here') });
});

it('a coordinator goes on where the one before stopped, on another connection to the database', async () => {
  await using world = await World.open('memory');
  const first = await world.coordinator({ store: await world.postgres(postgres) });
  const client = await world.client();
  const id = await client.submit({ pool: 'work', payload: 1 });
  await first.stop();
  await world.coordinator({ store: await world.postgres(postgres) });
  await world.agent('ann', async () => 'done');
  expect(await client.result(id)).toMatchObject({ status: 'completed', result: 'done' });
});
