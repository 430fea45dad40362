import { readdirSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { agentsFile, createFolder, ECHO, rotaInside, rotaToEnd } from './harness.js';

const folder = createFolder();
afterAll(() => folder[Symbol.dispose]());
const agents = folder.write('agents.yaml', agentsFile({ dev: ECHO }));
const graph = (tasks: string) => folder.write(`graph-${Math.abs(hash(tasks))}.yaml`, `name: g\ntasks:\n${tasks}`);

function hash(text: string): number {
  return [...text].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) | 0, 0);
}

const COMMANDS = [
  ...['run', 'up', 'agent', 'submit', 'tasks', 'agents', 'show', 'explain', 'cancel', 'assign', 'settle'],
  ...['decisions', 'replay', 'performance', 'metrics', 'db'],
];
const AGENTS_COMMANDS = ['register', 'deregister', 'cordon', 'uncordon'];

describe('help', () => {
  it('of rota alone lists the commands, settings and exit codes', async () => {
    const { code, stdout, stderr } = await rotaToEnd([]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const name of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${name} .*  \\w`, 'm'));
    expect(stdout).toContain('ROTA_NATS');
    expect(stdout).toContain('130  stopped by Ctrl-C');
  });

  it.each(COMMANDS)('of %s has examples and exit codes', async (name) => {
    const { code, stdout } = await rotaInside([name, '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: rota ${name} `);
    expect(stdout).toContain(`Examples:\n  rota ${name}`);
    expect(stdout).toContain('Exit codes:');
  });
});

