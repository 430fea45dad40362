import { spawn } from 'node:child_process';

/**
 * Kills the process `pid` when this one dies. A second child waits on a pipe that only this process holds open: however
 * this process ends, even by SIGKILL, the pipe closes and the waiting child kills the other. `exited` says that there
 * is nothing to kill any more.
 */
export function killWithParent(pid: number, exited: Promise<unknown>): void {
  const script = 'read -r _; kill -KILL "$0"';
  const guard = spawn('/bin/sh', ['-c', script, String(pid)], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  // Without a shell the other just outlives a crash of this process.
  guard.on('error', () => {});
  guard.unref();
  // Before the pipe closes, lest it kill whoever gets the same pid next.
  void exited.then(() => guard.kill('SIGKILL'));
}
