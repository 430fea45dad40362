import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { World } from '../support/world.js';
import { rotaToEnd } from './cli/harness.js';

/** What docs/assigning.md shows of the command line is what it prints. */

const PAGE = readFileSync(new URL('../../docs/assigning.md', import.meta.url), 'utf8');

const BLOCKS = [...PAGE.matchAll(/^```console\n\$ rota (.*)\n([\s\S]*?)^```$/gm)].map((match) => {
  const [, command = '', output = ''] = match;
  return {
    heading: PAGE.slice(0, match.index)
      .match(/^#+ .*$/gm)
      ?.at(-1),
    command,
    output,
  };
});

let world: World;

beforeAll(async () => {
  world = await World.open('nats');
  await world.coordinator({
    policies: { pools: { code: { strategy: 'weighted', rotationWindowMinutes: 10 } } },
  });
  await fillDev();
  await fillCode();
});
afterAll(() => world[Symbol.asyncDispose]());

const never = () => new Promise<null>(() => {});

/** One agent that is busy, one that left, one that is cordoned, and one that can't. */
async function fillDev(): Promise<void> {
  const client = await world.client();
  const capabilities = ['deploy'];
  await world.agent('dev-1', never, { pool: 'dev', capabilities });
  const leaves = await world.agent('dev-2', never, { pool: 'dev', capabilities });
  await world.agent('dev-3', never, { pool: 'dev', capabilities });
  await world.agent('dev-4', never, { pool: 'dev' });
  await client.cordon('dev-3');
  await leaves.stop();
  await client.submitMany([
    { pool: 'dev', id: 'deploy-6', capabilities },
    { pool: 'dev', id: 'deploy-7', capabilities },
    { pool: 'dev', id: 'deploy-8', capabilities: ['sql'] },
  ]);
}

/** A specialist, one who is not, and one who was served a moment ago. */
async function fillCode(): Promise<void> {
  const client = await world.client();
  await world.agent('ann', () => null, { pool: 'code', specializations: ['fix'] });
  await world.agent('ben', () => null, { pool: 'code' });
  await world.agent('eva', () => null, { pool: 'code' });
  await client.result(await client.submit({ pool: 'code', workType: 'fix', assignee: 'eva' }));
  await client.result(await client.submit({ pool: 'code', id: 'fix-12', workType: 'fix' }));
}

/** The page was written at another time. */
const timeless = (text: string) => text.replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'TIME');

describe('docs/assigning.md', () => {
  it('shows how a task that waits, one that failed and one that another got are explained', () => {
    expect(BLOCKS).toHaveLength(3);
  });

  it.each(BLOCKS)('$heading: rota $command prints what it says', async ({ command, output }) => {
    const { code, stdout } = await rotaToEnd([...command.split(' '), '--nats', world.nats.url]);
    expect(code).toBe(0);
    expect(timeless(stdout)).toBe(timeless(output));
  });
});
