import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failoverOf, Lease } from '#rota/actors/lease.js';
import { type ErrorCode, RotaError } from '#rota/protocol/errors.js';
import { VirtualClock } from '../../support/virtual-clock.js';

const FAILOVER = failoverOf(3_000);
const { fenceMs, renewMs, pollMs } = FAILOVER;
/** Where the leader before left its clock. */
const START_MS = 7_000;

interface Answer {
  readonly afterMs: number;
  readonly failure?: ErrorCode;
}

/** A lease on a store that answers as the test says; `ok` and at once where it says nothing. */
function setUp(answers: Answer[] = []) {
  const clock = new VirtualClock();
  const calls: string[] = [];
  const renewals: { readonly startMs: number; readonly answeredMs: number }[] = [];
  const store = {
    renew: (epoch: number, leaseMs: number) =>
      new Promise<void>((resolve, reject) => {
        const startMs = clock.monoMs();
        calls.push(`renew ${epoch} ${leaseMs}`);
        const { afterMs, failure } = answers.shift() ?? { afterMs: 0 };
        if (afterMs === Number.POSITIVE_INFINITY) return;
        clock.after(afterMs, () => {
          if (failure !== undefined) return reject(new RotaError(failure, 'Planted.'));
          renewals.push({ startMs, answeredMs: clock.monoMs() });
          resolve();
        });
      }),
    resign: async (epoch: number) => void calls.push(`resign ${epoch}`),
  };
  const ended: string[] = [];
  const failed: (string | undefined)[] = [];
  const lease = new Lease(
    {
      ...{ store, clock, epoch: 5, failover: FAILOVER },
      onEnded: (error) => ended.push(error.code),
      onRenewal: (error) => failed.push(error?.code),
    },
    START_MS,
  );
  return { clock, lease, calls, renewals, ended, failed };
}

const NEVER = Number.POSITIVE_INFINITY;

