import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { type Clock, systemClock } from '#rota/clock.js';
import type { CommandOptions, CommandSpec, CommandTask } from '#rota/launch/command.js';

export const task: CommandTask = {
  taskId: 'task-1',
  attempt: 2,
  pool: 'cleaners',
  workType: 'clean',
  payload: { year: 2012 },
  inputs: { fetch: { file: 'a.csv' } },
  key: 'clean-2012',
  orchestrationId: 'run-1',
};

/** A command that runs a piece of JavaScript in a Node process. */
export function script(code: string, more: Partial<CommandSpec> = {}): CommandSpec {
  return { command: process.execPath, args: ['-e', code], ...more };
}

export function options(more: Partial<CommandOptions> = {}): CommandOptions {
  return { signal: new AbortController().signal, clock: systemClock, env: { PATH: process.env.PATH }, ...more };
}

/** A clock whose timers fire when the test says so. */
export interface ManualClock extends Clock {
  /** Fires the timer of this delay, as soon as it is set. */
  fire(delayMs: number): Promise<void>;
  readonly pending: readonly number[];
}

export function createManualClock(): ManualClock {
  const timers = new Map<object, { delayMs: number; fn: () => void }>();
  const waiting: { delayMs: number; resolve: () => void }[] = [];
  const take = (delayMs: number): boolean => {
    for (const [id, timer] of timers) {
      if (timer.delayMs !== delayMs) continue;
      timers.delete(id);
      timer.fn();
      return true;
    }
    return false;
  };
  return {
    ...systemClock,
    after(delayMs, fn) {
      const id = {};
      timers.set(id, { delayMs, fn });
      const index = waiting.findIndex((waiter) => waiter.delayMs === delayMs);
      // After this turn, so that the caller holds the cancel function before its timer fires.
      if (index >= 0) {
        const [waiter] = waiting.splice(index, 1);
        setImmediate(() => {
          take(delayMs);
          waiter?.resolve();
        });
      }
      return () => void timers.delete(id);
    },
    async fire(delayMs) {
      if (take(delayMs)) return;
      await new Promise<void>((resolve) => waiting.push({ delayMs, resolve }));
    },
    get pending() {
      return [...timers.values()].map((timer) => timer.delayMs);
    },
  };
}

/** A process that has connected. */
export interface HeldProcess {
  /** Resolves when the process has ended. */
  readonly gone: Promise<void>;
  /** Closes this end of the connection; what the process does then is up to its code. */
  release(): void;
}

/** A server that processes connect to, so that the kernel tells of their end by closing the connection. */
export interface LifeLine extends AsyncDisposable {
  readonly port: number;
  next(): Promise<HeldProcess>;
}

export async function createLifeLine(): Promise<LifeLine> {
  const arrived: Socket[] = [];
  const waiting: ((socket: Socket) => void)[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.resume();
    const waiter = waiting.shift();
    if (waiter) waiter(socket);
    else arrived.push(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async next() {
      const socket = arrived.shift() ?? (await new Promise<Socket>((resolve) => waiting.push(resolve)));
      const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      return { gone, release: () => socket.end() };
    },
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** JavaScript that holds a connection to the life line for as long as its process lives. */
export function holdLifeLine(port: number): string {
  return `require('node:net').connect(${port}, '127.0.0.1');`;
}
