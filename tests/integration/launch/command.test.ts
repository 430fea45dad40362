import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '#rota/launch/command.js';
import { LIMITS } from '#rota/protocol/limits.js';
import { options, script, task } from './harness.js';

const BYTES = LIMITS.stringBytes;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rota-launch-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const readStdin = `require('node:fs').readFileSync(0, 'utf8')`;

describe('what a command is given', () => {
  it('is the task on stdin, without the token', async () => {
    const leaky = { ...task, token: 7 };
    expect(await runCommand(script(`process.stdout.write(${readStdin})`), leaky, options())).toEqual(task);
  });

  it('is the task in the environment, on top of the base and of its own variables', async () => {
    const print = script('process.stdout.write(JSON.stringify(process.env))', { env: { MINE: '$HOME', BASE: 'own' } });
    const env = { PATH: process.env.PATH, BASE: 'base', ROTA_TASK_ID: 'stale' };
    expect(await runCommand(print, task, options({ env }))).toMatchObject({
      MINE: '$HOME',
      BASE: 'own',
      ROTA_TASK_ID: 'task-1',
      ROTA_ATTEMPT: '2',
      ROTA_POOL: 'cleaners',
      ROTA_WORK_TYPE: 'clean',
      ROTA_KEY: 'clean-2012',
      ROTA_ORCHESTRATION_ID: 'run-1',
    });
  });

  it('has empty inputs and no key outside an orchestration', async () => {
    const { inputs, key, orchestrationId, ...single } = task;
    const print = script(
      `process.stdout.write(JSON.stringify([JSON.parse(${readStdin}), process.env.ROTA_KEY ?? null]))`,
    );
    const env = { PATH: process.env.PATH, ROTA_KEY: 'stale' };
    expect(await runCommand(print, single, options({ env }))).toEqual([{ ...single, inputs: {} }, null]);
  });

  it('has only the environment that was passed in', async () => {
    const print = script(
      'process.stdout.write(JSON.stringify(Object.keys(process.env).filter((k) => !/^ROTA_/.test(k))))',
    );
    expect(await runCommand(print, task, options({ env: { ONLY: '1' } }))).toEqual(['ONLY']);
  });

  it('runs in its cwd', async () => {
    expect(await runCommand(script('process.stdout.write(process.cwd())', { cwd: folder }), task, options())).toBe(
      folder,
    );
  });

  it('finds its command through the PATH of the base environment, and relative to cwd', async () => {
    writeFileSync(join(folder, 'hello'), '#!/bin/sh\necho "hello $1"\n');
    chmodSync(join(folder, 'hello'), 0o755);
    expect(await runCommand({ command: 'hello', args: ['a b'] }, task, options({ env: { PATH: folder } }))).toBe(
      'hello a b',
    );
    expect(await runCommand({ command: './hello', args: ['$HOME'], cwd: folder }, task, options())).toBe('hello $HOME');
  });

  it('sees a shell only when it asks for one, and its arguments are never read as shell', async () => {
    expect(await runCommand({ command: 'echo', args: ['a', '&&', 'echo', '$0'] }, task, options())).toBe(
      'a && echo $0',
    );
    const line = { command: 'echo "$ROTA_POOL: $1" | tr a-z A-Z', args: ['x"; exit 9; "'], shell: true };
    expect(await runCommand(line, task, options())).toBe('CLEANERS: X"; EXIT 9; "');
  });
});

describe('what a command answers', () => {
  it.each([
    ['{"rows": 3, "files": ["a"]}\n', { rows: 3, files: ['a'] }],
    [' 42 ', 42],
    ['null', null],
    ['  plain text\n', 'plain text'],
    ['{"broken": ', '{"broken":'],
    ['', ''],
  ])('%j is the result %j', async (stdout, result) => {
    expect(await runCommand(script(`process.stdout.write(${JSON.stringify(stdout)})`), task, options())).toEqual(
      result,
    );
  });

  it('is taken up to the bound and refused above it', async () => {
    const print = (bytes: number) => script(`process.stdout.write('x'.repeat(${bytes}))`);
    expect(await runCommand(print(BYTES), task, options())).toBe('x'.repeat(BYTES));
    await expect(runCommand(print(BYTES + 1), task, options())).rejects.toMatchObject({
      code: 'RESULT_TOO_LARGE',
      retryable: false,
      message: expect.stringContaining(`wrote ${BYTES + 1} bytes`),
    });
  });

  it('is refused when it is not UTF-8 and too long as text', async () => {
    const print = script(`process.stdout.write(Buffer.alloc(${BYTES}, 0xff))`);
    await expect(runCommand(print, task, options())).rejects.toMatchObject({ code: 'RESULT_TOO_LARGE' });
  });

  it('may be endless: the command is stopped', async () => {
    await expect(runCommand({ command: 'yes' }, task, options())).rejects.toMatchObject({ code: 'RESULT_TOO_LARGE' });
  });

  it('may leave the task unread, however large it is', async () => {
    const large = { ...task, payload: 'x'.repeat(1_000_000) };
    const closeStdin = script(`require('node:fs').closeSync(0); process.stdout.write('done')`);
    expect(await runCommand(closeStdin, large, options())).toBe('done');
    expect(await runCommand({ command: 'true' }, large, options())).toBe('');
  });
});

