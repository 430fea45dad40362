import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '#rota/clock.js';
import { createMemoryBroker } from '#rota/transport/memory.js';
import { connectNats, type NatsOptions } from '#rota/transport/nats.js';
import type { Transport, TransportStatus } from '#rota/transport/transport.js';
import { startTestNats, type TestNats } from '../support/nats-server.js';
import { inbox, rejection, transportContract } from './transport.contract.js';

const EMPTY = new Uint8Array();

const broker = createMemoryBroker({ clock: systemClock });
transportContract({ name: 'memory', connect: async (options) => broker.connect(options) });

let shared: TestNats;
beforeAll(async () => {
  shared = await startTestNats();
});
afterAll(() => shared.kill());
transportContract({ name: 'nats', connect: (options) => connectNats({ ...options, servers: shared.url }) });

/** Resolves when the transport has that status, at once where it has it already. */
function reached(transport: Transport, wanted: TransportStatus): Promise<void> {
  if (transport.status === wanted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = transport.onStatus((status) => {
      if (status !== wanted) return;
      end();
      resolve();
    });
  });
}

describe('memory transport', () => {
  it('gives a queue group its messages in rotation', async () => {
    const transport = createMemoryBroker({ clock: systemClock }).connect();
    const order: string[] = [];
    const end = inbox();
    for (const name of ['a', 'b', 'c']) transport.subscribe('work', () => void order.push(name), { queue: 'group' });
    transport.subscribe('end', end.receive);
    for (let i = 0; i < 6; i += 1) transport.publish('work', EMPTY);
    transport.publish('end', EMPTY);
    await end.received(1);
    expect(order).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  it('delivers all that is queued in one deferred turn, and what handlers publish in the next', () => {
    const turns: (() => void)[] = [];
    const transport = createMemoryBroker({
      clock: { after: systemClock.after, defer: (fn) => void turns.push(fn) },
    }).connect();
    const seen: string[] = [];
    transport.subscribe('>', ({ subject }) => {
      seen.push(subject);
      if (subject === 'first') transport.publish('third', EMPTY);
    });
    transport.publish('first', EMPTY);
    transport.publish('second', EMPTY);
    expect(turns).toHaveLength(1);
    turns.shift()?.();
    expect(seen).toEqual(['first', 'second']);
    turns.shift()?.();
    expect(seen).toEqual(['first', 'second', 'third']);
    expect(turns).toHaveLength(0);
  });

  it('keeps brokers apart, and answers below the inbox that a connection chose', async () => {
    const mine = createMemoryBroker({ clock: systemClock }).connect({ inboxPrefix: '_INBOX.ns.me' });
    const other = createMemoryBroker({ clock: systemClock }).connect();
    other.subscribe('ask', ({ reply = '' }) => other.publish(reply, EMPTY));
    expect((await rejection(mine.request('ask', EMPTY, { timeoutMs: 10_000 }))).code).toBe('NO_COORDINATOR');
    mine.subscribe('ask', ({ reply = '' }) => mine.publish(reply, EMPTY));
    const { subject } = await mine.request('ask', EMPTY, { timeoutMs: 10_000 });
    expect(subject).toMatch(/^_INBOX\.ns\.me\.\d+\.[0-9a-z]+$/);
  });
});

describe('nats transport', () => {
  const disposables: (() => Promise<void>)[] = [];
  const errors: Error[] = [];

  const start = async (config = ''): Promise<TestNats> => {
    const server = await startTestNats({ config });
    disposables.unshift(() => server.kill());
    return server;
  };
  const connect = async (servers: string, options: Omit<NatsOptions, 'servers'> = {}): Promise<Transport> => {
    const transport = await connectNats({ servers, onError: (error) => void errors.push(error), ...options });
    disposables.unshift(() => transport.close());
    return transport;
  };

  afterEach(async () => {
    for (const dispose of disposables.splice(0)) await dispose();
    errors.length = 0;
  });

  it('comes back after the server was killed and restarted, with its subscriptions', async () => {
    const server = await start();
    const transport = await connect(server.url);
    const statuses: TransportStatus[] = [];
    transport.onStatus((status) => void statuses.push(status));
    const { receive, received } = inbox();
    transport.subscribe('a.*', receive);
    transport.subscribe('ask', ({ reply = '' }) => transport.publish(reply, EMPTY), { queue: 'group' });
    await transport.flush();

    const lost = reached(transport, 'reconnecting');
    await server.kill();
    await lost;
    transport.publish('a.lost', EMPTY);
    const meanwhile = inbox();
    transport.subscribe('meanwhile', meanwhile.receive);
    const back = reached(transport, 'connected');
    await server.restart();
    await back;

    transport.publish('a.back', EMPTY);
    transport.publish('meanwhile', EMPTY);
    await meanwhile.received(1);
    await transport.request('ask', EMPTY, { timeoutMs: 10_000 });
    expect((await received(1)).map(({ subject }) => subject)).toEqual(['a.back']);
    expect(statuses).toEqual(['reconnecting', 'connected']);
  });

  it('rejects requests and flushes while it reconnects, and those that were under way', async () => {
    const server = await start();
    const transport = await connect(server.url);
    const { receive, received } = inbox();
    transport.subscribe('silent', receive);
    const underWay = rejection(transport.request('silent', EMPTY, { timeoutMs: 3_600_000 }));
    await received(1);
    await server.kill();
    expect((await underWay).code).toBe('NO_COORDINATOR');
    await reached(transport, 'reconnecting');
    const error = await rejection(transport.request('silent', EMPTY, { timeoutMs: 3_600_000 }));
    expect(error.code).toBe('NO_COORDINATOR');
    expect(error.retryable).toBe(true);
    expect(error.message).toContain(server.url);
    expect((await rejection(transport.flush())).code).toBe('NO_COORDINATOR');
  });

  it('closes while it reconnects', async () => {
    const server = await start();
    const transport = await connect(server.url);
    await server.kill();
    await reached(transport, 'reconnecting');
    await transport.close();
    expect(transport.status).toBe('closed');
  });

  it('notices a server that is silent, and keeps nothing back that was published meanwhile', async () => {
    const server = await start();
    const transport = await connect(server.url);
    const { receive, received } = inbox();
    transport.subscribe('a.*', receive);
    const lost = reached(transport, 'reconnecting');
    server.signal('SIGSTOP');
    await lost;
    // By now the client waits for a greeting, and would send this after it.
    await new Promise(setImmediate);
    transport.publish('a.lost', EMPTY);
    const back = reached(transport, 'connected');
    server.signal('SIGCONT');
    await back;
    transport.publish('a.back', EMPTY);
    expect((await received(1)).map(({ subject }) => subject)).toEqual(['a.back']);
  });

  it('names the address when no server answers there', async () => {
    const server = await start();
    await server.kill();
    const error = await rejection(connectNats({ servers: `nats://me:secret@127.0.0.1:${server.port}` }));
    expect(error.code).toBe('NO_COORDINATOR');
    expect(error.message).toContain(`No NATS server answers at 127.0.0.1:${server.port}`);
    expect(error.message).not.toContain('secret');
  });

  it('enters with credentials from its options or the address, which its description leaves out', async () => {
    const server = await start('authorization { user: "me", password: "1234:5@6" }');
    const address = `127.0.0.1:${server.port}`;
    const byOptions = await connect(address, { user: 'me', pass: '1234:5@6' });
    const byAddress = await connect(`nats://me:1234%3A5%406@${address}`);
    expect([byOptions.description, byAddress.description]).toEqual([`nats://${address}`, `nats://${address}`]);
    const refused = await rejection(connectNats({ servers: address, user: 'me', pass: 'secret' }));
    expect(refused.code).toBe('INVALID_VALUE');
    expect(refused.field).toBe('credentials');
    expect(refused.message).not.toContain('secret');
  });

  it('says which subject its credentials do not permit', async () => {
    const permissions = '{ publish: ["ask", "open", "_INBOX.>"], subscribe: ["ask", "open", "_INBOX.mine.>"] }';
    const server = await start(`authorization { users: [{ user: me, password: pw, permissions: ${permissions} }] }`);
    const refusals = inbox();
    const onError = (error: Error) => {
      errors.push(error);
      refusals.receive({ subject: error.message, data: EMPTY });
    };
    const credentials = { user: 'me', pass: 'pw', onError };
    const transport = await connect(server.url, { ...credentials, inboxPrefix: '_INBOX.mine' });
    const request = await rejection(transport.request('closed', EMPTY, { timeoutMs: 3_600_000 }));
    expect(request.code).toBe('INVALID_VALUE');
    expect(request.message).toContain('publish to "closed"');
    transport.subscribe('secret', () => {});
    await refusals.received(2);
    expect(errors.at(-1)?.message).toContain('subscribe to "secret"');

    const { receive, received } = inbox();
    transport.subscribe('open', receive);
    transport.publish('open', EMPTY);
    await received(1);

    const deaf = await connect(server.url, credentials);
    const answerless = await rejection(deaf.request('closed', EMPTY, { timeoutMs: 3_600_000 }));
    expect(answerless.code).toBe('INVALID_VALUE');
    await refusals.received(3);
    const later = await rejection(deaf.request('ask', EMPTY, { timeoutMs: 3_600_000 }));
    expect(later.message).toContain('subscribe to "_INBOX.');
  });

  it('refuses a frame that only the server finds too large', async () => {
    const server = await start('max_payload: 1024');
    const transport = await connect(server.url);
    transport.publish('a', new Uint8Array(1024));
    expect(() => transport.publish('a', new Uint8Array(1025))).toThrow(/1025 bytes.* takes 1024/);
    const error = await rejection(transport.request('a', new Uint8Array(1025), { timeoutMs: 3_600_000 }));
    expect(error.code).toBe('FRAME_TOO_LARGE');
    await transport.flush();
  });

  it('sends no line of a subject or a queue name as a command', async () => {
    const server = await start();
    const victim = await connect(server.url);
    const attacker = await connect(server.url);
    const { messages, receive, received } = inbox();
    victim.subscribe('target', receive);
    await victim.flush();
    expect(() => attacker.publish('a\r\nPUB target 0\r\n', EMPTY)).toThrow('subject is');
    expect(() => attacker.subscribe('a', () => {}, { queue: 'q 9\r\nPUB target 0\r\n' })).toThrow('queue is');
    attacker.publish('target', new Uint8Array([1]));
    await received(1);
    expect(messages).toEqual([{ subject: 'target', data: new Uint8Array([1]) }]);
  });
});