describe('help of what is done to a store', () => {
  it.each(['migrate', 'migrate status', 'migrate up', 'migrate down', 'verify'])('db %s', async (name) => {
    const { code, stdout } = await rotaInside(['db', ...name.split(' '), '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: rota db ${name} `);
    expect(stdout).toContain(`Examples:\n  rota db ${name}`);
    expect(stdout).toContain('Exit codes:');
  });
});

describe('help of what is done to agents', () => {
  it.each(AGENTS_COMMANDS)('agents %s has examples and exit codes', async (name) => {
    const { code, stdout } = await rotaInside(['agents', name, '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: rota agents ${name} `);
    expect(stdout).toContain(`Examples:\n  rota agents ${name}`);
    expect(stdout).toContain('Exit codes:');
  });
});

describe('the command line', () => {
  it.each([
    [['runn'], /^rota: unknown command 'runn'\n\(Did you mean run\?\)/],
    [['tasks', '--pol', 'x'], /^rota: unknown option '--pol'\n\(Did you mean --pool\?\)/],
    [['tasks', '--limit', '0'], /--limit <n>' argument '0' is invalid. Expected a whole number from 1 to 1000/],
    [['tasks', '--status', 'done'], /argument 'done' is invalid. Allowed choices are pending, assigned/],
    [['submit'], /^rota: required option '--pool <name>' not specified/],
    [['submit', '--pool', 'a b'], /^rota: --pool is "a b"\. Use 1 to 64 of the characters/],
    [['submit', '--pool', 'dev', '--payload', '{a}'], /^rota: --payload is not JSON \(.*quotes of its own/],
    [['cancel'], /^rota: cancel: name the tasks, or an orchestration with --orchestration ID/],
    [['cancel', 'x', '--drain'], /^rota: cancel: --drain goes with --orchestration/],
    [['show', 'a.b'], /^rota: the task is "a\.b"\. Use 1 to 64/],
    [['agent', '--pool', 'dev'], /^rota: agent: --id, --exec missing/],
    [['tasks', '--nats', 'http://user:secret@host'], /^rota: --nats is "\*\*\*@host": write nats:\/\/host:port/],
    [
      ['decisions', '--since', 'long'],
      /--since <when>' argument 'long' is invalid. Expected how long ago, such as 30m/,
    ],
    [['replay', 'x', '--token', '0'], /--token <n>' argument '0' is invalid. Expected a whole number from 1/],
    [['submit', '--pool', 'dev', '--strategy', 'best'], /argument 'best' is invalid. Allowed choices are round-robin/],
    [['submit', '--pool', 'dev', '--assignee', 'a b'], /^rota: --assignee is "a b"\. Use 1 to 64/],
    [['agents', 'register', 'ann'], /^rota: required option '--pool <name>' not specified/],
    [['agents', 'cordon'], /^rota: missing required argument 'ids'/],
    [
      ['agents', 'register', 'ann', '--pool', 'dev', '--working-hours', 'always'],
      /Write it as "Europe\/Berlin mon-fri/,
    ],
    [['settle', 'x', 'drop'], /argument 'how' value 'drop' is invalid|'drop' is invalid for argument 'how'/],
    [['settle', 'x', 'fail'], /^rota: settle: say why it failed with --reason/],
    [['settle', 'x', 'complete', '--result', '{'], /^rota: --result is not JSON/],
    [['up', '--rate-limit', '0'], /--rate-limit <n>' argument '0' is invalid. Expected a number above 0/],
    [['up', '--keep-journal', '0d'], /--keep-journal <time>' argument '0d' is invalid. Expected a duration above 0/],
    [['up', '--store', 'none', '--keep-journal', '7d'], /^rota: up: the store is "none", which keeps no journal/],
    [
      ['run', 'x.yaml', '--policies', 'p', '--nats', 'nats://h'],
      /'--policies <file>' cannot be used with option '--nats/,
    ],
    [['run', 'x.yaml', '--store', 'a', '--nats', 'nats://h'], /'--store <place>' cannot be used with option '--nats/],
  ])('%j is refused with the remedy', async (args, message) => {
    const { code, stdout, stderr } = await rotaInside(args);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('secret');
    expect(stderr).not.toMatch(/^ +at /m);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it.each([
    ['postgres:/user:secret@host/db', /looks like the address of a PostgreSQL database/],
    ['postgres//user:secret@host/db', /looks like the address of a PostgreSQL database/],
    ['postgresql:/user:secret@host/db', /looks like the address of a PostgreSQL database/],
    ['"postgres://user:secret@host/db"', /looks like the address of a PostgreSQL database/],
    ['postgres:', /looks like the address of a PostgreSQL database/],
    ['postgress://user:secret@host/db', /postgress:\/\/…, which rota has no driver for/],
    ['', /^rota: The store is empty\. Name the path of a SQLite file, postgres:/],
    [folder.path, /^rota: The store is \/.*, which is a folder\. Name a file in it, such as .*rota\.db\.$/m],
  ])('--store %s is refused, and makes nothing', async (store, message) => {
    using cwd = createFolder();
    const up = await rotaToEnd(['up', '--store', store], { cwd: cwd.path });
    for (const { code, stdout, stderr } of [up, await rotaInside(['db', 'verify', '--store', store])]) {
      expect(stderr).toMatch(message);
      expect(stderr).not.toContain('secret');
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    }
    expect(readdirSync(cwd.path)).toEqual([]);
  });

  it('an address that names no database is refused', async () => {
    // Who logs in would give the database its name.
    const { code, stderr } = await rotaToEnd(['up', '--store', 'postgres://'], { env: { USER: '', PGDATABASE: '' } });
    expect(stderr).toMatch(/^rota: The address of the PostgreSQL database names no database\./);
    expect(code).toBe(2);
  });

  it('refuses settings that do not fit', async () => {
    const { code, stderr } = await rotaToEnd(['tasks'], { env: { ROTA_NATS: 'localhost' } });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^rota: The environment variable ROTA_NATS is "localhost"/);
  });

  it.each([
    ['append.after', '"" is nothing that a failpoint does'],
    ['append.never=kill', '"append.never" is no failpoint'],
    ['append.after=burn', '"burn" is nothing that a failpoint does'],
    ['append.after=kill@', '"kill@" is nothing that a failpoint does'],
    ['append.after=kill@0', '"kill@0" is nothing that a failpoint does'],
    ['append.after=kill/0', '"kill/0" is nothing that a failpoint does'],
  ])('refuses the failpoint %j', async (set, problem) => {
    const { code, stderr } = await rotaToEnd(['up'], { env: { ROTA_FAILPOINTS: set } });
    expect(code).toBe(2);
    expect(stderr).toContain(`rota: ROTA_FAILPOINTS has "${set}": ${problem}. Write <name>=`);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it('shows where an error was thrown when ROTA_LOG is debug', async () => {
    const { stderr } = await rotaToEnd(['show', 'a.b'], { env: { ROTA_LOG: 'debug' } });
    expect(stderr).toMatch(/^ +at /m);
  });
});

describe('files', () => {
  const plain = graph('  a: { pool: dev }\n');

  it.each([
    [
      'a cycle',
      graph('  a: { pool: dev, dependsOn: [b] }\n  b: { pool: dev, dependsOn: [a] }\n'),
      /:3:31: .*a → b → a\. Remove one/,
    ],
    [
      'an unknown key',
      graph('  a: { pool: dev, retries: 3 }\n'),
      /:3:19: tasks\.a\.retries: this key is not known\. Known here: pool/,
    ],
    [
      'a missing agent',
      graph('  a: { pool: devs }\n'),
      /:3:14: tasks\.a\.pool is "devs": no agent serves this pool\. Did you mean "dev"\?/,
    ],
    ['a syntax error', graph('  a: { pool: dev\n'), /graph-\d+\.yaml:\d+:\d+: /],
    ['no such file', '/nowhere/graph.yaml', /^rota: \/nowhere\/graph\.yaml: there is no file .* Check the path/],
  ])('%s: nothing is started, and the place is named', async (_name, file, message) => {
    const { code, stdout, stderr } = await rotaInside(['run', file, '--agents', agents]);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it('the same holds for a process', async () => {
    const { code, stdout, stderr } = await rotaToEnd(['run', graph('  a: { pool: devs }\n'), '--agents', agents]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^rota: .*:3:14: tasks\.a\.pool is "devs"/);
  });

  it('an agents file with a fault is refused as well', async () => {
    const faulty = folder.write('faulty.yaml', 'agents:\n  - { id: a, pool: dev, launch: { cmd: x } }\n');
    const { code, stderr } = await rotaToEnd(['run', plain, '--agents', faulty]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/faulty\.yaml:2:\d+: agents\[0\]\.launch\.cmd: this key is not known/);
  });

  it('a policies file with a fault is refused, by run and by up', async () => {
    const faulty = folder.write('policies.yaml', 'pools:\n  dev: { strategy: fastest }\n');
    for (const args of [
      ['run', plain, '--agents', agents],
      ['up', '--store', 'none', '--port', '0'],
    ]) {
      const { code, stdout, stderr } = await rotaInside([...args, '--policies', faulty]);
      expect(stderr).toMatch(
        /policies\.yaml:2:20: pools\.dev\.strategy is "fastest": expected one of the known values/,
      );
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    }
  });

  it('an agent whose program is not there does not join', async () => {
    const { code, stderr } = await rotaInside(['agent', '--id', 'typo', '--pool', 'dev', '--exec', './wrok.sh']);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^rota: Agent typo: there is no program "\.\/wrok\.sh", looked for from .* Install the command/,
    );
  });

  it('somebody must do the work', async () => {
    const { code, stderr } = await rotaToEnd(['run', plain]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/nobody would do the work\. .*--agents FILE, or .*--nats URL/);
  });
});

describe('a server that is not there', () => {
  it.each([
    ['tasks', ['tasks']],
    ['agent', ['agent', '--id', 'a', '--pool', 'dev', '--exec', 'true']],
    ['up', ['up', '--store', 'none']],
  ])('%s names it and the remedy', async (_name, args) => {
    const { code, stderr } = await rotaInside([...args, '--nats', 'nats://127.0.0.1:1']);
    expect(stderr).toMatch(/^rota: No NATS server answers at 127\.0\.0\.1:1 .*`rota up`/m);
    expect(code).toBe(3);
  });

  it('up says how to get one', async () => {
    const { code, stderr } = await rotaToEnd(['up', '--store', 'none'], { env: { NATS_SERVER_BIN: '/nowhere/nats' } });
    expect(stderr).toMatch(/NATS_SERVER_BIN is \/nowhere\/nats.*\n.*apt-get install nats-server\n.*brew/);
    expect(code).toBe(3);
  });
});
