import { readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { findExecutable } from '#rota/launch/executable.js';

/** Where packages put each version, outside of everybody's PATH. */
const PACKAGES = ['/usr/lib/postgresql', '/opt/homebrew/opt', '/usr/local/opt', '/home/linuxbrew/.linuxbrew/opt'];

/**
 * The folder that has `postgres` and `initdb`. When `bin` is given, nothing else is considered; `path` is the value
 * of PATH.
 *
 * @param {{ bin?: string | undefined, path?: string | undefined }} options
 * @returns {string | undefined}
 */
export function findPostgres({ bin, path = '' }) {
  const folders = bin ? [bin] : [...path.split(delimiter).filter((folder) => folder !== ''), ...packageFolders()];
  return folders.find((folder) => has(folder, 'postgres') && has(folder, 'initdb'));
}

/** The newest version first. */
function packageFolders() {
  return PACKAGES.flatMap((folder) =>
    entriesOf(folder)
      .filter((name) => /^(postgresql@)?\d+$/.test(name))
      .sort((a, b) => Number(b.replace(/\D/g, '')) - Number(a.replace(/\D/g, '')))
      .map((name) => join(folder, name, 'bin')),
  );
}

function entriesOf(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function has(folder, program) {
  return findExecutable(join(folder, program), {}) !== undefined;
}
