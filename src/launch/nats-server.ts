import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Clock } from '../clock.js';
import { RotaError } from '../protocol/errors.js';
import { LIMITS } from '../protocol/limits.js';
import { findExecutable } from './executable.js';
import { killWithParent } from './kill-with-parent.js';

const COMMAND = 'nats-server';
/** Where packages put it; often not in the PATH of an ordinary user. */
const USUAL_DIRS = ['/usr/local/bin', '/usr/bin', '/usr/sbin', '/opt/homebrew/bin', '/home/linuxbrew/.linuxbrew/bin'];

const READY_MS_MAX = 10_000;
const STOP_MS_MAX = 2_000;
/** Room for a frame, its subject and headers. */
const MAX_PAYLOAD_BYTES = 2 * LIMITS.frameBytes;

/**
 * The path of a nats-server executable. `bin` is a path, or a name to look up; when it is given,
 * nothing else is considered. `path` is the value of PATH.
 */
export function findNatsServer({
  bin,
  path,
}: {
  readonly bin?: string | undefined;
  readonly path?: string | undefined;
}): string | undefined {
  return findExecutable(bin || COMMAND, { path: [path ?? '', ...USUAL_DIRS].join(delimiter) });
}

export interface NatsServerOptions {
  readonly bin: string;
  readonly host?: string;
  /** 0, the default, lets the system choose a free one. */
  readonly port?: number;
  /** Keeps the server's configuration here. Otherwise it is in a temporary folder until the server is ready. */
  readonly dir?: string;
  /** Further lines of the server's configuration, such as `authorization { token: "…" }`. */
  readonly config?: string;
  readonly clock: Pick<Clock, 'after'>;
}

export interface NatsServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface NatsServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Resolves when the process has ended, however it did. */
  readonly exited: Promise<NatsServerExit>;
  /** Asks it to end, forces it after 2 s, and waits until it has. Safe to call twice. */
  stop(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

/**
 * Starts a nats-server as a child, for messages only: no JetStream, no monitoring port. It runs in a
 * process group of its own, so that Ctrl-C reaches only this process, which stops it last; and it is
 * killed when this process dies, in whichever way.
 *
 * @throws RotaError COMMAND_NOT_FOUND; COMMAND_FAILED with the server's last words when it ends early
 */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'rota-nats-')));
  try {
    await mkdir(dir, { recursive: true });
    const file = join(dir, 'nats-server.conf');
    await writeFile(file, configOf(options), { mode: 0o600 });
    return await launch(options, file);
  } finally {
    if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
  }
}

function configOf({ host = '127.0.0.1', port = 0, config = '' }: NatsServerOptions): string {
  return [
    `host: ${JSON.stringify(host)}`,
    `port: ${port === 0 ? -1 : port}`,
    `max_payload: ${MAX_PAYLOAD_BYTES}`,
    'logtime: false',
    config,
    '',
  ].join('\n');
}

async function launch(options: NatsServerOptions, configFile: string): Promise<NatsServer> {
  const { bin, clock } = options;
  const child = spawn(bin, ['-c', configFile], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  const pid = await spawned(child, bin);
  const exited = exitOf(child);
  killWithParent(pid, exited);
  const { host, port } = await ready(child, exited, options);

  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const cancel = clock.after(STOP_MS_MAX, () => child.kill('SIGKILL'));
    await exited;
    cancel();
  };
  return {
    url: `nats://${host}:${port}`,
    port,
    pid,
    exited,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
    kill: (signal) => void child.kill(signal),
  };
}

function spawned(child: ChildProcess, bin: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', (error) =>
      reject(new RotaError('COMMAND_NOT_FOUND', `${bin} cannot be run: ${error.message}.`, { cause: error })),
    );
    child.once('spawn', () => {
      if (child.pid !== undefined) resolve(child.pid);
    });
  });
}

function exitOf(child: ChildProcess): Promise<NatsServerExit> {
  return new Promise((resolve) => {
    // `close`, not `exit`: by then its last words have been read.
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}

interface Listening {
  readonly host: string;
  readonly port: number;
}

/** Reads the server's log until it says that it is ready, and goes on reading: a full pipe would block it. */
function ready(child: ChildProcess, exited: Promise<NatsServerExit>, options: NatsServerOptions): Promise<Listening> {
  return new Promise((resolve, reject) => {
    let listening: Listening | undefined;
    let lastLine = 'it said nothing';
    const fail = (problem: string) =>
      reject(new RotaError('COMMAND_FAILED', `${options.bin} ${problem}: ${lastLine.replace(/\.?$/, '.')}`));
    const cancel = options.clock.after(READY_MS_MAX, () => {
      fail(`was not ready within ${READY_MS_MAX} ms`);
      child.kill('SIGKILL');
    });

    if (child.stderr === null) return;
    createInterface({ input: child.stderr }).on('line', (line) => {
      lastLine = line.replace(/^\[\d+\] \[\w+\] /, '');
      listening ??= listeningIn(lastLine);
      if (listening === undefined || lastLine !== 'Server is ready') return;
      cancel();
      resolve(listening);
    });
    void exited.then(({ code, signal }) => {
      cancel();
      fail(`ended with ${signal ?? `code ${code}`} before it was ready`);
    });
  });
}

function listeningIn(line: string): Listening | undefined {
  const match = /^Listening for client connections on (.+):(\d+)$/.exec(line);
  if (match === null) return undefined;
  const [, host = '', port] = match;
  return { host, port: Number(port) };
}
