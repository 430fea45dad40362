import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '#rota/clock.js';
import { findNatsServer, startNatsServer } from '#rota/launch/nats-server.js';
import { natsServerBin } from '../../support/nats-server.js';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'rota-test-'));
  cleanups.push(() => rm(dir, { recursive: true }));
  return dir;
}

const start = async (options: { port?: number; bin?: string; dir?: string; config?: string } = {}) => {
  const server = await startNatsServer({ bin: natsServerBin(), clock: systemClock, ...options });
  cleanups.push(() => server.stop());
  return server;
};

/** The first line that a server sends to whoever connects. */
async function greeting(port: number): Promise<Record<string, unknown>> {
  const socket = connect(port, '127.0.0.1');
  const [data] = await once(socket, 'data');
  socket.destroy();
  return JSON.parse(String(data).replace(/^INFO /, ''));
}

describe('findNatsServer', () => {
  it('takes the given path alone, a name from PATH, and otherwise the usual places', async () => {
    const dir = await tempDir();
    const tool = join(dir, 'some-server');
    await writeFile(tool, '#!/bin/sh\n', { mode: 0o755 });
    await writeFile(join(dir, 'nats-server'), 'not executable', { mode: 0o644 });
    expect(findNatsServer({ bin: tool })).toBe(tool);
    expect(findNatsServer({ bin: join(dir, 'nats-server'), path: dir })).toBeUndefined();
    expect(findNatsServer({ bin: dir })).toBeUndefined();
    expect(findNatsServer({ bin: 'some-server', path: `/nowhere:${dir}` })).toBe(tool);
    expect(findNatsServer({ bin: 'some-server', path: '/nowhere' })).toBeUndefined();
    expect(findNatsServer({ bin: '', path: dir })).not.toBe(join(dir, 'nats-server'));
  });
});

describe('startNatsServer', () => {
  it('is ready when it resolves, takes frames with room to spare, and stops', async () => {
    const server = await start();
    expect(server.url).toBe(`nats://127.0.0.1:${server.port}`);
    expect(await greeting(server.port)).toMatchObject({
      host: '127.0.0.1',
      port: server.port,
      max_payload: 512 * 1024,
    });
    await Promise.all([server.stop(), server.stop()]);
    await server.exited;
    await expect(greeting(server.port)).rejects.toThrow('ECONNREFUSED');
  });

  it('tells when it was killed', async () => {
    const server = await start();
    server.kill('SIGKILL');
    expect(await server.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await server.stop();
  });

  it('forces a server that does not stop', async () => {
    // Only the patience of `stop` is cut short, not that of the start.
    const impatient = { after: (ms: number, fn: () => void) => systemClock.after(ms > 5_000 ? ms : 0, fn) };
    const server = await startNatsServer({ bin: natsServerBin(), clock: impatient });
    server.kill('SIGSTOP');
    await server.stop();
    expect((await server.exited).signal).toBe('SIGKILL');
  });

  it('rejects with the server’s own words when the port is taken', async () => {
    const { port } = await start();
    await expect(start({ port })).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      message: expect.stringMatching(/code 1 before it was ready: Error listening on port.*address already in use/),
    });
  });

  it('rejects when its configuration is wrong, and when there is no such command', async () => {
    await expect(start({ config: 'nonsense {' })).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      message: expect.stringContaining('Parse error'),
    });
    await expect(start({ bin: '/nowhere/nats-server' })).rejects.toMatchObject({ code: 'COMMAND_NOT_FOUND' });
  });

  it('keeps its configuration where it is told to, for its owner only', async () => {
    const dir = await tempDir();
    await start({ dir: join(dir, 'nats') });
    expect(await readdir(join(dir, 'nats'))).toEqual(['nats-server.conf']);
  });

  it('dies with its parent, even when that is killed', async () => {
    const script = `
      import { startNatsServer } from '#rota/launch/nats-server.js';
      import { systemClock } from '#rota/clock.js';
      const { port } = await startNatsServer({ bin: ${JSON.stringify(natsServerBin())}, clock: systemClock });
      console.log(port);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(createInterface({ input: parent.stdout }), 'line');
    const client = connect(Number(line), '127.0.0.1');
    await once(client, 'data');
    const hungUp = once(client, 'close');
    client.on('error', () => {});
    parent.kill('SIGKILL');
    await hungUp;
  });
});
