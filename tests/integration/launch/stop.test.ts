import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { runCommand } from '#rota/launch/command.js';
import { DRAIN_MS, KILL_GRACE_MS } from '#rota/launch/process.js';
import { RotaError } from '#rota/protocol/errors.js';
import { createLifeLine, createManualClock, holdLifeLine, options, script, task } from './harness.js';

/** Starts a second process in the group, with the same stdio or without. */
const startGrandchild = (code: string, stdio: 'inherit' | 'ignore') =>
  `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(code)}], { stdio: '${stdio}' });`;
const ignoreSigterm = `process.on('SIGTERM', () => {});`;
const ready = `console.error('rota:progress 1');`;
const forever = 'setInterval(() => {}, 1e6);';

/** Options whose `started` resolves at the command's first progress. */
function observed() {
  const controller = new AbortController();
  const clock = createManualClock();
  let onProgress = () => {};
  const started = new Promise<void>((resolve) => {
    onProgress = resolve;
  });
  return { controller, clock, started, options: options({ signal: controller.signal, clock, onProgress }) };
}

describe('stopping a command', () => {
  it('does not start it when the signal has aborted already', async () => {
    const signal = AbortSignal.abort(new RotaError('STALE_LEASE', 'Too late.'));
    await expect(runCommand({ command: 'no-such-command' }, task, options({ signal }))).rejects.toMatchObject({
      code: 'STALE_LEASE',
    });
  });

  it('gives it SIGTERM, lets it clean up, and drops what it says then', async () => {
    const run = observed();
    const tidy = script(`${forever} process.on('SIGTERM', () => { console.log('tidy'); process.exit(0); }); ${ready}`);
    const result = runCommand(tidy, task, run.options);
    await run.started;
    run.controller.abort();
    await expect(result).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      message: expect.stringContaining('its task was cancelled'),
    });
    expect(run.clock.pending).toEqual([]);
  });

  it('rejects with the reason of the signal where that is ours', async () => {
    const run = observed();
    const result = runCommand(script(`${forever} ${ready}`), task, run.options);
    await run.started;
    const reason = new RotaError('LEASE_EXPIRED', 'Gone.');
    run.controller.abort(reason);
    await expect(result).rejects.toBe(reason);
  });

  it('kills one that ignores SIGTERM once the grace is over', async () => {
    await using lifeLine = await createLifeLine();
    const run = observed();
    const stubborn = script(`${ignoreSigterm} ${holdLifeLine(lifeLine.port)} ${ready}`);
    const result = runCommand(stubborn, task, run.options);
    const { gone } = await lifeLine.next();
    await run.started;
    run.controller.abort();
    expect(run.clock.pending).toEqual([KILL_GRACE_MS]);
    await run.clock.fire(KILL_GRACE_MS);
    await expect(result).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    await gone;
  });

  it('stops one that runs longer than its timeoutMs', async () => {
    const run = observed();
    const result = runCommand(script(`${forever} ${ready}`, { timeoutMs: 60_000 }), task, run.options);
    await run.started;
    await run.clock.fire(60_000);
    await expect(result).rejects.toMatchObject({
      code: 'TASK_TIMEOUT',
      message: expect.stringContaining('longer than its 60000 ms'),
    });
    expect(run.clock.pending).toEqual([]);
  });

  it('kills the whole group, a grandchild that ignores SIGTERM too', async () => {
    await using lifeLine = await createLifeLine();
    const run = observed();
    const grandchild = `${ignoreSigterm} ${holdLifeLine(lifeLine.port)} ${ready}`;
    const result = runCommand(script(`${startGrandchild(grandchild, 'inherit')} ${forever}`), task, run.options);
    const { gone } = await lifeLine.next();
    await run.started;
    run.controller.abort();
    await run.clock.fire(KILL_GRACE_MS);
    await expect(result).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    await gone;
  });
});

describe('what outlives a command', () => {
  it('does not hold its result back by holding stdout open, and is killed', async () => {
    await using lifeLine = await createLifeLine();
    const clock = createManualClock();
    const grandchild = holdLifeLine(lifeLine.port);
    const leave = script(
      `${startGrandchild(grandchild, 'inherit')} process.stdout.write('done', () => process.exit(0))`,
    );
    const result = runCommand(leave, task, options({ clock }));
    const { gone } = await lifeLine.next();
    await clock.fire(DRAIN_MS);
    expect(await result).toBe('done');
    await gone;
  });

  it('is killed also when it holds nothing open', async () => {
    await using parents = await createLifeLine();
    await using grandchildren = await createLifeLine();
    const stay = `${ignoreSigterm} ${holdLifeLine(grandchildren.port)}`;
    const leave = script(`
      ${startGrandchild(stay, 'ignore')}
      require('node:net').connect(${parents.port}, '127.0.0.1').resume().on('end', () => process.exit(0));`);
    const result = runCommand(leave, task, options());
    const [parent, grandchild] = await Promise.all([parents.next(), grandchildren.next()]);
    parent.release();
    expect(await result).toBe('');
    await grandchild.gone;
  });
});

describe('what a command leaves in this process', () => {
  it('is no listener, timer or child, however it ended', async () => {
    const controller = new AbortController();
    const clock = createManualClock();
    const { signal } = controller;
    const specs = [
      { command: 'true', timeoutMs: 5_000 },
      { command: 'false', timeoutMs: 5_000 },
      { command: 'no-such-command', timeoutMs: 5_000 },
      { command: 'true', cwd: '/no/such/folder', timeoutMs: 5_000 },
    ];
    for (let round = 0; round < 5; round++) {
      await Promise.allSettled(specs.map((spec) => runCommand(spec, task, options({ signal, clock }))));
    }
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(clock.pending).toEqual([]);
    // Node closes a process's handle some turns after it told of the process's end.
    await expect.poll(() => process.getActiveResourcesInfo().filter((kind) => kind === 'ProcessWrap')).toEqual([]);
  });
});
