import { expect, test } from 'vitest';
import { encode } from '#rota/protocol/codec.js';
import { type ErrorCode, RotaError } from '#rota/protocol/errors.js';
import { createClient } from '#rota/sdk/index.js';
import { createMemoryBroker } from '#rota/transport/memory.js';
import { VirtualClock } from '../../support/virtual-clock.js';

const STEP_MS = 50;

/** What a client does that is refused each time, with a hint when it is worth asking again. */
async function refusedAlways(code: ErrorCode, given: { patienceMs: number; retryAfterMs: number }) {
  const { patienceMs, retryAfterMs } = given;
  const clock = new VirtualClock();
  const broker = createMemoryBroker({ clock });
  const coordinator = broker.connect();
  const asked: { ms: number; frame: string }[] = [];
  coordinator.subscribe('rota.from.*.submit.dev', ({ data, reply = '' }) => {
    asked.push({ ms: clock.monoMs(), frame: Buffer.from(data).toString('hex') });
    coordinator.publish(reply, encode({ error: new RotaError(code, 'Not now.', { retryAfterMs }).toWire() }));
  });
  const client = createClient({ transport: broker.connect(), patienceMs, clock });
  const ended = client.submit({ pool: 'dev' }).then(
    () => undefined,
    (error: RotaError) => ({ code: error.code, ms: clock.monoMs() }),
  );
  for (let ms = 0; ms < 4_000; ms += STEP_MS) {
    // A question and its answer take some turns, and no time.
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    await clock.advance(STEP_MS);
  }
  client.close();
  return { asked, ended: await ended };
}

test('a hint that is longer than the patience does not shorten it, and each try is the same task', async () => {
  const { asked, ended } = await refusedAlways('UNAVAILABLE', { patienceMs: 2_500, retryAfterMs: 1_000 });
  expect(asked.map(({ ms }) => ms)).toEqual([0, 1_000, 2_000, 2_500]);
  expect(new Set(asked.map(({ frame }) => frame)).size).toBe(1);
  expect(ended).toEqual({ code: 'UNAVAILABLE', ms: 2_500 });
});

test('a rate limit that outlasts the patience is not waited for', async () => {
  const { asked, ended } = await refusedAlways('RATE_LIMITED', { patienceMs: 2_500, retryAfterMs: 5_000 });
  expect(asked).toHaveLength(1);
  expect(ended).toEqual({ code: 'RATE_LIMITED', ms: 0 });
});

test('who has no patience asks once', async () => {
  const { asked, ended } = await refusedAlways('UNAVAILABLE', { patienceMs: 0, retryAfterMs: 1_000 });
  expect(asked).toHaveLength(1);
  expect(ended).toEqual({ code: 'UNAVAILABLE', ms: 0 });
});

test('a question is asked again while there is no answer, since whoever was given it may be paused', async () => {
  const clock = new VirtualClock();
  const broker = createMemoryBroker({ clock });
  const coordinators = broker.connect();
  const askedMs: number[] = [];
  coordinators.subscribe('rota.ask.*', ({ reply = '' }) => {
    askedMs.push(clock.monoMs());
    if (askedMs.length === 3) coordinators.publish(reply, encode({ tasks: [] }));
  });
  const client = createClient({ transport: broker.connect(), patienceMs: 0, clock });
  const ended = client.tasks().then(() => clock.monoMs());
  for (let ms = 0; ms < 4_000; ms += STEP_MS) {
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    await clock.advance(STEP_MS);
  }
  client.close();
  expect(askedMs).toEqual([0, 1_000, 2_000]);
  expect(await ended).toBe(2_000);
});
