import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { StoreThread } from '#rota/store/thread.js';

/** A thread that opens, answers nothing, and ends in the given way once it gets a call. */
function threadThat(ends: string): StoreThread {
  const code = `
    const { parentPort } = require('node:worker_threads');
    parentPort.postMessage({ kind: 'materialised', seq: 7 });
    parentPort.postMessage({ kind: 'opened' });
    parentPort.on('message', ({ op }) => { if (op === 'agents') { ${ends} } });`;
  return new StoreThread(new Worker(code, { eval: true }), '/data/rota.db');
}

test.each([
  ['throws', "throw new Error('the disk is on fire')", 'The store at /data/rota.db failed: the disk is on fire.'],
  ['exits', 'process.exit(3)', 'The store at /data/rota.db failed: its thread ended with code 3.'],
])('when the thread %s, calls under way and later ones reject', async (_how, ends, problem) => {
  const thread = threadThat(ends);
  await thread.opened;
  expect(thread.materialisedSeq).toBe(7);
  const failed = { code: 'STORE_FAILED', message: expect.stringContaining(problem) };
  const calls = [thread.call('task', ['t']), thread.call('agents', [undefined])];
  await Promise.all(calls.map((call) => expect(call).rejects.toMatchObject(failed)));
  // Trying again can't help: a coordinator must not go on trying.
  await expect(thread.call('task', ['t'])).rejects.toMatchObject({ ...failed, code: 'CLOSED' });
  await thread.close();
  await expect(thread.call('task', ['t'])).rejects.toMatchObject({ code: 'CLOSED' });
});

test('a thread that cannot start says why', async () => {
  const thread = new StoreThread(new Worker("require('./no-such-file')", { eval: true }), '/data/rota.db');
  await expect(thread.opened).rejects.toMatchObject({
    code: 'STORE_FAILED',
    message: expect.stringContaining('no-such-file'),
  });
});
