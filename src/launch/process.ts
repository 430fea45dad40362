import { spawn } from 'node:child_process';
import type { Clock } from '../clock.js';

/** From SIGTERM to SIGKILL, milliseconds. */
export const KILL_GRACE_MS = 2_000;
/** How long output may stay open after the process has ended, milliseconds. */
export const DRAIN_MS = 250;

export interface ProcessOptions {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Written to stdin, which is closed then. */
  readonly input: string;
  readonly clock: Clock;
  onStdout(chunk: Buffer): void;
  onStderr(chunk: Buffer): void;
}

/** How a process ended: by itself with `code`, or by `signal`. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunningProcess {
  /** Rejects with the system's error when the process could not be started. */
  readonly ended: Promise<Exit>;
  /** Ends the whole group: SIGTERM, and SIGKILL after the grace. Safe to call twice. */
  stop(): void;
}

/**
 * Starts one process in a process group of its own, and sees the group to its end. POSIX only.
 *
 * Invariants:
 * - `ended` settles once, after the process was reaped, and then no timer of this file runs.
 * - When it settles, nothing of the group is left: what outlived the process has got SIGKILL.
 * - It settles though a grandchild keeps the output open: `DRAIN_MS` after the process ended, or at
 *   the end of the grace while the group is being stopped.
 *
 * @throws the system's error, where Node throws it at once (`ENOTDIR`, `E2BIG`).
 */
export function startProcess(options: ProcessOptions): RunningProcess {
  const { clock } = options;
  const child = spawn(options.file, options.args, {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let exit: Exit | undefined;
  let phase: 'running' | 'stopping' | 'killed' | 'ended' = 'running';
  let cancelGrace = () => {};
  let cancelDrain = () => {};

  const signalGroup = (signal: NodeJS.Signals): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, signal);
    } catch {
      // Nobody is left in the group: that is what was wanted.
    }
  };
  const { promise: ended, resolve, reject } = deferred<Exit>();
  const finish = (): void => {
    if (exit === undefined || phase === 'ended') return;
    phase = 'ended';
    cancelGrace();
    cancelDrain();
    signalGroup('SIGKILL');
    child.stdout.destroy();
    child.stderr.destroy();
    resolve(exit);
  };
  const finishSoon = (): void => {
    cancelDrain = clock.after(DRAIN_MS, finish);
  };

  child.on('error', reject);
  child.once('close', finish);
  child.once('exit', (code, signal) => {
    exit = { code, signal };
    if (phase !== 'stopping') finishSoon();
  });
  child.stdout.on('data', options.onStdout);
  child.stderr.on('data', options.onStderr);
  // A command that does not read its task gives EPIPE here; its exit code decides.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input);

  return {
    ended,
    stop() {
      if (phase !== 'running' || exit !== undefined) return;
      phase = 'stopping';
      signalGroup('SIGTERM');
      cancelGrace = clock.after(KILL_GRACE_MS, () => {
        phase = 'killed';
        signalGroup('SIGKILL');
        if (exit !== undefined) finishSoon();
      });
    },
  };
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

function deferred<T>(): Deferred<T> {
  let settle: Omit<Deferred<T>, 'promise'> = { resolve: () => {}, reject: () => {} };
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...settle };
}
