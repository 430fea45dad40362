import { describe, expect, it } from 'vitest';
import { CachedSource } from '#rota/availability/cache.js';
import { RotaError } from '#rota/protocol/errors.js';
import { rejection } from '../../support/signals.js';

const TTL_MS = 30_000;
const RETRY_MS = 5_000;
const WALL_MS = 1_800_000_000_000;

/** A source that answers when the test says so, and a clock that the test moves. */
function bench(ttlMs = TTL_MS) {
  const requests: { answer(ids: string[]): void; fail(): void }[] = [];
  const told: (readonly ['fresh'] | readonly ['stale', sinceMs: number | undefined])[] = [];
  let nowMs = 0;
  let closed = 0;
  const source = {
    available: () =>
      new Promise<ReadonlySet<string>>((resolve, reject) => {
        const fail = () => reject(new RotaError('UNAVAILABLE', `Request ${requests.length} failed.`));
        requests.push({ answer: (ids) => resolve(new Set(ids)), fail });
      }),
    close: () => void closed++,
  };
  const options = {
    ttlMs,
    onStale: (_error: RotaError, sinceMs?: number) => void told.push(['stale', sinceMs]),
    onFresh: () => void told.push(['fresh']),
  };
  const clock = { monoMs: () => nowMs, wallMs: () => WALL_MS + nowMs };
  const cache = new CachedSource(source, options, clock);
  return {
    cache,
    requests,
    told,
    closed: () => closed,
    passMs(ms: number) {
      nowMs += ms;
    },
    /** Asks, lets the source's newest request end so, and gives what the caller gets. */
    async asks(end: string[] | 'failure'): Promise<string[] | string> {
      const asked = cache.available();
      const request = requests.at(-1);
      if (end === 'failure') request?.fail();
      else request?.answer(end);
      return asked.then(
        (ids) => [...ids],
        (error) => error.message.split('.')[0],
      );
    },
  };
}

describe('a cached source', () => {
  it('asks again when the answer no longer holds, and not before', async () => {
    const { asks, requests, passMs } = bench();
    expect(await asks(['ann'])).toEqual(['ann']);
    passMs(TTL_MS - 1);
    expect(await asks(['bob'])).toEqual(['ann']);
    expect(requests).toHaveLength(1);
    passMs(1);
    expect(await asks(['bob'])).toEqual(['bob']);
    expect(requests).toHaveLength(2);
  });

  it('counts from when the answer came', async () => {
    const { cache, requests, passMs } = bench();
    const asked = cache.available();
    passMs(TTL_MS);
    requests[0]?.answer(['ann']);
    await asked;
    passMs(TTL_MS - 1);
    await cache.available();
    expect(requests).toHaveLength(1);
  });

  it('has one request for all who ask at a time', async () => {
    const { cache, requests, passMs } = bench();
    for (const ids of [['ann'], ['bob']]) {
      const asked = [cache.available(), cache.available(), cache.available()];
      requests.at(-1)?.answer(ids);
      for (const answer of await Promise.all(asked)) expect([...answer]).toEqual(ids);
      passMs(TTL_MS);
    }
    expect(requests).toHaveLength(2);
  });

  it('holds on to the last answer while there is no newer one, and says so once', async () => {
    const { asks, told, passMs } = bench();
    passMs(7);
    await asks(['ann']);
    passMs(TTL_MS);
    expect(await asks('failure')).toEqual(['ann']);
    passMs(RETRY_MS);
    expect(await asks('failure')).toEqual(['ann']);
    expect(told).toEqual([['stale', WALL_MS + 7]]);
    passMs(RETRY_MS);
    expect(await asks(['bob'])).toEqual(['bob']);
    expect(told).toEqual([['stale', WALL_MS + 7], ['fresh']]);
    passMs(TTL_MS);
    await asks('failure');
    expect(told).toHaveLength(3);
    expect(told[2]).toEqual(['stale', WALL_MS + 7 + TTL_MS + 2 * RETRY_MS]);
  });

  it('throws while there never was an answer', async () => {
    const { asks, told, passMs } = bench();
    expect(await asks('failure')).toBe('Request 1 failed');
    passMs(RETRY_MS);
    expect(await asks('failure')).toBe('Request 2 failed');
    expect(told).toEqual([['stale', undefined]]);
  });

  it.each([
    [TTL_MS, RETRY_MS],
    [200, 200],
  ])('with a ttl of %d ms, asks a source that failed again after %d ms', async (ttlMs, retryMs) => {
    const { asks, requests, passMs } = bench(ttlMs);
    await asks('failure');
    passMs(retryMs - 1);
    expect(await asks('failure')).toBe('Request 1 failed');
    expect(requests).toHaveLength(1);
    passMs(1);
    expect(await asks(['ann'])).toEqual(['ann']);
  });

  it('says nothing more once it is closed', async () => {
    const { cache, requests, told, closed } = bench();
    const asked = cache.available();
    cache.close();
    requests[0]?.fail();
    expect(await rejection(asked)).toMatchObject({ code: 'CLOSED' });
    expect(await rejection(cache.available())).toMatchObject({ code: 'CLOSED' });
    expect([requests.length, told.length, closed()]).toEqual([1, 0, 1]);
  });

  it('does not say that it is fresh again once it is closed', async () => {
    const { cache, asks, requests, told, passMs } = bench();
    await asks('failure');
    passMs(RETRY_MS);
    const asked = cache.available();
    cache.close();
    requests[1]?.answer(['ann']);
    expect(await rejection(asked)).toMatchObject({ code: 'CLOSED' });
    expect(told).toEqual([['stale', undefined]]);
  });

  it('takes a source that throws at once for one that fails', async () => {
    let asked = 0;
    const source = {
      available(): Promise<ReadonlySet<string>> {
        asked++;
        throw new Error('broken');
      },
      close() {},
    };
    let nowMs = 0;
    const options = { ttlMs: TTL_MS, onStale() {}, onFresh() {} };
    const cache = new CachedSource(source, options, { monoMs: () => nowMs, wallMs: () => 0 });
    for (nowMs of [0, RETRY_MS]) {
      expect(await rejection(cache.available())).toMatchObject({ code: 'UNAVAILABLE' });
    }
    expect(asked).toBe(2);
  });
});
