import { afterEach, describe, expect, it } from 'vitest';
import { RotaError } from '#rota/protocol/errors.js';
import { LIMITS } from '#rota/protocol/limits.js';
import type { Message, Transport, TransportStatus } from '#rota/transport/transport.js';

/** What each implementation brings: connections to one and the same broker. */
export interface TransportKit {
  readonly name: string;
  connect(options: { onError: (error: Error) => void }): Promise<Transport>;
}

const bytes = (...values: number[]) => Uint8Array.from(values);
const EMPTY = bytes();

/** Everything a handler received so far, and a promise for when that is `count` messages. */
export function inbox() {
  const messages: Message[] = [];
  const waiting: { count: number; resolve: (messages: Message[]) => void }[] = [];
  return {
    messages,
    receive(message: Message): void {
      messages.push(message);
      for (const { count, resolve } of waiting) if (messages.length >= count) resolve(messages);
    },
    received(count: number): Promise<Message[]> {
      if (messages.length >= count) return Promise.resolve(messages);
      return new Promise((resolve) => waiting.push({ count, resolve }));
    },
  };
}

function code(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof RotaError ? error.code : `not a RotaError: ${String(error)}`;
  }
  return 'nothing thrown';
}

export async function rejection(promise: Promise<unknown>): Promise<RotaError> {
  const error = await promise.then(
    () => new Error('resolved'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof RotaError) return error;
  throw new Error(`expected a RotaError, got ${String(error)}`);
}

const INVALID_SUBJECTS = [
  '',
  '.',
  'a.',
  '.a',
  'a..b',
  'a b',
  'a\tb',
  'a\r\nPUB b 0\r\n',
  'a\n',
  'a\0b',
  'é',
  'a\u2028b',
  'a*b',
  'a>b',
  'x'.repeat(257),
];
const PATTERNS = ['*', '>', 'a.*', 'a.>', '*.b'];
const INVALID_PATTERNS = [...INVALID_SUBJECTS, '>.a', 'a.>.b', '**', '>>', 'a.b>'];
const INVALID_QUEUES = ['', 'a b', 'a.b', 'a\r\nUNSUB 1', '*', '>'];

/** The suite that every transport passes. */
export function transportContract(kit: TransportKit): void {
  describe(`transport contract: ${kit.name}`, () => {
    const open: Transport[] = [];
    const errors: Error[] = [];
    const onError = (error: Error) => void errors.push(error);

    const connect = async () => {
      const transport = await kit.connect({ onError });
      open.push(transport);
      return transport;
    };
    /** A subscriber whose subscriptions are in force once `flush` has resolved, and a publisher. */
    const pair = async () => ({ from: await connect(), to: await connect() });

    afterEach(async () => {
      await Promise.all(open.splice(0).map((transport) => transport.close()));
      errors.length = 0;
    });

    describe('publish and subscribe', () => {
      it('delivers subject, bytes and reply to another connection and to its own', async () => {
        const { from, to } = await pair();
        const there = inbox();
        const here = inbox();
        to.subscribe('a.b', there.receive);
        from.subscribe('a.b', here.receive);
        await to.flush();
        from.publish('a.b', bytes(1, 2, 3), 'answer.here');
        const expected = { subject: 'a.b', data: bytes(1, 2, 3), reply: 'answer.here' };
        expect(await there.received(1)).toEqual([expected]);
        expect(await here.received(1)).toEqual([expected]);
      });

      it('leaves `reply` out where there is none, and carries no bytes as no bytes', async () => {
        const { from, to } = await pair();
        const { receive, received } = inbox();
        to.subscribe('a', receive);
        await to.flush();
        from.publish('a', EMPTY);
        const [message] = await received(1);
        expect(message).toEqual({ subject: 'a', data: EMPTY });
        expect(message).not.toHaveProperty('reply');
      });

      it('T1: keeps the order of one publisher, over subjects', async () => {
        const { from, to } = await pair();
        const { receive, received } = inbox();
        to.subscribe('order.*', receive);
        await to.flush();
        for (let i = 0; i < 2_000; i += 1) from.publish(`order.${i % 7}`, bytes(i & 255, i >> 8));
        const order = (await received(2_000)).map(({ data: [low = 0, high = 0] }) => low + high * 256);
        expect(order).toEqual(Array.from({ length: 2_000 }, (_, i) => i));
      });

      it('delivers after the call that publishes has returned', async () => {
        const transport = await connect();
        const { messages, receive, received } = inbox();
        transport.subscribe('later', receive);
        transport.publish('later', EMPTY);
        expect(messages).toEqual([]);
        await received(1);
      });

      it('delivers what a handler publishes', async () => {
        const transport = await connect();
        const { receive, received } = inbox();
        transport.subscribe('ping', () => transport.publish('pong', EMPTY));
        transport.subscribe('pong', receive);
        transport.publish('ping', EMPTY);
        await received(1);
      });

      it('matches wildcards', async () => {
        const { from, to } = await pair();
        const heard: Record<string, string[]> = {};
        const patterns = ['a.b', 'a.*', '*.b', 'a.>', '>', '*', 'a.*.c'];
        const end = inbox();
        for (const pattern of patterns) {
          heard[pattern] = [];
          to.subscribe(pattern, ({ subject }) => void (subject === 'end' || heard[pattern]?.push(subject)));
        }
        to.subscribe('end', end.receive);
        await to.flush();
        for (const subject of ['a', 'a.b', 'a.b.c', 'x.b', 'end']) from.publish(subject, EMPTY);
        await end.received(1);
        expect(heard).toEqual({
          'a.b': ['a.b'],
          'a.*': ['a.b'],
          '*.b': ['a.b', 'x.b'],
          'a.>': ['a.b', 'a.b.c'],
          '>': ['a', 'a.b', 'a.b.c', 'x.b'],
          '*': ['a'],
          'a.*.c': ['a.b.c'],
        });
      });

      it('ends one subscription and leaves its twin', async () => {
        const transport = await connect();
        const ended = inbox();
        const twin = inbox();
        const end = transport.subscribe('a', ended.receive);
        transport.subscribe('a', twin.receive);
        transport.publish('a', bytes(1));
        await twin.received(1);
        end();
        end();
        transport.publish('a', bytes(2));
        await twin.received(2);
        expect(ended.messages).toHaveLength(1);
      });

      it('a subscription that ends while a message is being handled gets no further one', async () => {
        const transport = await connect();
        const seen: number[] = [];
        const last = inbox();
        const end = transport.subscribe('a', ({ data: [value = -1] }) => {
          seen.push(value);
          end();
        });
        transport.subscribe('a', last.receive);
        for (const value of [1, 2, 3]) transport.publish('a', bytes(value));
        await last.received(3);
        expect(seen).toEqual([1]);
      });
    });

    describe('queue groups', () => {
      it('gives each message to one member of a group, and to everyone outside it', async () => {
        const { from, to } = await pair();
        const members = [inbox(), inbox(), inbox()];
        const other = inbox();
        const alone = inbox();
        for (const { receive } of members) to.subscribe('work', receive, { queue: 'group' });
        to.subscribe('work', other.receive, { queue: 'other' });
        to.subscribe('work', alone.receive);
        await to.flush();
        for (let i = 0; i < 200; i += 1) from.publish('work', bytes(i));
        await Promise.all([alone.received(200), other.received(200)]);
        await from.flush();
        await to.flush();
        const shares = members.map(({ messages }) => messages.length);
        expect(shares.reduce((sum, share) => sum + share)).toBe(200);
        expect(Math.min(...shares)).toBeGreaterThan(0);
      });

      it('is one group over different patterns, and goes on without a member that leaves', async () => {
        const { from, to } = await pair();
        const leaves = inbox();
        const stays = inbox();
        const end = to.subscribe('work.a', leaves.receive, { queue: 'group' });
        to.subscribe('work.*', stays.receive, { queue: 'group' });
        end();
        await to.flush();
        for (let i = 0; i < 20; i += 1) from.publish('work.a', EMPTY);
        await stays.received(20);
        expect(leaves.messages).toEqual([]);
      });
    });

    describe('request and reply', () => {
      it('resolves with the first answer', async () => {
        const { from, to } = await pair();
        to.subscribe('double', ({ data, reply }) => {
          if (reply === undefined) return;
          to.publish(
            reply,
            data.map((value) => value * 2),
          );
          to.publish(reply, bytes(0));
        });
        await to.flush();
        const answers = await Promise.all(
          [1, 2, 3].map((value) => from.request('double', bytes(value), { timeoutMs: 10_000 })),
        );
        expect(answers.map(({ data }) => [...data])).toEqual([[2], [4], [6]]);
        expect(new Set(answers.map(({ subject }) => subject)).size).toBe(3);
      });

      it('takes an empty answer for an answer', async () => {
        const transport = await connect();
        transport.subscribe('ok', ({ reply = '' }) => transport.publish(reply, EMPTY));
        expect((await transport.request('ok', EMPTY, { timeoutMs: 10_000 })).data).toEqual(EMPTY);
      });

      it('rejects with NO_COORDINATOR when nobody subscribes', async () => {
        const transport = await connect();
        const error = await rejection(transport.request('nobody.here', EMPTY, { timeoutMs: 3_600_000 }));
        expect(error.code).toBe('NO_COORDINATOR');
        expect(error.retryable).toBe(true);
        expect(error.message).toContain('"nobody.here"');
      });

      it('rejects with TIMEOUT when nobody answers, and ignores a late answer', async () => {
        const transport = await connect();
        const { receive, received } = inbox();
        transport.subscribe('slow', receive);
        const error = await rejection(transport.request('slow', EMPTY, { timeoutMs: 5 }));
        expect(error.code).toBe('TIMEOUT');
        expect(error.message).toContain('"slow" did not answer within 5 ms');
        const [message] = await received(1);
        transport.publish(message?.reply ?? '', EMPTY);
        await transport.flush();
        expect(errors).toEqual([]);
      });

      it('gives a request to one member of a queue group', async () => {
        const { from, to } = await pair();
        const calls: string[] = [];
        for (const name of ['one', 'two']) {
          const handler = ({ reply = '' }: Message) => {
            calls.push(name);
            to.publish(reply, EMPTY);
          };
          to.subscribe('ask', handler, { queue: 'group' });
        }
        await to.flush();
        await from.request('ask', EMPTY, { timeoutMs: 10_000 });
        await to.flush();
        expect(calls).toHaveLength(1);
      });
    });

    describe('T2: handlers that fail', () => {
      it('reports what they throw, and goes on delivering to them and to others', async () => {
        const { from, to } = await pair();
        const other = inbox();
        const failing = inbox();
        to.subscribe('fail', (message) => {
          failing.receive(message);
          throw new Error('thrown');
        });
        to.subscribe('fail', async () => {
          throw new Error('rejected');
        });
        to.subscribe('fail', () => {
          throw 'no Error at all';
        });
        to.subscribe('other', other.receive);
        await to.flush();
        for (let i = 0; i < 3; i += 1) from.publish('fail', EMPTY);
        from.publish('other', EMPTY);
        await failing.received(3);
        await other.received(1);
        await to.flush();
        const messages = errors.map(({ message }) => message);
        expect(messages.filter((message) => message === 'thrown')).toHaveLength(3);
        expect(messages.filter((message) => message === 'rejected')).toHaveLength(3);
        expect(messages.filter((message) => message === 'no Error at all')).toHaveLength(3);
      });

      it('survives a status listener that throws', async () => {
        const transport = await connect();
        const statuses: TransportStatus[] = [];
        transport.onStatus(() => {
          throw new Error('listener');
        });
        transport.onStatus((status) => void statuses.push(status));
        await transport.close();
        expect(statuses).toEqual(['closed']);
        expect(errors.map(({ message }) => message)).toEqual(['listener']);
      });
    });

    describe('T3: subjects', () => {
      it.each([...INVALID_SUBJECTS, ...PATTERNS])('refuses to publish to %j', async (subject) => {
        const transport = await connect();
        expect(code(() => transport.publish(subject, EMPTY))).toBe('INVALID_NAME');
        expect(code(() => transport.publish('fine', EMPTY, subject))).toBe('INVALID_NAME');
        expect((await rejection(transport.request(subject, EMPTY, { timeoutMs: 10_000 }))).code).toBe('INVALID_NAME');
      });

      it.each(INVALID_PATTERNS)('refuses to subscribe to %j', async (subject) => {
        const transport = await connect();
        expect(code(() => transport.subscribe(subject, () => {}))).toBe('INVALID_NAME');
      });

      it.each(INVALID_QUEUES)('refuses the queue group %j', async (queue) => {
        const transport = await connect();
        expect(code(() => transport.subscribe('fine', () => {}, { queue }))).toBe('INVALID_NAME');
      });

      it('goes on working after a refusal, and quotes the value without its control characters', async () => {
        const transport = await connect();
        let message = '';
        try {
          transport.publish('a\r\nPUB b 0\r\n\r\n', EMPTY);
        } catch (error) {
          message = String(error);
        }
        expect(message).toContain(String.raw`"a\r\nPUB b 0\r\n\r\n"`);
        expect(message).not.toMatch(/[\r\n]/);
        await transport.flush();
      });
    });

    describe('T4: bytes', () => {
      it.each([
        ['a Uint8Array', () => new Uint8Array(512)],
        ['a Buffer', () => Buffer.alloc(512)],
        ['a view of a larger buffer', () => new Uint8Array(new ArrayBuffer(2_048), 700, 512)],
      ])('may be reused after publish and request: %s', async (_, make) => {
        const { from, to } = await pair();
        const { receive, received } = inbox();
        const answered = inbox();
        to.subscribe('a', receive);
        to.subscribe('ask', (message) => {
          answered.receive(message);
          to.publish(message.reply ?? '', EMPTY);
        });
        await to.flush();
        const data = make();
        data.fill(1);
        from.publish('a', data);
        data.fill(2);
        from.publish('a', data);
        data.fill(3);
        const answer = from.request('ask', data, { timeoutMs: 10_000 });
        data.fill(4);
        await answer;
        const messages = [...(await received(2)), ...answered.messages];
        expect(messages.map((message) => [...new Set(message.data)])).toEqual([[1], [2], [3]]);
      });

      it('belong to the receiver: each has its own, of their own size', async () => {
        const transport = await connect();
        const first = inbox();
        const second = inbox();
        transport.subscribe('a', (message) => {
          message.data.fill(9);
          first.receive(message);
        });
        transport.subscribe('a', second.receive);
        transport.publish('a', bytes(1, 2, 3));
        const [mine] = await first.received(1);
        const [other] = await second.received(1);
        expect(mine?.data.buffer.byteLength).toBe(3);
        expect(other?.data).toEqual(bytes(1, 2, 3));
      });

      it('may be as many as the limit, and not one more', async () => {
        const { from, to } = await pair();
        const { receive, received } = inbox();
        to.subscribe('large', receive);
        to.subscribe('echo', ({ data, reply = '' }) => to.publish(reply, data));
        await to.flush();
        const largest = new Uint8Array(LIMITS.frameBytes).fill(7);
        const below = largest.subarray(1);
        const tooLarge = new Uint8Array(LIMITS.frameBytes + 1);
        from.publish('large', below);
        from.publish('large', largest);
        const lengths = (await received(2)).map(({ data }) => data.length);
        expect(lengths).toEqual([LIMITS.frameBytes - 1, LIMITS.frameBytes]);
        const echo = await from.request('echo', largest, { timeoutMs: 10_000 });
        // `toEqual` takes most of a second for as many.
        expect(Buffer.compare(echo.data, largest)).toBe(0);
        expect(code(() => from.publish('large', tooLarge))).toBe('FRAME_TOO_LARGE');
        const refused = await rejection(from.request('echo', tooLarge, { timeoutMs: 10_000 }));
        expect(refused.code).toBe('FRAME_TOO_LARGE');
      });
    });

    describe('close', () => {
      it('refuses everything afterwards, and is safe to call twice', async () => {
        const transport = await connect();
        expect(transport.status).toBe('connected');
        const statuses: TransportStatus[] = [];
        const unheard: TransportStatus[] = [];
        transport.onStatus((status) => void statuses.push(status));
        transport.onStatus((status) => void unheard.push(status))();
        await Promise.all([transport.close(), transport.close()]);
        await transport.close();
        expect(transport.status).toBe('closed');
        expect(statuses).toEqual(['closed']);
        expect(unheard).toEqual([]);
        expect(code(() => transport.publish('a', EMPTY))).toBe('CLOSED');
        expect(code(() => transport.subscribe('a', () => {}))).toBe('CLOSED');
        expect((await rejection(transport.request('a', EMPTY, { timeoutMs: 10_000 }))).code).toBe('CLOSED');
        expect((await rejection(transport.flush())).code).toBe('CLOSED');
      });

      it('sends what was published before', async () => {
        const { from, to } = await pair();
        const { receive, received } = inbox();
        to.subscribe('a', receive);
        await to.flush();
        // More than a socket takes at once.
        const frame = new Uint8Array(LIMITS.frameBytes);
        for (let i = 0; i < 64; i += 1) from.publish('a', frame);
        await from.close();
        await received(64);
      });

      it('rejects requests that wait', async () => {
        const { from, to } = await pair();
        const { receive, received } = inbox();
        to.subscribe('silent', receive);
        await to.flush();
        const waiting = rejection(from.request('silent', EMPTY, { timeoutMs: 3_600_000 }));
        await received(1);
        await from.close();
        expect((await waiting).code).toBe('CLOSED');
      });

      it('T5: waits for handlers that run, lets them answer, and starts no other', async () => {
        const { from, to } = await pair();
        let release = () => {};
        const gate = new Promise<void>((resolve) => {
          release = resolve;
        });
        const started = inbox();
        let ended = 0;
        to.subscribe('ask', async (message) => {
          started.receive(message);
          await gate;
          ended += 1;
          to.publish(message.reply ?? '', bytes(1));
        });
        await to.flush();
        const answer = from.request('ask', EMPTY, { timeoutMs: 10_000 });
        await started.received(1);
        let closed = false;
        const closing = to.close().then(() => {
          closed = true;
        });
        from.publish('ask', EMPTY);
        await from.flush();
        expect(closed).toBe(false);
        release();
        await closing;
        expect(ended).toBe(1);
        expect(started.messages).toHaveLength(1);
        expect((await answer).data).toEqual(bytes(1));
      });

      it('leaves nobody to answer: requests to it are rejected at once', async () => {
        const { from, to } = await pair();
        to.subscribe('ask', ({ reply = '' }) => to.publish(reply, EMPTY));
        await to.flush();
        await from.request('ask', EMPTY, { timeoutMs: 10_000 });
        await to.close();
        const error = await rejection(from.request('ask', EMPTY, { timeoutMs: 3_600_000 }));
        expect(error.code).toBe('NO_COORDINATOR');
      });
    });
  });
}
