import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '#rota/clock.js';
import { createCoordinator, createMemoryBroker, openSqlite } from '#rota/index.js';
import { createLifeLine } from '../launch/harness.js';
import {
  agentsFile,
  createFolder,
  ECHO,
  jsonLines,
  ROOT,
  rota,
  rotaOnTerminal,
  rotaToEnd,
  stubborn,
} from './harness.js';

const ESC = '\u001b';
const folder = createFolder();
afterAll(() => folder[Symbol.dispose]());

const agents = folder.write(
  'agents.yaml',
  agentsFile({ dev: ECHO, bad: `console.error('no \\u001b[31mdisk'); process.exit(3)` }),
);
const two = folder.write(
  'two.yaml',
  `name: two
tasks:
  first: { pool: dev, payload: { n: 1 } }
  second: { pool: dev, dependsOn: [first], payload: [2] }
`,
);

describe('rota run', () => {
  it('prints a line for each change, a summary and the results', async () => {
    const { code, stdout, stderr } = await rotaToEnd(['run', two, '--agents', agents]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^two: 2 tasks, 2 agents, run [0-9A-Z]{26}\n/);
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d first running on dev-1 \(the only free agent\)$/m);
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d second completed on dev-1 in \d+\.\d s$/m);
    expect(stdout).toMatch(/^two completed in \d+\.\d s: 2 completed of 2 tasks\n\nsecond\n {2}got {2}\[2\]\n$/m);
    expect(stdout).not.toContain('\u001b');
  });

  it('prints JSON lines with the truth at the end', async () => {
    const { code, stdout } = await rotaToEnd(['run', two, '--agents', agents, '--json', '--id', 'run-1']);
    expect(code).toBe(0);
    const lines = jsonLines(stdout);
    expect(lines[0]).toMatchObject({ type: 'started', id: 'run-1', name: 'two' });
    expect(lines).toContainEqual(expect.objectContaining({ type: 'task', key: 'first', status: 'running' }));
    expect(lines.at(-1)).toMatchObject({
      ...{ type: 'ended', id: 'run-1', status: 'completed', errors: {} },
      counts: { completed: 2, failed: 0, skipped: 0, cancelled: 0 },
      results: { second: { got: [2] } },
    });
  });

  it('redraws a table in its place on a terminal, within its size', async () => {
    const tasks = Array.from({ length: 9 }, (_, i) => `  t${i}: { pool: dev }`).join('\n');
    const file = folder.write('nine.yaml', `name: nine\ntasks:\n${tasks}\n`);
    await using run = rotaOnTerminal(['run', file, '--agents', agents], { rows: 8 });
    expect(await run.exit).toBe(0);
    const frames = run.stdout.split(new RegExp(`${ESC}\\[\\d+A\\r${ESC}\\[J`));
    expect(frames.length).toBeGreaterThan(2);
    expect(frames[1]).toMatch(/… and 5 more/);
    expect(frames[1]?.split('\r\n').length).toBeLessThanOrEqual(8);
    for (let i = 0; i < 9; i++) expect(frames.at(-1)).toMatch(new RegExp(`t${i} .*completed.*dev-1`));
    expect(frames.at(-1)).toContain('9/9');
    expect(run.stdout.indexOf('\u001b[?25l')).toBeLessThan(run.stdout.lastIndexOf('\u001b[?25h'));
    expect(run.stdout).toContain('\u001b[32m');
  });

  it('has no colours where NO_COLOR is set', async () => {
    await using run = rotaOnTerminal(['run', two, '--agents', agents], { env: { NO_COLOR: '1' } });
    expect(await run.exit).toBe(0);
    expect(run.stdout).toContain('2/2');
    expect(run.stdout).not.toMatch(new RegExp(`${ESC}\\[\\d+m`));
  });

  it('resumes a run of the same id from its store', async () => {
    const store = join(folder.path, 'resume', 'rota.db');
    const args = ['run', two, '--agents', agents, '--store', store, '--id', 'nightly'];
    expect((await rotaToEnd(args)).code).toBe(0);
    const again = await rotaToEnd([...args, '--json']);
    expect(again.code).toBe(0);
    const lines = jsonLines(again.stdout);
    expect(lines.map(({ type }) => type)).toEqual(['started', 'ended']);
    expect(lines[1]).toMatchObject({ status: 'completed', results: { second: { got: [2] } } });
  });

  it('waits, and says so, while another process works on its store', async () => {
    const store = join(folder.path, 'waits', 'rota.db');
    const broker = createMemoryBroker({ clock: systemClock });
    const other = await openSqlite({ path: store });
    const coordinator = await createCoordinator({ transport: broker.connect(), store: other });
    await using run = rota(['run', two, '--agents', agents, '--store', store]);
    await run.says(/^rota: waiting: another process works on this store, or did a moment ago$/m);
    await coordinator.stop();
    await other.close();
    expect(await run.exit).toBe(0);
  });

  it('says why tasks failed, and what was skipped because of them', async () => {
    const late = folder.write('late.yaml', agentsFile({ slow: 'setInterval(() => {}, 1e6)' }, { timeoutMs: 200 }));
    const parsed = [agents, late].flatMap((file) => JSON.parse(readFileSync(file, 'utf8')).agents);
    const ghost = { id: 'ghost-1', pool: 'ghost', launch: { command: 'no-such-command' } };
    const all = folder.write('all.yaml', JSON.stringify({ agents: [...parsed, ghost] }));
    const file = folder.write(
      'mixed.yaml',
      `name: mixed
defaults: { maxAttempts: 2, backoffMs: 10 }
tasks:
  fine: { pool: dev }
  broken: { pool: bad }
  late: { pool: slow }
  gone: { pool: ghost }
  after: { pool: dev, dependsOn: [broken] }
`,
    );
    const { code, stdout } = await rotaToEnd(['run', file, '--agents', all]);
    expect(code).toBe(1);
    expect(stdout).toContain('1 completed, 3 failed, 1 skipped of 5 tasks');
    const summary = stdout.slice(stdout.indexOf('mixed failed in'));
    expect(summary).toContain('ended with exit code 3. It said last:\n    no disk');
    expect(summary).toContain('ran longer than its 200 ms and was stopped. Give the task a longer timeoutMs');
    expect(summary).toContain('The command "no-such-command" was not found');
    expect(summary).toContain('Install the command, or correct its path.');
    expect(stdout).toMatch(/broken waits for attempt 2 of 2/);
    expect(stdout).toMatch(/after skipped/);
    expect(stdout).not.toContain('\u001b');
  });
});

