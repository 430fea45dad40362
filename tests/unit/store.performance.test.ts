import { expect, test } from 'vitest';
import { plus, tally } from '#rota/store/performance.js';

test('durations beyond all measure add up to a number that can be told', () => {
  const execution = {
    ...{ agentId: 'ann', workType: 'default', isSuccess: true, difficulty: 'straightforward' as const },
    ...{ durationMs: Number.MAX_VALUE, atMs: 1, monoMs: 1 },
  };
  const [row] = tally([execution, execution]);
  const [more] = tally([execution]);
  expect(Number.isFinite(plus(row, more ?? expect.fail()).total_duration_ms)).toBe(true);
});
