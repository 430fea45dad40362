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

export function gap(seq: number, last: number): RotaError {
  const problem = seq <= last ? 'another row has its place' : 'rows are missing before it';
  return new RotaError('STORE_FAILED', `Row ${seq} was not appended: the journal ends at ${last}, so ${problem}.`);
}

/** `place` says which store, such as its path. */
export function storeFailed(place: string, thrown: unknown): RotaError {
  if (thrown instanceof RotaError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new RotaError('STORE_FAILED', `The store at ${place} failed: ${message.replace(/\.?$/, '.')}`, {
    cause: thrown,
  });
}

/** `cause` is what closed it, where nobody asked for that. */
export function closed(place: string, cause?: RotaError): RotaError {
  const why = cause === undefined ? 'was closed.' : `is closed. ${cause.message}`;
  return new RotaError('CLOSED', `The store at ${place} ${why}`, cause === undefined ? {} : { cause });
}
