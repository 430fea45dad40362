// A PostgreSQL cluster for tests and benches: nobody else's, and gone with them.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { killWithParent } from '#rota/launch/kill-with-parent.js';
import { findPostgres } from './find-postgres.mjs';

/**
 * @typedef {object} Cluster
 * @property {number} port
 * @property {Promise<unknown>} exited resolves when the server that runs now is gone
 * @property {() => Promise<string>} createDatabase resolves with the address of a new, empty database
 * @property {() => Promise<void>} kill SIGKILL to every process of it; resolves when it is gone
 * @property {() => Promise<void>} restart on the same port with the same data, after `kill` where it still runs;
 *   resolves when it takes connections
 * @property {(signal: NodeJS.Signals) => void} signal to every process of it, for SIGSTOP and SIGCONT
 *
 * @typedef {Cluster & AsyncDisposable} PrivatePostgres
 *
 * @typedef {{ uid: number, gid: number } | undefined} Owner of its processes; undefined: whoever we are
 */

const USER = 'rota';
export const PASSWORD = 'not-for-logs';
const READY_MS_MAX = 30_000;

/**
 * A cluster of its own, on a free port of the loopback interface, gone with its data when it is disposed of; it is
 * killed when this process dies, in whichever way. Its language orders texts unlike their codes. Without `fsync` it is
 * faster, where nothing is about a machine that loses its power.
 *
 * @param {{ fsync?: boolean }} [options]
 * @returns {Promise<PrivatePostgres>}
 */
export async function startPrivatePostgres({ fsync = true } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'rota-postgres-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    return await startIn(folder, fsync, remove);
  } catch (thrown) {
    await remove();
    throw thrown;
  }
}

/** @param {string} folder @param {boolean} fsync @param {() => Promise<void>} remove */
async function startIn(folder, fsync, remove) {
  const owner = ownerOfProcesses();
  if (owner !== undefined) await chown(folder, owner.uid, owner.gid);
  const data = join(folder, 'data');
  await createCluster(folder, data, owner);
  const port = await freePort();
  const settings = {
    ...{ listen_addresses: '127.0.0.1', unix_socket_directories: '', fsync: fsync ? 'on' : 'off' },
    // After a kill it would open and sync every file that it has, one by one: seconds.
    ...(process.platform === 'linux' ? { recovery_init_sync_method: 'syncfs' } : {}),
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const start = () => startServer(['-D', data, '-p', String(port), ...args], owner);
  let server = await start();

  const urlOf = (database) => `postgres://${USER}:${PASSWORD}@127.0.0.1:${port}/${database}`;
  const signal = (name) => {
    // The first makes no more processes once it has it.
    for (const pid of [server.pid, ...childrenOf(server.pid)]) sendSignal(pid, name);
  };
  const kill = async () => {
    if (server.isRunning()) signal('SIGKILL');
    await server.exited;
  };
  let databases = 0;
  return {
    port,
    get exited() {
      return server.exited;
    },
    async createDatabase() {
      const name = `rota_${++databases}`;
      await execute(urlOf('postgres'), `CREATE DATABASE ${name}`);
      return urlOf(name);
    },
    kill,
    async restart() {
      await kill();
      server = await start();
    },
    signal,
    async [Symbol.asyncDispose]() {
      await kill();
      await remove();
    },
  };
}

/**
 * Runs one statement on a connection of its own.
 *
 * @template {object} Row
 * @param {string} url
 * @param {string} sql
 * @returns {Promise<Row[]>}
 */
export async function execute(url, sql) {
  const client = new Client({ connectionString: url });
  // Also while nothing is asked of it a connection may fail, and would end the process.
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** @param {string} folder @param {string} data @param {Owner} owner */
async function createCluster(folder, data, owner) {
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, PASSWORD);
  const args = ['--pgdata', data, '--username', USER, '--pwfile', passwordFile, '--auth', 'scram-sha-256'];
  const [version] = /\d+/.exec(execFileSync(program('initdb'), ['--version']).toString()) ?? [];
  // Before 15 a cluster has the languages of its machine, of which there may be none.
  const language = Number(version) < 15 ? [] : ['--locale-provider', 'icu', '--icu-locale', 'en-US'];
  const locale = ['--encoding', 'UTF8', '--locale', 'C', ...language];
  execFileSync(program('initdb'), [...args, ...locale, '--no-sync'], { ...owner, cwd: folder, stdio: 'pipe' });
}

/** PostgreSQL refuses to be root. @returns {Owner} */
function ownerOfProcesses() {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag) => {
    for (const user of ['postgres', 'nobody']) {
      try {
        return Number(execFileSync('id', [flag, user], { stdio: ['ignore', 'pipe', 'ignore'] }).toString());
      } catch {}
    }
    throw new Error('There is neither a user postgres nor nobody to run PostgreSQL as.');
  };
  return { uid: id('-u'), gid: id('-g') };
}

/**
 * Processes of one that was killed may hold its memory for a moment longer, and no other starts before it is free.
 *
 * @param {string[]} args
 * @param {Owner} owner
 */
async function startServer(args, owner) {
  for (const begun = performance.now(); ; ) {
    const child = spawn(program('postgres'), args, { ...owner, stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    const exited = once(child, 'exit');
    if (child.pid !== undefined) killWithParent(child.pid, exited);
    const log = [];
    const isReady = await Promise.race([saysReady(child, log), exited.then(() => false)]);
    if (isReady && child.pid !== undefined) {
      return { pid: child.pid, exited, isRunning: () => child.exitCode === null && child.signalCode === null };
    }
    const isHeld = log.some((line) => /pre-existing shared memory|lock file/.test(line));
    if (!isHeld || performance.now() - begun > READY_MS_MAX) throw new Error(`postgres ended: ${log.join('\n')}`);
    await pause(50);
  }
}

/** Goes on reading its log: a full pipe would block it. */
function saysReady(child, log) {
  return new Promise((resolve) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (log.length < 50) log.push(line);
      if (line.includes('database system is ready to accept connections')) resolve(true);
    });
  });
}

/** They are in groups of their own. @param {number} pid */
function childrenOf(pid) {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=']).toString().trim().split('\n');
  return lines
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([child = 0, parent]) => (parent === pid ? [child] : []));
}

function sendSignal(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended meanwhile.
  }
}

/** @param {'postgres' | 'initdb'} name */
function program(name) {
  const folder = findPostgres({ bin: process.env.POSTGRES_BIN, path: process.env.PATH });
  if (folder === undefined) throw new Error('No PostgreSQL found: run `node scripts/ensure-postgres.mjs`.');
  return join(folder, name);
}

/** Another process may take it before it is used; that is rare enough. */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string') throw new Error('A port was expected.');
  return address.port;
}
