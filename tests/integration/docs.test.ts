import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAILPOINTS } from '#rota/failpoints.js';
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

const PAGES = [
  { page: 'docs/embedding.md', runs: 10 },
  { page: 'docs/assigning.md', runs: 2 },
];

describe.each(PAGES)('$page', ({ page, runs }) => {
  const examples = examplesOf(page);

  it('has an output below each of its examples', () => {
    const marked = readFileSync(join(root, page), 'utf8').match(/^```js run/gm) ?? [];
    expect(examples.length).toBe(marked.length);
    expect(examples.length).toBeGreaterThanOrEqual(runs);
  });

  it.each(examples)('$heading (line $line) prints what it says', async ({ line, code, output }) => {
    const cwd = await mkdtemp(join(folder, `line-${line}-`));
    const file = join(cwd, 'example.mjs');
    await writeFile(file, code);
    expect(await outputOf(file, cwd)).toBe(output.replaceAll(/ +$/gm, ''));
  });
});

it('docs/embedding.md begins with the example that is in the repository', async () => {
  const [first] = examplesOf('docs/embedding.md');
  const file = join(root, 'examples/embedded/main.mjs');
  expect(readFileSync(file, 'utf8')).toBe(first?.code);
  expect(await outputOf(file, folder)).toBe(first?.output);
});

describe('the page on reliability', () => {
  it('lists every failpoint, as the code describes it', () => {
    const page = readFileSync(join(root, 'docs/reliability.md'), 'utf8');
    const rows = [...page.matchAll(/^\| `([a-z.]+)` \| (.*) \|$/gm)].map(([, name, text]) => [name, text]);
    expect(Object.fromEntries(rows)).toMatchObject(FAILPOINTS);
    expect(rows).toHaveLength(Object.keys(FAILPOINTS).length);
  });
});

it('README.md shows a pipeline that runs as it is written', async () => {
  const page = readFileSync(join(root, 'README.md'), 'utf8');
  const [, section = ''] = page.split('## Run a pipeline\n');
  const blocks = [...section.matchAll(/^```(?:yaml|js)\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code);
  const [, graph = '', agents = ''] = /npx rota run (\S+) --agents (\S+)/.exec(section) ?? [];
  const cwd = await mkdtemp(join(folder, 'pipeline-'));
  for (const [i, name] of [graph, agents, 'writer.mjs'].entries()) await writeFile(join(cwd, name), blocks[i] ?? '');
  const args = [join(root, 'dist/cli/main.js'), 'run', graph, '--agents', agents];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd, timeout: RUN_MS_MAX });
  expect(stdout).toContain('shout  HELLO ADA!');
});
