import { RotaError } from '../protocol/errors.js';
import type { JournalRow } from '../protocol/journal.js';

/** Of a journal that lacks a row nothing may be made: what is behind the row rests on it. */

type Place = Pick<JournalRow, 'seq' | 'epoch'>;

/** @throws RotaError STORE_FAILED unless each row follows the one before, the first of them `last`. */
export function assertFollow(rows: readonly JournalRow[], last: Place): void {
  let before = last;
  for (const row of rows) {
    if (row.seq !== before.seq + 1) throw broken(`row ${before.seq + 1} is missing before row ${row.seq}`);
    if (row.epoch < before.epoch) throw broken(`row ${row.seq} is of an older epoch than the row before it`);
    before = row;
  }
}

/** The rows behind where the tables stand, up to the last. @throws RotaError STORE_FAILED */
export function assertWhole(tail: readonly JournalRow[], materialised: number, last: number): void {
  assertFollow(tail, { seq: materialised, epoch: 0 });
  if (last < materialised) throw endsEarly(last, materialised);
}

/** Of tables that hold rows which the journal lacks. */
export function endsEarly(last: number, materialised: number): RotaError {
  return broken(`it ends with row ${last}, and the tables have row ${materialised}`);
}

function broken(problem: string): RotaError {
  return new RotaError('STORE_FAILED', `The journal is not whole: ${problem}.`);
}
