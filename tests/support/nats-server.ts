import { systemClock } from '#rota/clock.js';
import { findNatsServer, type NatsServer, startNatsServer } from '#rota/launch/nats-server.js';

export interface TestNats extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** A new process on the same port, after `kill` where one still runs. */
  restart(): Promise<void>;
  /** For SIGSTOP and SIGCONT. */
  signal(signal: NodeJS.Signals): void;
}

export interface TestNatsOptions {
  /** Further lines of the server's configuration. */
  readonly config?: string;
}

/** A real server of its own for one suite, on a free port of the loopback interface. */
export async function startTestNats(options: TestNatsOptions = {}): Promise<TestNats> {
  const start = (port: number) => startNatsServer({ ...options, bin: natsServerBin(), port, clock: systemClock });
  let server: NatsServer = await start(0);
  const { url, port } = server;

  const kill = async () => {
    server.kill('SIGKILL');
    await server.exited;
  };
  return {
    url,
    port,
    get pid() {
      return server.pid;
    },
    kill,
    async restart() {
      await kill();
      server = await start(port);
    },
    signal: (signal) => server.kill(signal),
    [Symbol.asyncDispose]: kill,
  };
}

export function natsServerBin(): string {
  const bin = findNatsServer({ bin: process.env.NATS_SERVER_BIN, path: process.env.PATH });
  if (bin === undefined) throw new Error('No nats-server found: run `node scripts/ensure-nats.mjs`.');
  return bin;
}
