import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestNats, type TestNats } from '../support/nats-server.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const RUN_MS_MAX = 30_000;

interface Example {
  readonly heading: string;
  readonly line: number;
  readonly code: string;
  readonly output: string;
}

/** The blocks of a page that are marked to be run, each with the output that the next block claims. */
function examplesOf(page: string): Example[] {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(/^```js run\n([\s\S]*?)^```\n\n```text\n([\s\S]*?)^```$/gm)].map((match) => {
    const [, code = '', output = ''] = match;
    const before = text.slice(0, match.index);
    const heading = before.match(/^#+ .*$/gm)?.at(-1) ?? page;
    return { heading, line: before.split('\n').length, code, output };
  });
}

let nats: TestNats;
let folder: string;

beforeAll(async () => {
  nats = await startTestNats();
  // Inside the package, so that `rota` is this one.
  await mkdir(join(root, '.rota'), { recursive: true });
  folder = await mkdtemp(join(root, '.rota', 'docs-'));
});
afterAll(async () => {
  await nats.kill();
  await rm(folder, { recursive: true, force: true });
});

/** What the file prints, run as a process of its own that must end by itself. */
async function outputOf(file: string, cwd: string): Promise<string> {
  const env = { PATH: process.env.PATH, NATS_URL: nats.url };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { cwd, env, timeout: RUN_MS_MAX });
  expect(stderr).toBe('');
  return stdout.replaceAll(/ +$/gm, '');
}

describe('docs/embedding.md', () => {
  const examples = examplesOf('docs/embedding.md');
  const blocks = readFileSync(join(root, 'docs/embedding.md'), 'utf8').match(/^```js/gm) ?? [];

  it('has an output below each of its examples', () => {
    expect(examples.length).toBe(blocks.length);
    expect(examples.length).toBeGreaterThan(5);
  });

  it.each(examples)('$heading (line $line) prints what it says', async ({ line, code, output }) => {
    const cwd = join(folder, String(line));
    await mkdir(cwd);
    const file = join(cwd, 'example.mjs');
    await writeFile(file, code);
    expect(await outputOf(file, cwd)).toBe(output.replaceAll(/ +$/gm, ''));
  });

  it('begins with the example that is in the repository', async () => {
    const file = join(root, 'examples/embedded/main.mjs');
    expect(readFileSync(file, 'utf8')).toBe(examples[0]?.code);
    expect(await outputOf(file, folder)).toBe(examples[0]?.output);
  });
});
