import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createAvailability } from '#rota/availability/create.js';
import { createHttpSource } from '#rota/availability/http.js';
import { type Clock, systemClock } from '#rota/clock.js';
import { AvailabilitySchema } from '#rota/protocol/policy.js';
import { startServer } from '../support/http-server.js';
import { gate, Log, rejection } from '../support/signals.js';

const ANN = JSON.stringify({ agents: [{ id: 'ann', available: true }] });
const MIB = 1024 * 1024;

/** Timers that fire when the test says so. */
function stoppedTimers() {
  const waiting = new Set<() => void>();
  const after = (_delayMs: number, fn: () => void) => {
    waiting.add(fn);
    return () => void waiting.delete(fn);
  };
  const fire = () => {
    for (const fn of [...waiting]) fn();
  };
  return { clock: { after }, waiting, fire };
}

/** Asks a server with this listener once. */
async function ask(listener: RequestListener, path = '/who?key=s3cret') {
  await using server = await startServer(listener);
  const { clock, waiting } = stoppedTimers();
  const source = createHttpSource({ url: server.origin + path, timeoutMs: 100 }, clock);
  try {
    return await source.available();
  } finally {
    expect(waiting.size).toBe(0);
  }
}

function redirects(to: (request: IncomingMessage) => string | undefined): RequestListener {
  return (request, response) => {
    const location = to(request);
    if (location === undefined) response.end(ANN);
    else response.writeHead(302, { location }).end('moved');
  };
}

describe('an answer', () => {
  it('is asked for as JSON', async () => {
    const requests: IncomingMessage[] = [];
    await ask((request, response) => {
      requests.push(request);
      response.end(ANN);
    });
    expect(requests.map(({ method, url, headers }) => [method, url, headers.accept])).toEqual([
      ['GET', '/who?key=s3cret', 'application/json'],
    ]);
  });

  it('may come in pieces, compressed, and from another path of the same host', async () => {
    const pieces: RequestListener = (_request, response) => {
      response.write(ANN.slice(0, 10), () => response.end(ANN.slice(10)));
    };
    expect(await ask(pieces)).toEqual(new Set(['ann']));
    const zipped: RequestListener = (_request, response) =>
      void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(ANN));
    expect(await ask(zipped)).toEqual(new Set(['ann']));
    const steps: Record<string, string> = { '/a': '/b', '/b': 'c', '/c': '/d' };
    expect(
      await ask(
        redirects(({ url = '' }) => steps[url]),
        '/a',
      ),
    ).toEqual(new Set(['ann']));
  });

  it('may be one mebibyte long', async () => {
    const [head, tail] = ['{"agents": [', ']}'];
    const full = `${head}${' '.repeat(MIB - head.length - tail.length)}${tail}`;
    expect(await ask((_request, response) => response.end(full))).toEqual(new Set());
    expect(await rejection(ask((_request, response) => response.end(`${full} `)))).toMatchObject({
      message: expect.stringContaining(`more than ${MIB} bytes`),
    });
  });
});

const answers = (body: string | Uint8Array, status = 200, headers = {}): RequestListener => {
  return (_request, response) => void response.writeHead(status, headers).end(body);
};

