import type { WorkingHours } from '../protocol/agent.js';
import { type Stretch, stretchAt } from './zone-offsets.js';

/**
 * Working hours as instants. An agent is on duty while the clock on its wall shows a time within a span: what
 * that clock jumps over in spring does not happen, and what it shows twice in autumn happens twice.
 */
export interface Duty {
  readonly isOnDuty: boolean;
  /** When that changes next; Infinity where it never does. */
  readonly untilMs: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const WEEK_MS = 7 * DAY_MS;
/** 1970 began on a Thursday, three days into its week. */
const EPOCH_IN_WEEK_MS = 3 * DAY_MS;

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

/** Whether an agent with these hours is on duty at `wallMs`, and until when. */
export function dutyAt(hours: WorkingHours, wallMs: number): Duty {
  const { shifts, changes } = weekOf(hours);
  let untilMs = wallMs;
  let stretch = stretchAt(hours.timeZone, wallMs);
  const isOnDuty = isWithin(shifts, inWeekMs(stretch, wallMs));
  if (changes.length === 0) return { isOnDuty, untilMs: Infinity };
  do {
    untilMs = Math.min(nextChangeMs(changes, stretch, untilMs), stretch.endMs);
    stretch = stretchAt(hours.timeZone, untilMs);
  } while (isWithin(shifts, inWeekMs(stretch, untilMs)) === isOnDuty);
  return { isOnDuty, untilMs };
}

/** A week on the wall, from Monday, 00:00. */
interface Week {
  readonly shifts: readonly Shift[];
  /** Where duty begins or ends, in order. None where it is always or never. */
  readonly changes: readonly number[];
}

/** May end in the week after. */
interface Shift {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A memo and no state: the hours of an agent are asked for at each of their ends. */
const weeks = new WeakMap<WorkingHours, Week>();

function weekOf(hours: WorkingHours): Week {
  let week = weeks.get(hours);
  if (week === undefined) {
    const shifts = shiftsOf(hours);
    week = { shifts, changes: changesOf(shifts) };
    weeks.set(hours, week);
  }
  return week;
}

function shiftsOf({ spans }: WorkingHours): Shift[] {
  return spans.flatMap(({ days, from, to }) => {
    const endMs = timeMs(to) > timeMs(from) ? timeMs(to) : timeMs(to) + DAY_MS;
    return days.map((day) => {
      const dayMs = DAYS.indexOf(day) * DAY_MS;
      return { fromMs: dayMs + timeMs(from), toMs: dayMs + endMs };
    });
  });
}

function timeMs(timeOfDay: string): number {
  const [hours, minutes] = timeOfDay.split(':').map(Number) as [number, number];
  return (hours * 60 + minutes) * MINUTE_MS;
}

function isWithin(shifts: readonly Shift[], weekMs: number): boolean {
  const isIn = (ms: number) => shifts.some(({ fromMs, toMs }) => fromMs <= ms && ms < toMs);
  return isIn(weekMs) || isIn(weekMs + WEEK_MS);
}

function changesOf(shifts: readonly Shift[]): number[] {
  const edges = new Set(shifts.flatMap(({ fromMs, toMs }) => [fromMs % WEEK_MS, toMs % WEEK_MS]));
  const isChange = (ms: number) => isWithin(shifts, ms) !== isWithin(shifts, (ms + WEEK_MS - 1) % WEEK_MS);
  return [...edges].filter(isChange).sort((a, b) => a - b);
}

/** What the clock on the wall shows, as a part of its week. */
function inWeekMs({ offsetMs }: Stretch, ms: number): number {
  const shownMs = (ms + offsetMs + EPOCH_IN_WEEK_MS) % WEEK_MS;
  return shownMs < 0 ? shownMs + WEEK_MS : shownMs;
}

/** When the clock on the wall comes to a change, if the zone keeps its offset until then. */
function nextChangeMs(changes: readonly number[], stretch: Stretch, ms: number): number {
  const weekMs = inWeekMs(stretch, ms);
  const changeMs = changes.find((one) => one > weekMs) ?? (changes[0] ?? 0) + WEEK_MS;
  return ms + changeMs - weekMs;
}
