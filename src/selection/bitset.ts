/** A growing set of small integers, one bit each: what the candidates of a choice are computed with. */
export class Bitset {
  words = new Uint32Array(1);

  add(index: number): void {
    const word = index >>> 5;
    if (word >= this.words.length) {
      const grown = new Uint32Array(Math.max(word + 1, this.words.length * 2));
      grown.set(this.words);
      this.words = grown;
    }
    this.words[word] = (this.words[word] as number) | (1 << (index & 31));
  }

  delete(index: number): void {
    const word = index >>> 5;
    if (word < this.words.length) this.words[word] = (this.words[word] as number) & ~(1 << (index & 31));
  }

  has(index: number): boolean {
    return (((this.words[index >>> 5] ?? 0) >>> (index & 31)) & 1) === 1;
  }
}

/** The word at `at` of the intersection of all sets, as an unsigned number. */
function wordOf(sets: readonly Bitset[], at: number): number {
  let word = 0xffffffff;
  for (const set of sets) word &= set.words[at] ?? 0;
  return word >>> 0;
}

/**
 * The first member of the intersection after `after`, going round: past the last one it begins again
 * at the first, so `after` itself comes last. -1 when the intersection is empty.
 */
export function nextInAll(sets: readonly Bitset[], after: number): number {
  const length = commonLength(sets);
  if (length === 0) return -1;
  const start = after + 1 < length * 32 ? after + 1 : 0;
  const startWord = start >>> 5;
  /** The bits of the first word at and above `start`; those below it come last. */
  const above = (0xffffffff << (start & 31)) >>> 0;
  for (let step = 0; step <= length; step++) {
    const at = (startWord + step) % length;
    let word = wordOf(sets, at);
    if (step === 0) word = (word & above) >>> 0;
    else if (step === length) word = (word & ~above) >>> 0;
    if (word !== 0) return at * 32 + lowestBit(word);
  }
  return -1;
}

export function countInAll(sets: readonly Bitset[]): number {
  const length = commonLength(sets);
  let count = 0;
  for (let at = 0; at < length; at++) count += bitCount(wordOf(sets, at));
  return count;
}

function commonLength(sets: readonly Bitset[]): number {
  let length = Number.POSITIVE_INFINITY;
  for (const set of sets) length = Math.min(length, set.words.length);
  return Number.isFinite(length) ? length : 0;
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

function bitCount(word: number): number {
  let w = word - ((word >>> 1) & 0x55555555);
  w = (w & 0x33333333) + ((w >>> 2) & 0x33333333);
  return (((w + (w >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}
