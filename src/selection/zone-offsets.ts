import { IANAZone } from 'luxon';

/** A time in which a zone keeps its distance from UTC. */
export interface Stretch {
  readonly offsetMs: number;
  /** Its end, or that of the day in UTC: what comes then may have the same offset. */
  readonly endMs: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/**
 * The stretches of each zone and day that was asked for. A memo and no state: asking a zone's calendar costs
 * some ten microseconds, and thousands of agents begin their day at the same instant.
 */
const memo = new Map<string, readonly Stretch[]>();
const MEMO_MAX = 2_000;

/** The stretch of `timeZone` that `ms` is in. */
export function stretchAt(timeZone: string, ms: number): Stretch {
  const day = Math.floor(ms / DAY_MS);
  const key = `${timeZone} ${day}`;
  let stretches = memo.get(key);
  if (stretches === undefined) {
    if (memo.size >= MEMO_MAX) memo.clear();
    stretches = stretchesOf(IANAZone.create(timeZone), day * DAY_MS);
    memo.set(key, stretches);
  }
  return stretches.find(({ endMs }) => ms < endMs) as Stretch;
}

/** The stretches of a day: one, or two where the offset changes. That it changes twice in a day is not provided for. */
function stretchesOf(zone: IANAZone, startMs: number): Stretch[] {
  const endMs = startMs + DAY_MS;
  const first = offsetMs(zone, startMs);
  const last = offsetMs(zone, endMs - 1);
  if (first === last) return [{ offsetMs: first, endMs }];
  return [
    { offsetMs: first, endMs: changeMs(zone, startMs, endMs - 1) },
    { offsetMs: last, endMs },
  ];
}

/** When the offset is another than at `fromMs` for the first time; at `toMs` it is. */
function changeMs(zone: IANAZone, fromMs: number, toMs: number): number {
  const offset = offsetMs(zone, fromMs);
  let before = fromMs;
  let since = toMs;
  while (since - before > 1) {
    const middle = Math.floor((before + since) / 2);
    if (offsetMs(zone, middle) === offset) before = middle;
    else since = middle;
  }
  return since;
}

function offsetMs(zone: IANAZone, ms: number): number {
  return Math.round(zone.offset(ms) * MINUTE_MS);
}
