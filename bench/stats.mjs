/** Nearest-rank quantiles: each is a value that was measured. */
export function quantilesOf(samples) {
  const sorted = Float64Array.from(samples).sort();
  const at = (share) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  return { samples: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

/** Median, smallest and largest of a few repetitions. */
export function spreadOf(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1) };
}

/** Calls `run` so many times, one after the other. */
export async function repeat(times, run) {
  const results = [];
  while (results.length < times) results.push(await run());
  return results;
}
