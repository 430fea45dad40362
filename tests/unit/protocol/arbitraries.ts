import fc from 'fast-check';
import type { Json } from '#rota/protocol/json.js';

/** Keys that mean something to JavaScript, to msgpackr or to a careless reader of objects. */
const AWKWARD_KEYS = [
  'constructor',
  'toJSON',
  'hasOwnProperty',
  'toString',
  'valueOf',
  'then',
  'length',
  '0',
  '',
  '__proto',
];

/** Whole code points: half of a surrogate pair has no UTF-8. No leading U+FEFF: msgpackr's plain JS reader drops it. */
const text = (maxLength: number) =>
  fc.string({ unit: 'binary', maxLength }).filter((value) => !value.startsWith('\ufeff'));

const key = fc.oneof(
  { weight: 4, arbitrary: text(40).filter((value) => value !== '__proto__') },
  { weight: 1, arbitrary: fc.constantFrom(...AWKWARD_KEYS) },
);

/** -0 has no integer form and travels as 0. */
const number = fc.oneof(
  fc.integer({ min: -70_000, max: 70_000 }),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value)),
);

const leaf = fc.oneof(fc.constant(null), fc.boolean(), number, text(40), text(400));

/** JSON as a payload may be, well within the limits of a frame. */
export const jsonValue: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, depthSize: 'small' },
    leaf,
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(key, tie('value'), { maxKeys: 20, noNullPrototype: true }),
  ),
})).value;

/** One change of a frame's bytes, at a place given as a fraction of its length. */
export interface Mutation {
  readonly kind: 'set' | 'insert' | 'delete' | 'cut' | 'repeat';
  readonly where: number;
  readonly byte: number;
}

/** Bytes that open something, or are no kind at all: where a reader goes wrong, if it does. */
const TAGS = [
  0x80, 0x8f, 0x90, 0x9f, 0xa9, 0xbf, 0xc1, 0xc4, 0xc7, 0xca, 0xcb, 0xcf, 0xd3, 0xd4, 0xd6, 0xd9, 0xdb, 0xdd, 0xdf,
];

export const mutations: fc.Arbitrary<Mutation[]> = fc.array(
  fc.record({
    kind: fc.constantFrom('set', 'insert', 'delete', 'cut', 'repeat'),
    where: fc.double({ min: 0, max: 1, noNaN: true }),
    byte: fc.oneof(fc.constantFrom(...TAGS), fc.integer({ min: 0, max: 255 })),
  }),
  { minLength: 1, maxLength: 4 },
);

export function mutate(bytes: Uint8Array, changes: readonly Mutation[]): Uint8Array {
  return changes.reduce<Uint8Array>((now, { kind, where, byte }) => {
    const at = Math.floor(where * Math.max(0, now.length - 1));
    const before = now.subarray(0, at);
    const after = now.subarray(at + 1);
    if (kind === 'set') return Buffer.concat([before, Buffer.of(byte), after]);
    if (kind === 'insert') return Buffer.concat([before, Buffer.of(byte), now.subarray(at)]);
    if (kind === 'delete') return Buffer.concat([before, after]);
    if (kind === 'cut') return new Uint8Array(before);
    return Buffer.concat([before, now.subarray(at), now.subarray(at)]);
  }, bytes);
}
