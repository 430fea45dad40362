/**
 * A growing set of small integers, one bit each: what the candidates of a choice are computed with. Over
 * shared memory, so that scoring threads read it without a copy; `words` changes when the set grows.
 */
export class Bitset {
  words: Words = sharedWords(1);
  #size = 0;

  /** How many members it has. */
  get size(): number {
    return this.#size;
  }

  add(index: number): void {
    const at = index >>> 5;
    if (at >= this.words.length) this.#grow(at + 1);
    const word = this.words[at] as number;
    const bit = 1 << (index & 31);
    if ((word & bit) !== 0) return;
    this.words[at] = word | bit;
    this.#size++;
  }

  delete(index: number): void {
    const at = index >>> 5;
    if (at >= this.words.length) return;
    const word = this.words[at] as number;
    const bit = 1 << (index & 31);
    if ((word & bit) === 0) return;
    this.words[at] = word & ~bit;
    this.#size--;
  }

  has(index: number): boolean {
    return (((this.words[index >>> 5] ?? 0) >>> (index & 31)) & 1) === 1;
  }

  /** The lowest number from `from` on that is no member. */
  firstMissing(from: number): number {
    for (let at = from >>> 5; at < this.words.length; at++) {
      const below = at === from >>> 5 ? ~(0xffffffff << (from & 31)) : 0;
      const missing = ~((this.words[at] as number) | below);
      if (missing !== 0) return at * 32 + lowestBit(missing);
    }
    return Math.max(from, this.words.length * 32);
  }

  /** Becomes what a scan finds, in the memory that it has. */
  fillFrom(scan: Scan): void {
    const { any, all, length } = open(scan);
    if (length > this.words.length) this.#grow(length);
    let size = 0;
    for (let at = 0; at < length; at++) {
      const word = wordAt(any, all, at);
      this.words[at] = word;
      size += bitCount(word);
    }
    this.words.fill(0, length);
    this.#size = size;
  }

  #grow(length: number): void {
    const grown = sharedWords(Math.max(length, this.words.length * 2));
    grown.set(this.words);
    this.words = grown;
  }
}

/** Whoever is in one of `anyOf` and in all of `allOf`. */
export interface Scan {
  readonly anyOf: readonly Bitset[];
  readonly allOf: readonly Bitset[];
}

/** The first that the scan finds after `after`, going round, so `after` itself comes last; -1 where it finds none. */
export function nextIn(scan: Scan, after: number): number {
  const { any, all, length } = open(scan);
  if (length === 0) return -1;
  const start = after + 1 < length * 32 ? after + 1 : 0;
  const startWord = start >>> 5;
  /** The bits of the first word at and above `start`; those below it come last. */
  const above = 0xffffffff << (start & 31);
  const first = wordAt(any, all, startWord);
  if ((first & above) !== 0) return startWord * 32 + lowestBit(first & above);
  for (let at = startWord + 1; at < length; at++) {
    const word = wordAt(any, all, at);
    if (word !== 0) return at * 32 + lowestBit(word);
  }
  for (let at = 0; at < startWord; at++) {
    const word = wordAt(any, all, at);
    if (word !== 0) return at * 32 + lowestBit(word);
  }
  return (first & ~above) === 0 ? -1 : startWord * 32 + lowestBit(first & ~above);
}

/** The same, passing over those in `without`. */
export function nextBeyond(scan: Scan, after: number, without: ReadonlySet<number>): number {
  let index = nextIn(scan, after);
  for (let passed = 0; without.has(index); passed++) {
    if (passed === without.size) return -1;
    index = nextIn(scan, index);
  }
  return index;
}

export function countIn(scan: Scan): number {
  const { any, all, length } = open(scan);
  const [one] = any;
  const [other] = all;
  // What a choice counts most, and three times as fast.
  if (any.length === 1 && all.length === 1 && one && other) return countBoth(one, other, length);
  let count = 0;
  for (let at = 0; at < length; at++) count += bitCount(wordAt(any, all, at));
  return count;
}

/** The member with `rank` smaller ones before it; -1 where the scan finds no more than `rank`. */
export function nthIn(scan: Scan, rank: number): number {
  const { any, all, length } = open(scan);
  let left = rank;
  for (let at = 0; at < length; at++) {
    let word = wordAt(any, all, at);
    const count = bitCount(word);
    if (left >= count) {
      left -= count;
      continue;
    }
    for (; left > 0; left--) word &= word - 1;
    return at * 32 + lowestBit(word);
  }
  return -1;
}

/** Visits all that the scan finds, ascending. */
export function eachIn(scan: Scan, visit: (index: number) => void): void {
  const { any, all, length } = open(scan);
  for (let at = 0; at < length; at++) {
    for (let word = wordAt(any, all, at); word !== 0; word &= word - 1) visit(at * 32 + lowestBit(word));
  }
}

type Words = Uint32Array;

/** The memory of a scan's sets, and how many words of it there are to look at. */
function open({ anyOf, allOf }: Scan): { any: Words[]; all: Words[]; length: number } {
  const any: Words[] = [];
  const all: Words[] = [];
  let length = 0;
  for (const { words, size } of anyOf) {
    if (size === 0) continue;
    any.push(words);
    length = Math.max(length, words.length);
  }
  for (const { words, size } of allOf) {
    all.push(words);
    length = size === 0 ? 0 : Math.min(length, words.length);
  }
  return { any, all, length };
}

/** The word at `at` of what the scan finds. */
function wordAt(any: readonly Words[], all: readonly Words[], at: number): number {
  let word = 0;
  for (let i = 0; i < any.length; i++) {
    const words = any[i] as Words;
    if (at < words.length) word |= words[at] as number;
  }
  for (let i = 0; i < all.length; i++) word &= (all[i] as Words)[at] as number;
  return word;
}

function countBoth(one: Words, other: Words, length: number): number {
  let count = 0;
  for (let at = 0; at < length; at++) count += bitCount((one[at] as number) & (other[at] as number));
  return count;
}

function sharedWords(length: number): Words {
  return new Uint32Array(new SharedArrayBuffer(length * Uint32Array.BYTES_PER_ELEMENT));
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

function bitCount(word: number): number {
  let w = word - ((word >>> 1) & 0x55555555);
  w = (w & 0x33333333) + ((w >>> 2) & 0x33333333);
  return Math.imul((w + (w >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
