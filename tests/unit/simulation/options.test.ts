import { expect, test } from 'vitest';
import { readArgs } from '../../simulation/options.js';

test('what is left out has its default', () => {
  expect(readArgs([])).toMatchObject({ seeds: 10_000, from: 1, seed: undefined, isPlanted: false, only: '' });
  expect(readArgs(['--planted', '--only', 'twice', '--seeds', '5'])).toMatchObject({ seeds: 5, isPlanted: true });
});

test.each([
  [['--seeds', '0'], '--seeds is "0": give a whole number from 1'],
  [['--seed', '1', '--seeds', '2'], '--seed is one seed: leave --seeds away.'],
  [['--planted', '--only', 'no such bug'], '--only is "no such bug", which the name of no planted bug holds.'],
  [['--only', 'twice'], '--only goes with --planted.'],
  [['--fast'], "'--fast'"],
])('refuses %j', (args, problem) => {
  expect(() => readArgs(args)).toThrow(problem);
});
