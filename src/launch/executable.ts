import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, resolve, sep } from 'node:path';

/**
 * The path of a program: a name is looked for in the folders of `path`, the value of PATH; anything with
 * a separator is a path, relative to `cwd`. Undefined when there is no such program.
 */
export function findExecutable(
  command: string,
  { path = '', cwd = '.' }: { readonly path?: string | undefined; readonly cwd?: string | undefined },
): string | undefined {
  if (command.includes(sep)) {
    const file = resolve(cwd, command);
    return isExecutable(file) ? file : undefined;
  }
  const dirs = path.split(delimiter).filter((dir) => dir !== '');
  return dirs.map((dir) => resolve(cwd, dir, command)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
