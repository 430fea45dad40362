import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Mutant } from './mutants.js';

/** A copy of the compiled code with a bug in it, and the harness beside it. Gone when it is disposed of. */
export interface Planted extends AsyncDisposable {
  readonly folder: URL;
}

/** @throws Error where the code is no longer what the bug is planted into. */
export async function plant(folder: URL, mutant: Mutant): Promise<Planted> {
  const copy = new URL(`planted/${mutant.name.replaceAll(/[^a-z0-9]+/gi, '-')}/`, folder);
  await rm(copy, { recursive: true, force: true });
  await mkdir(copy, { recursive: true });
  const isCode = (path: string) => !/\.(d\.ts|map)$/.test(path);
  for (const part of ['dist', 'harness', 'package.json']) {
    await cp(fileURLToPath(new URL(part, folder)), fileURLToPath(new URL(part, copy)), {
      ...{ recursive: true, dereference: true, filter: isCode },
    });
  }
  for (const { file, find, replace } of mutant.edits) {
    const path = new URL(`dist/${file}`, copy);
    await writeFile(path, edited(await readFile(path, 'utf8'), { file, find, replace }));
  }
  return { folder: copy, [Symbol.asyncDispose]: () => rm(copy, { recursive: true, force: true }) };
}

/** @throws Error where what is to be replaced is not there exactly once. */
export function edited(code: string, { file, find, replace }: Mutant['edits'][number]): string {
  const parts = code.split(find);
  if (parts.length === 2) return parts.join(replace);
  throw new Error(
    `${file} has ${JSON.stringify(find)} ${parts.length - 1} times, and a bug is planted where it is once.`,
  );
}
