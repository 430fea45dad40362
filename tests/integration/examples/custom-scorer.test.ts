import { expect, it } from 'vitest';
import { linesOf } from './output.js';

it('the scorer of one’s own chooses by spare capacity, and one that throws holds up nothing', async () => {
  expect(await linesOf('custom-scorer')).toEqual([
    'translators: ben with 130 points',
    'translators: ann with 100 points',
    'translators: ben with 80 points',
    'writers: joe with 50 points; scorer: no model for poem',
  ]);
});
