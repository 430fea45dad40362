/**
 * Milliseconds on a clock that all processes of this machine share. On Linux `hrtime` is CLOCK_MONOTONIC,
 * which counts from the boot for everyone; elsewhere that is not promised, so the wall clock stands in.
 */
export const nowMs =
  process.platform === 'linux'
    ? () => Number(process.hrtime.bigint()) / 1e6
    : () => performance.timeOrigin + performance.now();

export const CLOCK = process.platform === 'linux' ? 'CLOCK_MONOTONIC' : 'wall clock';
