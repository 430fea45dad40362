import { describe, expect, it } from 'vitest';
import type { AvailabilitySource } from '#rota/availability/source.js';
import { rejection } from '../support/signals.js';

/** A source that says these are there. */
type Open = (ids: readonly string[]) => Promise<{ readonly source: AvailabilitySource } & AsyncDisposable>;

/** What each availability source must do. */
export function availabilityContract(name: string, open: Open): void {
  describe(`availability source: ${name}`, () => {
    it.each([[[]], [['ann']], [['ann', 'bob', 'constructor', 'not-an-agent']]])(
      'names those who are there: %j',
      async (ids) => {
        await using opened = await open(ids);
        expect([...(await opened.source.available())].sort()).toEqual([...ids].sort());
        expect(await opened.source.available()).toEqual(new Set(ids));
      },
    );

    it('answers many at once', async () => {
      await using opened = await open(['ann', 'bob']);
      const answers = await Promise.all(Array.from({ length: 50 }, () => opened.source.available()));
      for (const answer of answers) expect(answer).toEqual(new Set(['ann', 'bob']));
    });

    it('answers nobody once it is closed, and may be closed twice', async () => {
      await using opened = await open(['ann']);
      await opened.source.available();
      opened.source.close();
      opened.source.close();
      expect(await rejection(opened.source.available())).toMatchObject({ code: 'CLOSED' });
    });

    it('lets nobody wait who asked before it was closed', async () => {
      await using opened = await open(['ann']);
      const asked = opened.source.available().then(
        () => 'answered',
        (error) => error.code,
      );
      opened.source.close();
      expect(['answered', 'CLOSED']).toContain(await asked);
    });
  });
}
