import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Gate, gate } from './signals.js';

/** A way to a server of this machine that passes everything on, until a test wants it otherwise. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Ends all connections, and takes no new ones. */
  cut(): void;
  /** Nothing passes any more, and nobody is told: as when a cable is pulled. */
  freeze(): void;
  /** Takes connections again; what was frozen goes on. */
  mend(): void;
  /**
   * Lets the next request through that contains `text`, and cuts its connection instead of passing the answer on.
   * Resolves when that has happened.
   */
  cutAnswerTo(text: string): Promise<void>;
  /**
   * The same, also where the answer contains it, but that all freezes with the answer: as it does when the process that
   * asked is stopped.
   */
  freezeAnswerTo(text: string): Promise<void>;
}

interface Awaited {
  readonly text: string;
  readonly then: 'cut' | 'freeze';
  readonly done: Gate;
}

/** In front of a server on the loopback interface. */
export async function startTcpProxy(serverPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let state: 'whole' | 'cut' | 'frozen' = 'whole';
  let awaited: Awaited | undefined;

  const join = (client: Socket): void => {
    if (state === 'cut') return void client.destroy();
    const server = connect(serverPort, '127.0.0.1');
    let asked: Awaited | undefined;
    const part = () => {
      for (const socket of [client, server]) {
        sockets.delete(socket);
        socket.destroy();
      }
    };
    for (const socket of [client, server]) {
      sockets.add(socket.on('error', part).on('close', part));
    }
    const look = (data: Buffer, isMeant: (then: Awaited['then']) => boolean) => {
      if (awaited === undefined || !isMeant(awaited.then) || !data.includes(awaited.text)) return;
      asked = awaited;
      awaited = undefined;
    };
    client.on('data', (data) => {
      look(data, () => true);
      server.write(data);
    });
    server.on('data', (data) => {
      look(data, (then) => then === 'freeze');
      if (asked?.then === 'cut') part();
      else client.write(data);
      if (asked?.then === 'freeze') freeze();
      asked?.done.open();
      asked = undefined;
    });
    if (state === 'frozen') for (const socket of [client, server]) socket.pause();
  };

  const listener = createServer(join).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const cut = () => {
    state = 'cut';
    for (const socket of sockets) socket.destroy();
  };
  const freeze = () => {
    state = 'frozen';
    for (const socket of sockets) socket.pause();
  };
  const when = (text: string, then: Awaited['then']) => {
    awaited = { text, then, done: gate() };
    return awaited.done.passed;
  };
  return {
    port: (listener.address() as AddressInfo).port,
    cut,
    freeze,
    mend() {
      state = 'whole';
      for (const socket of sockets) socket.resume();
    },
    cutAnswerTo: (text) => when(text, 'cut'),
    freezeAnswerTo: (text) => when(text, 'freeze'),
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((closed) => listener.close(closed));
    },
  };
}
