import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** Where commands of `gate.mjs` wait until the test lets them go on. */
export interface Gate extends AsyncDisposable {
  readonly port: number;
  /** Resolves with the keys of the first `count` commands that have come. */
  waiting(count: number): Promise<string[]>;
  /** Lets all go on, and whoever comes later as well. */
  open(): void;
}

export async function createGate(): Promise<Gate> {
  const sockets = new Set<Socket>();
  const keys: string[] = [];
  let isOpen = false;
  let onKey = () => {};
  const server = createServer((socket) => {
    socket.on('error', () => {});
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    createInterface({ input: socket }).once('line', (key) => {
      keys.push(key);
      onKey();
      if (isOpen) socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const open = () => {
    isOpen = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    async waiting(count) {
      while (keys.length < count) {
        await new Promise<void>((resolve) => {
          onKey = resolve;
        });
      }
      return keys.slice(0, count);
    },
    open,
    async [Symbol.asyncDispose]() {
      open();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
