import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Coordinator } from '../coordinator.js';
import type { DatabaseKind } from '../database.js';
import { Bench, cases, isSprung, OF_COORDINATORS, OF_RESIGNATION, trap } from './bench.js';

/**
 * Each case has a process that is armed for it. It starts while the case before comes to its end, and takes over from
 * the process of that one, whatever became of it: a case costs one start.
 */
const AT_WORK = cases(OF_COORDINATORS);
const CASES = [...AT_WORK, ...cases(OF_RESIGNATION)].map(([name, action], i) => [name, action, i] as const);

export function describeCoordinator(database: DatabaseKind): void {
  describe(`a coordinator on ${database}`, () => {
    let bench: Bench;
    /** Who is armed, and for which case. */
    let armed: { readonly coordinator: Coordinator; readonly i: number } | undefined;
    beforeAll(async () => {
      bench = await Bench.start(database);
    });
    afterAll(() => bench.cluster.end());

    const arm = async (coordinator: Coordinator, i: number): Promise<Coordinator> => {
      const [name, action] = CASES[i] ?? [];
      await coordinator.start(name === undefined || action === undefined ? {} : trap(name, action));
      if (action === 'kill') coordinator.child.mayDie();
      armed = { coordinator, i };
      return coordinator;
    };

    /** The one that is armed for this case takes over from the other. Resolves with both. */
    const takeOver = async (i: number) => {
      const { coordinators, standby = expect.fail('Nobody stands by.') } = bench.cluster;
      let tested = armed?.coordinator;
      if (tested === undefined || armed?.i !== i) {
        // The first case, or one behind a case that failed or was left out.
        await standby.stop();
        tested = await arm(standby, i);
      }
      const other = coordinators.find((one) => one !== tested) ?? expect.fail('There is no other coordinator.');
      bench.workload.start();
      await other.stop();
      return { tested, other };
    };

    test.each(CASES.slice(0, AT_WORK.length))('at %s: %s', async (name, action, i) => {
      const { tested, other } = await takeOver(i);
      expect(await tested.child.says(isSprung(name, action))).toBe(true);
      await Promise.all([arm(other, i + 1), bench.expectProgress()]);
    });

    test.each(CASES.slice(AT_WORK.length))('at %s: %s', async (name, action, i) => {
      const { tested, other } = await takeOver(i);
      await bench.cluster.led();
      await arm(other, i + 1);
      await tested.stop();
      expect(await tested.child.says(isSprung(name, action))).toBe(true);
      await bench.expectProgress();
    });

    test('keeps what was told in all of these', () => bench.expectKept());
  });
}
