import { expect, it } from 'vitest';
import { linesOf } from './output.js';

it('the help desk asks who is in turn, on duty and there, and hands on what is released', async () => {
  expect(await linesOf('help-desk')).toEqual([
    '1. ann is asked: next in turn of 2 free agents',
    '2. ben is asked: the only free agent',
    '3. joe is asked: the only free agent',
    expect.stringMatching(
      /^4\. NONE_AVAILABLE: No agent of pool support can take task conversation-42 now: .*off duty/,
    ),
    'ben closed 1 of question',
    'joe closed 1 of question',
  ]);
});
