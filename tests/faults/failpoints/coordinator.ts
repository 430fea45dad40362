import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Failpoint } from '#rota/failpoints.js';
import type { DatabaseKind } from '../database.js';
import { type Action, Bench, cases, isSprung, OF_COORDINATORS, OF_RESIGNATION, trap } from './bench.js';

export function describeCoordinator(database: DatabaseKind): void {
  describe(`a coordinator on ${database}`, () => {
    let bench: Bench;
    beforeAll(async () => {
      bench = await Bench.start(database);
    });
    afterAll(() => bench.cluster.end());

    /** The one that stands by is armed and takes over from the other. Resolves with both, by what they are then. */
    const takeOver = async (name: Failpoint, action: Action) => {
      const { cluster, workload } = bench;
      await cluster.led();
      const { leader: former, standby: armed } = cluster;
      if (former === undefined || armed === undefined) return expect.fail('Two coordinators were expected.');
      await armed.stop();
      await armed.start(trap(name, action));
      if (action === 'kill') armed.child.mayDie();
      workload.start();
      await former.stop();
      return { former, armed };
    };

    test.each(cases(OF_COORDINATORS))('at %s: %s', async (name, action) => {
      const { former, armed } = await takeOver(name, action);
      expect(await armed.child.says(isSprung(name, action))).toBe(true);
      const revived = action === 'kill' ? armed.child.ended.then(() => armed.start()) : undefined;
      await Promise.all([former.start(), revived, bench.expectProgress()]);
    });

    test.each(cases(OF_RESIGNATION))('at %s: %s', async (name, action) => {
      const { former, armed } = await takeOver(name, action);
      await bench.cluster.led();
      await former.start();
      const { child } = armed;
      await armed.stop();
      expect(child.lines.some(isSprung(name, action))).toBe(true);
      await Promise.all([armed.start(), bench.expectProgress()]);
    });

    test('keeps what was told in all of these', () => bench.expectKept());
  });
}
