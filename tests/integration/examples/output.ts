import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'vitest';

const RUN_MS_MAX = 30_000;

/** The lines that an example prints, run as a process of its own that must end by itself and complain of nothing. */
export async function linesOf(example: string): Promise<string[]> {
  const file = fileURLToPath(new URL(`../../../examples/${example}/main.mjs`, import.meta.url));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], {
    env: { PATH: process.env.PATH },
    timeout: RUN_MS_MAX,
  });
  expect(stderr).toBe('');
  return stdout.trimEnd().split('\n');
}