describe('progress', () => {
  it('comes from lines of stderr, also when they arrive in pieces', async () => {
    const seen: unknown[] = [];
    const code = `
      const write = (text) => new Promise((done) => process.stderr.write(text, done));
      (async () => {
        await write('rota:prog'); await write('ress 40 ha'); await write('lf é\\nnoise\\n');
        await write('rota:progress 12.5\\nrota:progress 101 too much\\nrota:progress x\\n rota:progress 1\\n');
        await write('x'.repeat(20000) + '\\nrota:progress 100 \\u001b[31mred\\u001b[0m\\r\\n');
      })();`;
    await runCommand(script(code), task, options({ onProgress: (progress) => void seen.push(progress) }));
    expect(seen).toEqual([{ percent: 40, message: 'half é' }, { percent: 12.5 }, { percent: 100, message: 'red' }]);
  });

  it('that its receiver cannot take is dropped', async () => {
    const onProgress = () => {
      throw new Error('closed');
    };
    const report = script(`console.error('rota:progress 1'); console.log('done')`);
    expect(await runCommand(report, task, options({ onProgress }))).toBe('done');
  });
});

describe('a command that fails', () => {
  it('is told by its exit code and its last lines', async () => {
    const fail = script(`
      for (let i = 0; i < 100; i++) console.error('line ' + i);
      console.error('rota:progress 50');
      console.error('\\u001b[31mred\\u001b[0m\\u0007\\rforged');
      process.exitCode = 3;`);
    const error = await runCommand(fail, task, options()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'COMMAND_FAILED', retryable: true });
    const { message } = error as Error;
    expect(message).toContain('ended with exit code 3. It said last:');
    expect(message).toContain('\n  line 99\n  red\n  forged\n');
    expect(message).not.toContain('line 81\n');
    expect(message).not.toContain('progress');
    expect(message).not.toContain('\u001b');
  });

  it('keeps the end of a huge stderr, within the bound of messages', async () => {
    const fail = script(`
      process.stderr.write('x'.repeat(3_000_000) + 'the end', () => process.exit(1));`);
    const error = await runCommand(fail, task, options()).catch((thrown: unknown) => thrown);
    const { message } = error as Error;
    expect(message.length).toBeLessThanOrEqual(LIMITS.errorChars);
    expect(message).toContain('xthe end\n');
  });

  it('is told by its signal, and by its silence', async () => {
    const kill = script(`process.kill(process.pid, 'SIGKILL')`);
    await expect(runCommand(kill, task, options())).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      message: expect.stringContaining('by signal SIGKILL and said nothing on stderr.'),
    });
  });

  it('does not have its arguments in the message', async () => {
    await expect(runCommand({ command: 'false', args: ['--key=secret'] }, task, options())).rejects.toMatchObject({
      message: expect.not.stringContaining('secret'),
    });
  });
});

describe('a command that cannot start', () => {
  it('is missing', async () => {
    await expect(runCommand({ command: 'no-such-command', cwd: folder }, task, options())).rejects.toMatchObject({
      code: 'COMMAND_NOT_FOUND',
      retryable: true,
      message: expect.stringContaining(`"no-such-command" was not found, looked for from "${folder}"`),
    });
  });

  it('has no cwd', async () => {
    const cwd = join(folder, 'gone');
    await expect(runCommand(script('', { cwd }), task, options())).rejects.toMatchObject({
      code: 'COMMAND_NOT_FOUND',
      message: expect.stringContaining(`its cwd "${cwd}" is not a folder`),
    });
  });

  it('has a file as its cwd', async () => {
    const cwd = join(folder, 'file');
    writeFileSync(cwd, '');
    await expect(runCommand(script('', { cwd }), task, options())).rejects.toMatchObject({
      code: 'COMMAND_NOT_FOUND',
      message: expect.stringContaining('is not a folder'),
    });
  });

  it('is not executable', async () => {
    writeFileSync(join(folder, 'plain.sh'), 'echo hi');
    await expect(runCommand({ command: './plain.sh', cwd: folder }, task, options())).rejects.toMatchObject({
      code: 'COMMAND_NOT_FOUND',
      message: expect.stringContaining('may not be executed'),
    });
  });

  it('has more arguments than the system takes', async () => {
    const args = ['x'.repeat(4_000_000)];
    await expect(runCommand({ command: 'true', args }, task, options())).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      message: expect.stringContaining('E2BIG'),
    });
  });
});