describe('a service that does not do as it should', () => {
  const cases: readonly (readonly [what: string, listener: RequestListener, message: string])[] = [
    ['is broken', answers('s3cret', 500), 'it answered with status 500.'],
    ['has nothing to say', answers('', 204), 'it answered with status 204.'],
    ['says nothing', answers(''), 'its answer is not JSON.'],
    ['says something else', answers('<html>s3cret'), 'its answer is not JSON.'],
    ['breaks off', answers('{"agents": [{"id": "s3cret'), 'its answer is not JSON.'],
    ['writes no UTF-8', answers(Uint8Array.of(0x22, 0xff, 0x22)), 'its answer is not JSON.'],
    ['answers null', answers('null'), 'in its answer the whole does not fit'],
    ['has no list', answers('{"s3cret": []}'), 'in its answer agents does not fit'],
    [
      'has an answer like yes',
      answers('{"agents": [{"id": "s3cret", "available": "s3cret"}]}'),
      'in its answer agents[0].available does not fit (Invalid input: expected boolean, received string).',
    ],
    [
      'packs much into little',
      answers(gzipSync(' '.repeat(MIB + 1)), 200, { 'content-encoding': 'gzip' }),
      `its answer has more than ${MIB} bytes.`,
    ],
    ['redirects in a circle', redirects(({ url }) => url), 'it redirects more than 3 times.'],
    ['redirects nowhere', answers('', 302), 'it redirects without saying where to.'],
    ['redirects to no address', answers('', 302, { location: 'http://' }), 'it redirects without saying where to.'],
    ['redirects to a file', answers('', 302, { location: 'file:///etc/passwd' }), 'it redirects to another host'],
    ['hangs up', (request) => void request.socket.destroy(), "can't be reached (UND_ERR_SOCKET)."],
    [
      'hangs up midway',
      (_request, response) => void response.write(ANN.slice(0, 9), () => response.destroy()),
      "can't be reached (UND_ERR_SOCKET).",
    ],
    [
      'speaks another language',
      (request) => void request.socket.end('s3cret\r\n\r\n'),
      "can't be reached (HPE_INVALID_CONSTANT).",
    ],
    [
      'says that it is compressed',
      answers('s3cret', 200, { 'content-encoding': 'gzip' }),
      "can't be reached (Z_DATA_ERROR).",
    ],
  ];

  it.each(cases)('%s', async (_what, listener, message) => {
    const error = await rejection(ask(listener));
    expect(error.message).toContain(message);
    expect(error.message).toMatch(/^The availability source http:\/\/127\.0\.0\.1:\d+\/who[ :]/);
    expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    // Neither the key in the address nor what the service said.
    expect([error.message, error.stack, String(error.cause)].join()).not.toContain('s3cret');
  });

  it('is not there', async () => {
    const server = await startServer(() => {});
    await server[Symbol.asyncDispose]();
    const source = createHttpSource({ url: server.origin, timeoutMs: 100 }, stoppedTimers().clock);
    expect((await rejection(source.available())).message).toContain("can't be reached (ECONNREFUSED).");
  });

  it('redirects to another host, which is not asked', async () => {
    let asked = 0;
    await using other = await startServer((_request, response) => {
      asked++;
      response.end(ANN);
    });
    const error = await rejection(ask(redirects(() => `${other.origin}/who`)));
    expect(error.message).toContain('it redirects to another host');
    expect(asked).toBe(0);
  });

  it.each(['never answers', 'never ends', 'fails and never ends', 'sends without end'])('%s', async (what) => {
    const responses = new Log<ServerResponse>();
    await using server = await startServer((_request, response) => {
      if (what === 'fails and never ends') response.statusCode = 500;
      if (what !== 'never answers') response.write('{"agents": [');
      responses.push(response);
    });
    const { clock, fire } = stoppedTimers();
    const source = createHttpSource({ url: server.origin, timeoutMs: 2_000 }, clock);
    const asked = rejection(source.available());
    const [response] = await responses.reaches(1);
    const cut = gate();
    response?.on('close', () => cut.open());
    if (what === 'sends without end') {
      const more = () => {
        while (response?.write(' '.repeat(65_536)));
      };
      response?.on('drain', more);
      more();
      expect((await asked).message).toContain(`more than ${MIB} bytes`);
    } else if (what === 'fails and never ends') {
      expect((await asked).message).toContain('status 500');
    } else {
      fire();
      expect(await asked).toMatchObject({
        code: 'TIMEOUT',
        message: expect.stringContaining('did not answer within 2000 ms. See why the service is slow'),
      });
    }
    await cut.passed;
  });
});

it('a source that is closed lets go of its request', async () => {
  const responses = new Log<ServerResponse>();
  await using server = await startServer((_request, response) => responses.push(response));
  const { clock, waiting } = stoppedTimers();
  const source = createHttpSource({ url: server.origin, timeoutMs: 2_000 }, clock);
  const asked = rejection(source.available());
  const [response] = await responses.reaches(1);
  const cut = gate();
  response?.on('close', () => cut.open());
  source.close();
  expect(await asked).toMatchObject({ code: 'CLOSED' });
  expect(waiting.size).toBe(0);
  await cut.passed;
});

it('logs that the last answer holds on, and that there is one again', async () => {
  let isBroken = false;
  await using server = await startServer(
    (_request, response) => void (isBroken ? response.destroy() : response.end(ANN)),
  );
  let nowMs = 0;
  const clock: Clock = { ...systemClock, monoMs: () => nowMs, wallMs: () => Date.UTC(2026, 0, 1) };
  const logged: string[] = [];
  const write =
    (level: string) =>
    (...parts: unknown[]) =>
      void logged.push(`${level} ${JSON.stringify(parts)}`);
  const config = AvailabilitySchema.parse({ kind: 'http', url: server.origin, ttlMs: 1_000 });
  const source = createAvailability(config, clock, { info: write('info'), warn: write('warn') });
  for (isBroken of [false, true, true, false, false]) {
    expect(await source.available()).toEqual(new Set(['ann']));
    nowMs += 1_000;
  }
  expect(logged).toEqual([
    expect.stringMatching(/^warn .*UNAVAILABLE.*"since":"2026-01-01T00:00:00.000Z"/),
    expect.stringContaining('info ["availability is known again"]'),
  ]);
});
