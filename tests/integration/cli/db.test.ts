import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openSqlite } from '#rota/store/sqlite.js';
import { Connection } from '#rota/store/sqlite-connection.js';
import { assigned, completed, registered, submitted } from '../../support/events.js';
import { leadAs } from '../../support/stores.js';
import { createFolder, jsonLines, rotaInside } from './harness.js';

/** A store with one completed task, and an operator's `rota db` on it. */
async function storeWithTask(folder: string) {
  const path = `${folder}/rota.db`;
  const store = await openSqlite({ path });
  const leader = await leadAs(store, 'a');
  await store.append(leader.row(registered('ann'), submitted('t', 1), assigned('t', 'ann'), completed('t', 'ann')));
  await store.tasks({ limit: 1 });
  await store.close();
  return { path, db: (...args: string[]) => rotaInside(['db', ...args, '--store', path]) };
}

describe('rota db', () => {
  it('migrates down and up, and says what it did', async () => {
    using folder = createFolder();
    const { db } = await storeWithTask(folder.path);
    expect(await db('migrate', 'status')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/0001_initial +applied/),
    });
    expect(await db('migrate', 'down')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Add --yes to do it.'),
    });
    expect(await db('migrate', 'down', '--yes')).toMatchObject({ code: 0, stdout: '0003_failover taken back\n' });
    const status = await db('migrate', 'status', '--json');
    expect(status.code).toBe(1);
    expect(jsonLines(status.stdout).at(-1)).toEqual({ name: '0003_failover', state: 'pending' });
    expect(await db('verify')).toMatchObject({ code: 1, stderr: expect.stringContaining('run `rota db migrate up`') });
    expect(await db('migrate', 'up')).toMatchObject({ code: 0, stdout: '0003_failover applied\n' });
    expect(await db('migrate', 'up')).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to do') });
    expect(await db('migrate', 'down', '--all', '--yes', '--json')).toMatchObject({
      code: 0,
      stdout: '{"migrations":["0003_failover","0002_selection","0001_initial"]}\n',
    });
  });

  it('verifies the tables, and names what differs without what it holds', async () => {
    using folder = createFolder();
    const { path, db } = await storeWithTask(folder.path);
    expect(await db('verify')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 row of the journal: the tables are what the journal says'),
    });
    const connection = new Connection(path);
    connection.raw.exec(`UPDATE tasks SET payload = '"secret"'`);
    connection.close();
    const { code, stdout } = await db('verify');
    expect(code).toBe(1);
    expect(stdout).toContain('tasks t differs in payload\n');
    expect(stdout).toContain('1 row of the journal: 1 row differs\n');
    expect(stdout).not.toContain('secret');
    const { stdout: json } = await db('verify', '--json');
    expect(jsonLines(json)[0]).toMatchObject({ seq: 1 });
  });

  it('makes no store where there is none', async () => {
    using folder = createFolder();
    const { code, stderr } = await rotaInside(['db', 'verify', '--store', `${folder.path}/nothing.db`]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/nothing\.db\. .*`rota up` makes a store/),
    });
    expect(existsSync(`${folder.path}/nothing.db`)).toBe(false);
  });

  it('does not take a store without a schema for one that is well', async () => {
    using folder = createFolder();
    const path = folder.write('empty.db', '');
    const db = (...args: string[]) => rotaInside(['db', ...args, '--store', path]);
    const { code, stdout } = await db('verify');
    expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringContaining('empty.db: no rota schema here') });
    const json = await db('verify', '--json');
    expect(json.code).toBe(1);
    expect(jsonLines(json.stdout)).toEqual([{ seq: 0, tables: [], problem: 'no rota schema here' }]);
  });

  it.each([[['up']], [['down', '--yes']]])(
    'migrate %j beside a leader is refused, and not for want of one',
    async (args) => {
      using folder = createFolder();
      const path = `${folder.path}/rota.db`;
      const store = await openSqlite({ path });
      await store.lead('a', 3_600_000);
      const { code, stderr } = await rotaInside(['db', 'migrate', ...args, '--store', path]);
      await store.close();
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/a leads this store\. Stop every/) });
    },
  );
});
