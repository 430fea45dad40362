import { expect, test } from 'vitest';
import { main } from '../../faults/main.js';

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { out: '', err: '' };
  const to = (stream: 'out' | 'err') => (text: string) => {
    said[stream] += `${text}\n`;
  };
  return { code: await main(args, to('out'), to('err')), ...said };
}

test('says how it is used', async () => {
  const { code, out, err } = await run('--help');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  for (const option of ['--cycles', '--store', '--seed', '--json']) expect(out).toContain(option);
});

test.each([
  [['--store', 'oracle'], '--store is oracle, not one of sqlite, postgres, all.'],
  [['--cycles', 'many'], '--cycles is "many", which is no whole number from 1. See --help.'],
  [['--cycles', '0'], '--cycles is "0", which is no whole number from 1.'],
  [['--seed', '-1'], '--seed'],
  [['--fast'], "'--fast'"],
])('refuses %j', async (args, problem) => {
  const { code, out, err } = await run(...args);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toMatch(/^torture: /);
  expect(err).toContain(problem);
});