describe('a lease', () => {
  test('lets its leader act once the store has renewed it, and for as long as it does', async () => {
    const { clock, lease, calls } = setUp([{ afterMs: 10 }]);
    expect(lease.isCurrent).toBe(false);
    void lease.run();
    await clock.advance(9);
    expect(lease.isCurrent).toBe(false);
    await clock.advance(1);
    expect(lease.isCurrent).toBe(true);
    for (let i = 1; i <= 20; i++) {
      await clock.advance(renewMs);
      expect(lease.isCurrent).toBe(true);
    }
    expect(calls.length).toBe(21);
    expect(new Set(calls)).toEqual(new Set(['renew 5 3000']));
  });

  test('is over when the fence has passed since a renewal began that was the last', async () => {
    const { clock, lease, failed } = setUp([{ afterMs: 500 }, { afterMs: NEVER }]);
    void lease.run();
    await clock.advance(500);
    await clock.advance(fenceMs - 501);
    expect(lease.isCurrent).toBe(true);
    await clock.advance(1);
    expect(lease.isCurrent).toBe(false);
    expect(failed).toEqual([undefined]);
  });

  test('takes no answer that comes too late, says so, and asks again', async () => {
    const { clock, lease, calls, failed } = setUp([{ afterMs: fenceMs }, { afterMs: NEVER }, { afterMs: 5 }]);
    void lease.run();
    await clock.advance(fenceMs);
    expect(lease.isCurrent).toBe(false);
    expect(failed).toEqual(['STORE_FAILED']);
    await clock.advance(pollMs + fenceMs);
    expect(failed).toEqual(['STORE_FAILED', 'STORE_FAILED']);
    await clock.advance(pollMs + 5);
    expect(lease.isCurrent).toBe(true);
    expect(calls).toHaveLength(3);
  });

  test('is over at once after a pause, whatever was due meanwhile', async () => {
    const { clock, lease } = setUp([{ afterMs: 0 }, { afterMs: 0 }, { afterMs: 20, failure: 'DEPOSED' }]);
    void lease.run();
    await clock.advance(renewMs + 1);
    expect(lease.isCurrent).toBe(true);
    const { monoMs } = lease;
    clock.pause(60_000);
    expect(lease.isCurrent).toBe(false);
    expect(lease.monoMs).toBeLessThanOrEqual(monoMs + fenceMs);
    await clock.advance(20);
    expect(lease.isCurrent).toBe(false);
  });

  test('tries again soon after a failure, and says of each renewal how it went', async () => {
    const failure = 'STORE_FAILED';
    const { clock, lease, failed, ended } = setUp([
      { afterMs: 0, failure },
      { afterMs: 0, failure },
    ]);
    void lease.run();
    await clock.advance(2 * pollMs + 1);
    expect(failed).toEqual([failure, failure, undefined]);
    expect(lease.isCurrent).toBe(true);
    expect(ended).toEqual([]);
  });

  test.each(['DEPOSED', 'CLOSED'] as const)('ends with %s: once, at once and for ever', async (failure) => {
    const { clock, lease, calls, ended } = setUp([{ afterMs: 0 }, { afterMs: 0, failure }]);
    void lease.run();
    await clock.advance(1);
    await clock.advance(renewMs);
    expect(ended).toEqual([failure]);
    expect(lease.isCurrent).toBe(false);
    expect(await lease.whenCurrent()).toBe(false);
    await clock.advance(60_000);
    expect(calls).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  test('wakes who waits when its leader may act, or never may again', async () => {
    const { clock, lease } = setUp([{ afterMs: 10 }, { afterMs: NEVER }]);
    void lease.run();
    const heard: string[] = [];
    const wait = (name: string) => void lease.whenCurrent().then((isCurrent) => heard.push(`${name} ${isCurrent}`));
    wait('first');
    wait('second');
    await clock.advance(9);
    expect(heard).toEqual([]);
    await clock.advance(1);
    await clock.advance(1);
    wait('current');
    await clock.advance(fenceMs);
    expect(heard).toEqual(['first true', 'second true', 'current true']);
    wait('late');
    await clock.advance(10);
    lease.stop();
    wait('stopped');
    await clock.advance(1);
    expect(heard.slice(3)).toEqual(['late false', 'stopped false']);
  });

  test('asks the store once for all who want to know just now', async () => {
    const { clock, lease, calls } = setUp([{ afterMs: 5 }, { afterMs: 5, failure: 'STORE_FAILED' }]);
    const both = Promise.all([lease.renew(), lease.renew()]);
    await clock.advance(5);
    expect(await both).toEqual([true, true]);
    const third = lease.renew();
    await clock.advance(5);
    expect(await third).toBe(false);
    expect(calls).toHaveLength(2);
  });

  test('lets a leader that is held act once it is let go, and skips the time until then', async () => {
    const { clock, lease } = setUp();
    void lease.run();
    await clock.advance(renewMs + 1);
    const { monoMs } = lease;
    lease.hold();
    let isCurrent: boolean | undefined;
    void lease.whenCurrent().then((is) => {
      isCurrent = is;
    });
    await clock.advance(60_000);
    expect([lease.isCurrent, isCurrent, lease.monoMs]).toEqual([false, undefined, monoMs]);
    lease.letGo();
    await clock.advance(1);
    expect([lease.isCurrent, isCurrent, lease.monoMs]).toEqual([true, true, monoMs + 1]);
  });

  test('does not blame the store for a time in which its own process stood still', async () => {
    const { clock, lease, failed } = setUp([{ afterMs: 0 }, { afterMs: 10 }]);
    void lease.run();
    await clock.advance(renewMs + 1);
    clock.pause(60_000);
    await clock.advance(pollMs + 1);
    expect(failed).toEqual([undefined, undefined]);
    expect(lease.isCurrent).toBe(true);
  });

  test('stopped, it asks nothing more and leaves no timer, whatever the store does', async () => {
    const { clock, lease, calls, failed } = setUp([{ afterMs: 0 }, { afterMs: NEVER }]);
    void lease.run();
    await clock.advance(renewMs + 1);
    lease.stop();
    await clock.advance(0);
    expect(lease.isCurrent).toBe(false);
    expect(clock.pending).toBe(0);
    await clock.advance(60_000);
    expect(calls).toHaveLength(2);
    expect(failed).toEqual([undefined]);
  });

  test('is given back behind a renewal that is under way, and never renewed after it', async () => {
    const { clock, lease, calls } = setUp([{ afterMs: 0 }, { afterMs: 500 }]);
    void lease.run();
    await clock.advance(renewMs + 100);
    expect(calls).toEqual(['renew 5 3000', 'renew 5 3000']);
    const released = lease.release();
    expect(lease.isCurrent).toBe(false);
    await clock.advance(399);
    expect(calls).toHaveLength(2);
    await clock.advance(60_000);
    await released;
    expect(calls.slice(2)).toEqual(['resign 5']);
  });
});

interface Span {
  readonly fromMs: number;
  toMs: number;
}

/** For how long, up to `nowMs`, some renewal let the leader act, from its answer on until the fence, and nobody held it. */
function actedMs(renewals: readonly { startMs: number; answeredMs: number }[], held: readonly Span[], nowMs: number) {
  let total = 0;
  let doneMs = 0;
  for (const { startMs, answeredMs } of renewals) {
    const toMs = Math.min(startMs + fenceMs, nowMs);
    if (startMs + fenceMs <= answeredMs || toMs <= doneMs) continue;
    const span = { fromMs: Math.max(answeredMs, doneMs), toMs };
    total += overlapMs(span, span);
    for (const hold of held) total -= overlapMs(span, hold);
    doneMs = toMs;
  }
  return total;
}

function overlapMs(a: Span, b: Span): number {
  return Math.max(0, Math.min(a.toMs, b.toMs) - Math.max(a.fromMs, b.fromMs));
}

test('its clock counts the time in which the leader might act, and no other', async () => {
  const answer = fc.record({
    afterMs: fc.oneof(fc.nat(50), fc.nat(2 * fenceMs), fc.constant(NEVER)),
    isFailure: fc.boolean(),
  });
  const how = fc.constantFrom<'advance' | 'pause' | 'hold' | 'letGo'>('advance', 'advance', 'pause', 'hold', 'letGo');
  const step = fc.record({ ms: fc.oneof(fc.nat(100), fc.nat(4_000)), how });
  await fc.assert(
    fc.asyncProperty(fc.array(answer, { maxLength: 20 }), fc.array(step, { maxLength: 40 }), async (answers, steps) => {
      const { clock, lease, renewals } = setUp(
        answers.map(({ afterMs, isFailure }) => (isFailure ? { afterMs, failure: 'STORE_FAILED' } : { afterMs })),
      );
      void lease.run();
      const held: Span[] = [];
      let before = { monoMs: lease.monoMs, nowMs: clock.monoMs() };
      for (const { ms, how } of steps) {
        if (how === 'advance') await clock.advance(ms);
        else if (how === 'pause') clock.pause(ms);
        else {
          const hold = held.at(-1);
          const isHeld = hold?.toMs === NEVER;
          if (how === 'hold' && !isHeld) held.push({ fromMs: clock.monoMs(), toMs: NEVER });
          if (how === 'letGo' && hold !== undefined && isHeld) hold.toMs = clock.monoMs();
          lease[how]();
        }
        const nowMs = clock.monoMs();
        const { monoMs } = lease;
        expect(monoMs).toBe(START_MS + actedMs(renewals, held, nowMs));
        expect(lease.isCurrent).toBe(actedMs(renewals, held, nowMs + 1) > actedMs(renewals, held, nowMs));
        expect(monoMs).toBeGreaterThanOrEqual(before.monoMs);
        expect(monoMs - before.monoMs).toBeLessThanOrEqual(nowMs - before.nowMs);
        before = { monoMs, nowMs };
      }
      lease.stop();
    }),
  );
});
