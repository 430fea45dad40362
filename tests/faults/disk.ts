import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A disk of 1 MB, in memory. */
export interface SmallDisk extends Disposable {
  readonly folder: string;
  /** There is room from now on. */
  grow(): void;
}

/** @throws Error where this user may not mount */
export function smallDisk(): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'rota-disk-'));
  mount(['-o', 'size=1m', 'rota-test', folder]);
  return {
    folder,
    grow: () => mount(['-o', 'remount,size=256m', folder]),
    [Symbol.dispose]() {
      execFileSync('umount', [folder], { stdio: 'pipe' });
      rmdirSync(folder);
    },
  };
}

/** Whether this user may mount: root may, but not in each container. */
export function canMount(): boolean {
  try {
    smallDisk()[Symbol.dispose]();
    return true;
  } catch {
    return false;
  }
}

function mount(args: readonly string[]): void {
  execFileSync('mount', ['-t', 'tmpfs', ...args], { stdio: 'pipe' });
}
