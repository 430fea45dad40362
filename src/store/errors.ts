import { RotaError } from '../protocol/errors.js';

/** The errors of the port, in the same words for every store. */

export interface Leader {
  readonly epoch: number;
  readonly holder: string;
}

export function deposed(epoch: number, leader: Leader | undefined): RotaError {
  const now = leader ? `${leader.holder} leads with epoch ${leader.epoch}` : 'nobody leads yet';
  return new RotaError('DEPOSED', `Epoch ${epoch} may not append: ${now}.`);
}

/** What its leader remembers is not what the store has: no append of it can succeed any more. */
export function gap(seq: number, last: number): RotaError {
  const problem = seq <= last ? 'another row has its place' : 'rows are missing before it';
  return new RotaError('DEPOSED', `Row ${seq} was not appended: the journal ends at ${last}, so ${problem}.`, {
    remedy: 'The store was set back, or replaced by a copy: the coordinator begins anew from what it has now.',
  });
}

export function trimmed(seq: number, first: number): RotaError {
  return new RotaError('NOT_REPLAYABLE', `Row ${seq} of the journal was trimmed: it begins with row ${first}.`, {
    remedy: 'Keep the journal for longer, with --keep-journal.',
  });
}

/** `place` says which store, such as its path. */
export function storeFailed(place: string, thrown: unknown): RotaError {
  if (thrown instanceof RotaError) return thrown;
  return new RotaError('STORE_FAILED', `The store at ${place} failed: ${messageOf(thrown).replace(/\.?$/, '.')}`, {
    cause: thrown,
  });
}

/** Of a host with several addresses that all refuse, each refusal has a message, and all together have none. */
function messageOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.message === '') return thrown.errors.map(messageOf).join(', ');
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** `cause` is what closed it, where nobody asked for that. */
export function closed(place: string, cause?: RotaError): RotaError {
  const why = cause === undefined ? 'was closed.' : `is closed. ${cause.message}`;
  return new RotaError('CLOSED', `The store at ${place} ${why}`, cause === undefined ? {} : { cause });
}