describe('npm start', () => {
  it('writes the report of the example, and says where', async () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const [, ...args] = scripts.start.replace('node dist/cli/main.js', 'rota').split(' ');
    const { code, stdout } = await rotaToEnd(args, { cwd: ROOT });
    expect(code).toBe(0);
    expect(stdout).toContain('7 completed of 7 tasks');
    const [, path = ''] = stdout.match(/^ {2}report {3}(.+\.md)$/m) ?? [];
    expect(existsSync(path)).toBe(true);
    expect(stdout).toMatch(/^ {2}summary {2}2012–2015: 1461 days/m);
  });
});

describe('Ctrl-C', () => {
  const slow = folder.write(
    'slow.yaml',
    'name: slow\ntasks:\n  one: { pool: hold }\n  two: { pool: hold, dependsOn: [one] }\n',
  );

  it('once: lets running tasks finish and starts nothing more', async () => {
    await using lifeLine = await createLifeLine();
    const file = folder.write('hold.yaml', agentsFile({ hold: stubborn(lifeLine.port) }));
    await using run = rota(['run', slow, '--agents', file]);
    const held = await lifeLine.next();
    await run.says(/one running/);
    run.child.kill('SIGINT');
    await run.says(/draining: 1 running task finishes; nothing more starts/);
    held.release();
    expect(await run.exit).toBe(130);
    expect(run.stdout).toMatch(/two skipped/);
    expect(run.stdout).toMatch(/slow cancelled in .*: 1 completed, 1 skipped of 2 tasks/);
  });

  it('twice: kills what runs, also what does not mind SIGTERM', async () => {
    await using lifeLine = await createLifeLine();
    const file = folder.write('kill.yaml', agentsFile({ hold: stubborn(lifeLine.port) }));
    await using run = rota(['run', slow, '--agents', file]);
    const held = await lifeLine.next();
    await run.says(/one running/);
    run.child.kill('SIGINT');
    await run.says(/draining/);
    run.child.kill('SIGINT');
    expect(await run.exit).toBe(130);
    await held.gone;
  });

  it('SIGTERM and SIGHUP are the same', async () => {
    await using lifeLine = await createLifeLine();
    const file = folder.write('term.yaml', agentsFile({ hold: stubborn(lifeLine.port) }));
    await using run = rota(['run', slow, '--agents', file]);
    const held = await lifeLine.next();
    run.child.kill('SIGTERM');
    await run.says(/draining/);
    run.child.kill('SIGHUP');
    expect(await run.exit).toBe(130);
    await held.gone;
  });
});

describe('a reader that goes away', () => {
  it('ends nothing', async () => {
    const line = `'${process.execPath}' '${join(ROOT, 'dist/cli/main.js')}' run '${two}' --agents '${agents}' | head -1; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await promisify(execFile)('bash', ['-c', line]);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^two: 2 tasks.*\n0\n$/);
  });
});
