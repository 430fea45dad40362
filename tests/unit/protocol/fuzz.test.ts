import { isUtf8 } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode, pack, unpack } from '#rota/protocol/codec.js';
import { RotaError } from '#rota/protocol/errors.js';
import { COMBINED_BOUNDS } from '#rota/protocol/limits.js';
import { scan } from '#rota/protocol/scan.js';
import { jsonValue, mutate, mutations } from './arbitraries.js';
import { FRAMES } from './frame-cases.js';
import { referenceDecode } from './reference-scan.js';

/** The scan and the obvious reader must agree; what both take must decode, and to the same value. */
function compare(frame: Uint8Array): 'taken' | 'refused' {
  const byScan = attempt(() => scan(frame));
  const byReference = attempt(() => referenceDecode(frame));
  if (byScan instanceof Error) expect(byScan).toBeInstanceOf(RotaError);
  if (byScan instanceof Error !== byReference instanceof Error) {
    throw new Error(`${Buffer.from(frame).toString('hex')}: scan ${byScan}, reference ${byReference}`);
  }
  if (byScan instanceof Error) return 'refused';
  const decoded = unpack(frame);
  pack(decoded);
  // How many U+FFFD stand for broken UTF-8 is the reader's affair.
  if (isUtf8(Buffer.from(JSON.stringify(byReference))) && !JSON.stringify(byReference).includes('\ufffd')) {
    expect(isDeepStrictEqual(decoded, byReference), Buffer.from(frame).toString('hex')).toBe(true);
  }
  return 'taken';
}

function attempt<T>(action: () => T): T | Error {
  try {
    return action();
  } catch (thrown) {
    if (thrown instanceof Error) return thrown;
    throw thrown;
  }
}

describe('foreign bytes', () => {
  it('agree with the reference when they are random', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (frame) => void compare(frame)),
      { numRuns: 10_000 },
    );
  });

  it('agree with the reference when they are a valid frame with a few bytes changed', () => {
    const seen = { taken: 0, refused: 0 };
    fc.assert(
      fc.property(jsonValue, mutations, (value, changes) => {
        seen[compare(mutate(pack([value]), changes))] += 1;
      }),
      { numRuns: 12_000 },
    );
    // Both ways must be well travelled, or the comparison proves little.
    expect(seen.taken).toBeGreaterThan(500);
    expect(seen.refused).toBeGreaterThan(500);
  });

  it('make the codec throw nothing but RotaError, whatever frame they once were', () => {
    const frames = Object.values(FRAMES).map(({ schema, minimal }) => ({ schema, bytes: encode(minimal) }));
    let refused = 0;
    fc.assert(
      fc.property(fc.constantFrom(...frames), mutations, ({ schema, bytes }, changes) => {
        const outcome = attempt(() => decode(schema, mutate(bytes, changes), COMBINED_BOUNDS));
        if (!(outcome instanceof Error)) return;
        expect(outcome).toBeInstanceOf(RotaError);
        refused += 1;
      }),
      { numRuns: 12_000 },
    );
    expect(refused).toBeGreaterThan(1_000);
  });
});
