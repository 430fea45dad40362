import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { STRATEGIES } from '#rota/protocol/policy.js';

const BENCH = fileURLToPath(new URL('../../bench/run.mjs', import.meta.url));
const FAILOVER = fileURLToPath(new URL('../../bench/failover.mjs', import.meta.url));
const SOAK = fileURLToPath(new URL('../../bench/soak.mjs', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rota-bench-test-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** The bench, with a temporary folder of its own, so that what it leaves behind can be seen. */
function bench(...args: string[]): Run {
  return start(BENCH, args);
}

function start(file: string, args: readonly string[]): Run {
  const child = spawn(process.execPath, [file, ...args], { env: { ...process.env, TMPDIR: folder } });
  onTestFinished(() => void child.kill('SIGKILL'));
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const ended = Promise.all([exited, text(child.stdout), text(child.stderr)]).then(([code, stdout, stderr]) => ({
    code,
    stdout,
    stderr,
  }));
  return { child, ended };
}

/** The processes that the bench has started, by the file that each runs. */
function childrenOf(pid: number | undefined): { pid: number; args: string }[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((match) => Number(match?.[2]) === pid)
    .map((match) => ({ pid: Number(match?.[1]), args: match?.[3] ?? '' }));
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** What watches over a server ends a moment after it. */
function expectGone(children: readonly { pid: number }[]): Promise<void> {
  return expect.poll(() => children.filter(({ pid }) => isRunning(pid)), { timeout: 5_000 }).toEqual([]);
}

const above = expect.toSatisfy((value: unknown) => typeof value === 'number' && value > 0);
/** A delay may be none. */
const notBelow = expect.toSatisfy((value: unknown) => typeof value === 'number' && value >= 0);
const spreadOfDelays = { median: notBelow, min: notBelow, max: notBelow };
const quantiles = { samples: above, p50: above, p95: above, p99: above, max: above };
const spread = { median: above, min: above, max: above };
const ratios = { p50: above, p95: above, p99: above, max: above };
const version = expect.stringMatching(/^\d+\.\d+/);

function throughputRow(prefetch: number): object {
  return {
    prefetch,
    maxConcurrency: 16,
    tasks: 500,
    tasksPerSecond: spread,
    tablesPerSecond: spread,
    ofFloor: above,
  };
}

function selectionRow(agents: number, strategy: string, label: string | null): object {
  const side = { perSecond: spread, chooseMs: quantiles };
  return { agents, strategy, label, engine: side, scan: side, ofScan: above };
}

function scoringRow(candidates: number, confidence: string): object {
  return { candidates, confidence, inlineMs: quantiles, heldMs: quantiles, answeredMs: quantiles, ofInline: above };
}

function semanticWay(isChoosing: boolean): object {
  return {
    delayMs: { p50: spreadOfDelays, p99: spreadOfDelays, max: spreadOfDelays },
    late: notBelow,
    ...(isChoosing ? { chooseMs: quantiles } : {}),
  };
}

function scaleRow(agents: number, store: string): object {
  return {
    agents,
    store,
    ratePerSecond: 200,
    joinedPerSecond: above,
    commitMs: quantiles,
    residentMiB: { joined: above, worked: above },
    lateMs: quantiles,
    acknowledgedMs: quantiles,
    assignedMs: quantiles,
    dueToAssignedMs: quantiles,
  };
}

describe('npm run bench', () => {
  it('reports every row, with what it was measured on', async () => {
    const { code, stdout, stderr } = await bench('--quick', '--json').ended;

    expect(stderr).toBe('');
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    const store = 'sqlite (WAL, synchronous=FULL)';
    expect(report.versions).toMatchObject({
      rota: version,
      node: process.versions.node,
      'nats-server': version,
      xstate: version,
      libsql: version,
    });
    expect(report.machine).toMatchObject({ cpu: expect.any(String), cpus: above, fileSystem: expect.any(String) });
    expect(report.rows).toEqual({
      requestReply: {
        frameBytes: above,
        oneAtATimeMs: quantiles,
        pacedMs: quantiles,
        pipelined: { inFlight: 256, perSecond: spread },
      },
      durableCommit: { rowBytes: above, commitMs: quantiles, perSecond: above },
      throughput: [throughputRow(0), throughputRow(64)],
      latency: {
        prefetch: 0,
        maxConcurrency: 16,
        store,
        ratePerSecond: 200,
        clock: report.clock,
        sentMs: quantiles,
        acknowledgedMs: quantiles,
        startedMs: quantiles,
        knownMs: quantiles,
        ofFloor: { started: ratios, known: ratios },
        ofPacedFloor: { started: ratios, known: ratios },
      },
      selection: [10, 1_000].flatMap((agents) =>
        [null, 'sql'].flatMap((label) => STRATEGIES.map((strategy) => selectionRow(agents, strategy, label))),
      ),
      scoring: [100, 1_000].flatMap((candidates) =>
        ['none', 'lower-bound', 'thompson'].map((confidence) => scoringRow(candidates, confidence)),
      ),
      semantic: {
        agents: 100,
        dimensions: 16,
        ratePerSecond: 25,
        ways: { nothing: semanticWay(false), inline: semanticWay(true), threads: semanticWay(true) },
      },
      scale: [scaleRow(100, store)],
    });
    expect(report.rows.latency.knownMs.samples).toBe(200);
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([
    {
      when: 'interrupted',
      stop: (run: Run) => run.child.kill('SIGINT'),
      code: 130,
      says: 'Interrupted by SIGINT.',
    },
    {
      when: 'one of its processes died',
      stop: (_run: Run, agentPid: number) => process.kill(agentPid, 'SIGKILL'),
      code: 1,
      says: 'agent.mjs ended with SIGKILL',
    },
  ])('stops every process and leaves no file when $when', async ({ stop, code, says }) => {
    const run = bench('--quick', '--json', '--tasks', '200000');
    const children = await vi.waitFor(
      () => {
        const found = childrenOf(run.child.pid);
        expect(found.filter(({ args }) => args.includes('agent.mjs'))).toHaveLength(4);
        return found;
      },
      { timeout: 30_000 },
    );

    stop(run, children.find(({ args }) => args.includes('agent.mjs'))?.pid ?? 0);
    const ended = await run.ended;

    expect(ended).toMatchObject({ code, stdout: '' });
    expect(ended.stderr).toContain(says);
    await expectGone(children);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('measures a part alone', async () => {
    const { code, stdout } = await bench('--quick', '--part', 'scoring').ended;

    expect(code).toBe(0);
    expect(stdout).toContain('| thompson    |        100 |');
    expect(stdout).not.toContain('## Tasks');
  });

  it.each([
    { args: ['--rate', 'fast'], says: '--rate is "fast": give a whole number from 1 to 9,999,999.\n' },
    { args: ['--part', 'all'], says: '--part is "all": give one of tasks, selection, scoring, semantic, scale.\n' },
  ])('names an option that it does not take: $args', async ({ args, says }) => {
    const { code, stderr } = await bench(...args).ended;

    expect(code).toBe(1);
    expect(stderr).toBe(says);
  });
});

describe('npm run bench:failover', () => {
  // The user whom PostgreSQL runs as has to come by.
  beforeEach(() => chmodSync(folder, 0o711));

  it.each([
    { kept: 'sqlite', store: 'sqlite (WAL, synchronous=FULL)' },
    { kept: 'postgres', store: expect.stringMatching(/^postgres \(127\.0\.0\.1:\d+\/.*synchronous_commit=on\)$/) },
  ])('tells how long agents and clients are without a leader on $kept', async ({ kept, store }) => {
    const args = ['--times', '2', '--failover-ms', '300', '--json', '--store', kept];
    const { code, stdout, stderr } = await start(FAILOVER, args).ended;

    expect(stderr).toBe('');
    expect(code).toBe(0);
    const steps = { leadsMs: quantiles, acknowledgedMs: quantiles, completedMs: quantiles };
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ times: 2, failoverMs: 300, store },
      rows: { 'kill -9': { tasks: above, ...steps }, graceful: { tasks: above, ...steps } },
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('leaves no PostgreSQL behind when interrupted', async () => {
    const { child, ended } = start(FAILOVER, ['--store', 'postgres']);
    const children = await vi.waitFor(
      () => {
        const found = childrenOf(child.pid);
        expect(found.some(({ args }) => /postgres.* -D /.test(args))).toBe(true);
        return found;
      },
      { timeout: 30_000 },
    );

    child.kill('SIGINT');

    expect(await ended).toEqual({ code: 130, stdout: '', stderr: 'Interrupted by SIGINT.\n' });
    await expectGone(children);
    expect(readdirSync(folder)).toEqual([]);
  });
});

it.each([
  { store: 'mysql', told: '"mysql"' },
  { store: 'none', told: '"none"' },
  { store: 'mysql://me:secret@host/db', told: 'the address of something else' },
])('names a store that no bench takes: $store', async ({ store, told }) => {
  for (const file of [FAILOVER, SOAK]) {
    const { code, stderr } = await start(file, ['--store', store]).ended;

    expect(code).toBe(1);
    expect(stderr).toBe(`--store is ${told}: give sqlite, postgres, a file such as ./rota.db, or postgres://….\n`);
  }
});
