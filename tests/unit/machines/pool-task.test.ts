import { expect, test } from 'vitest';
import { kept, restoredTask } from '#rota/machines/pool-task.js';
import { newTask } from '../../support/pool.js';

test('of an attempt that failed as much is kept after a recovery as was before', () => {
  const error = { code: 'HANDLER_FAILED' as const, message: 'x'.repeat(4_000), retryable: true };
  const attempt = { attempt: 1, agentId: 'ann', outcome: 'failed' as const, error };
  const record = { ...newTask('t1'), order: 1, createdAtMs: 0 };
  const image = { task: record, status: 'pending' as const, attempt: 1, token: 1, backoffMs: 0, ended: [attempt] };
  expect(restoredTask(image, 0).ended).toEqual([kept(attempt)]);
  expect(kept(attempt).error.message).toHaveLength(300);
});
