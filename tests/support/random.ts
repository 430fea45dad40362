/** Numbers in [0, 1) that the seed decides (mulberry32). `TEST_SEED` repeats a run that failed. */
export function seededRandom(seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))): {
  readonly seed: number;
  readonly random: () => number;
} {
  let state = seed >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { seed, random };
}
