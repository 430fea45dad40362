import fc from 'fast-check';
import { DateTime } from 'luxon';
import { describe, expect, it, test } from 'vitest';
import { type WorkingHours, WorkingHoursSchema } from '#rota/protocol/agent.js';
import { dutyAt } from '#rota/selection/working-hours.js';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
type Span = WorkingHours['spans'][number];

const MINUTE_MS = 60_000;
const WINDOW_MINUTES = 12 * 24 * 60;

/** Each begins before a clock is put forward or back, or a date is left out, and has an ordinary week behind it. */
const WINDOWS = [
  ['UTC', '2026-03-25'],
  ['Europe/Berlin', '2026-03-25'],
  ['Europe/Berlin', '2026-10-21'],
  ['America/New_York', '2026-03-05'],
  ['America/New_York', '2026-10-28'],
  // Half an hour.
  ['Australia/Lord_Howe', '2026-04-01'],
  ['Asia/Kathmandu', '2026-01-01'],
  // At midnight: the day begins at one.
  ['America/Santiago', '2026-09-02'],
  ['Africa/Cairo', '2026-10-26'],
  // A Friday that never was.
  ['Pacific/Apia', '2011-12-27'],
] as const;

interface Shown {
  readonly day: number;
  readonly minute: number;
}

/** Minute by minute, what the clock on the wall shows, such as `Mon 09:00`. */
const shown = WINDOWS.map(([timeZone, date]) => {
  const fromMs = DateTime.fromISO(date, { zone: timeZone }).toMillis();
  const parts = { weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  const format = new Intl.DateTimeFormat('en-GB', { timeZone, ...parts });
  const minutes = Array.from({ length: WINDOW_MINUTES }, (_, minute): Shown => {
    const [day = '', hours, of] = format.format(fromMs + minute * MINUTE_MS).split(/[ ,:]+/);
    return { day: DAYS.indexOf(day.toLowerCase() as Span['days'][number]), minute: Number(hours) * 60 + Number(of) };
  });
  return { timeZone, fromMs, minutes };
});

function isWithin({ days, from, to }: Span, day: number, minute: number): boolean {
  const [begin, end] = [from, to].map((text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3))) as [
    number,
    number,
  ];
  const today = days.includes(DAYS[day] ?? 'mon');
  const yesterday = days.includes(DAYS[(day + 6) % 7] ?? 'mon');
  if (begin < end) return today && begin <= minute && minute < end;
  // Yesterday's, which began at its very end where it began at 24:00.
  return (today && begin <= minute) || (yesterday && minute < end && (begin < 1_440 || end > 0));
}

const timeOfDay = fc.oneof(
  fc.constantFrom('00:00', '24:00', '02:00', '02:30', '03:00', '01:30', '23:59'),
  fc
    .record({ hour: fc.nat(23), minute: fc.nat(59) })
    .map(({ hour, minute }) => `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`),
);
const span = fc.record({
  days: fc.uniqueArray(fc.constantFrom(...DAYS), { minLength: 1 }),
  from: timeOfDay,
  to: timeOfDay,
});
const spans = fc.array(span, { minLength: 1, maxLength: 4 });

test('duty is what a look at the clock tells, each minute', () => {
  const instant = fc.nat(4 * 24 * 60 * MINUTE_MS);
  fc.assert(
    fc.property(fc.constantFrom(...shown), spans, instant, ({ timeZone, fromMs, minutes }, spans, afterMs) => {
      const isOnAt = ({ day, minute }: Shown) => spans.some((one) => isWithin(one, day, minute));
      const first = Math.floor(afterMs / MINUTE_MS);
      const isOn = isOnAt(minutes[first] as Shown);
      const change = minutes.findIndex((shows, minute) => minute > first && isOnAt(shows) !== isOn);
      const { isOnDuty, untilMs } = dutyAt({ timeZone, spans }, fromMs + afterMs);
      expect(isOnDuty).toBe(isOn);
      if (change >= 0) expect(untilMs).toBe(fromMs + change * MINUTE_MS);
      else expect(untilMs).toBeGreaterThanOrEqual(fromMs + WINDOW_MINUTES * MINUTE_MS);
    }),
    { numRuns: 1_000 },
  );
});

function duty(timeZone: string, spans: Span[], at: string): [boolean, string | number | null] {
  const hours = WorkingHoursSchema.parse({ timeZone, spans });
  const { isOnDuty, untilMs } = dutyAt(hours, DateTime.fromISO(at, { zone: timeZone }).toMillis());
  return [isOnDuty, untilMs === Infinity ? Infinity : DateTime.fromMillis(untilMs, { zone: timeZone }).toISO()];
}

describe('on duty', () => {
  const office: Span[] = [{ days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:00', to: '17:30' }];

  it.each([
    ['from the first minute', '2026-06-15T09:00', true, '2026-06-15T17:30:00.000+02:00'],
    ['not at the last', '2026-06-15T17:30', false, '2026-06-16T09:00:00.000+02:00'],
    ['not over the weekend', '2026-06-19T18:00', false, '2026-06-22T09:00:00.000+02:00'],
    ['and it is winter on Monday', '2026-10-23T18:00', false, '2026-10-26T09:00:00.000+01:00'],
  ])('%s', (_, at, isOnDuty, until) => {
    expect(duty('Europe/Berlin', office, at)).toEqual([isOnDuty, until]);
  });

  it('over midnight, and from Sunday into Monday', () => {
    const night: Span[] = [{ days: ['sun'], from: '22:00', to: '06:00' }];
    expect(duty('UTC', night, '2026-06-14T23:00')).toEqual([true, '2026-06-15T06:00:00.000Z']);
    expect(duty('UTC', night, '2026-06-15T05:59')).toEqual([true, '2026-06-15T06:00:00.000Z']);
    expect(duty('UTC', night, '2026-06-15T06:00')).toEqual([false, '2026-06-21T22:00:00.000Z']);
  });

  it('for a whole day from one time to the same, and to midnight as 24:00', () => {
    expect(duty('UTC', [{ days: ['mon'], from: '09:00', to: '09:00' }], '2026-06-15T12:00')).toEqual([
      true,
      '2026-06-16T09:00:00.000Z',
    ]);
    expect(duty('UTC', [{ days: ['mon'], from: '00:00', to: '24:00' }], '2026-06-15T12:00')).toEqual([
      true,
      '2026-06-16T00:00:00.000Z',
    ]);
  });

  it('once through spans that overlap or meet', () => {
    const spans: Span[] = [
      { days: ['mon'], from: '08:00', to: '12:00' },
      { days: ['mon'], from: '10:00', to: '14:00' },
      { days: ['mon'], from: '14:00', to: '15:00' },
    ];
    expect(duty('UTC', spans, '2026-06-15T08:00')).toEqual([true, '2026-06-15T15:00:00.000Z']);
  });

  it('for ever, and never', () => {
    const always: Span[] = [
      { days: [...DAYS], from: '00:00', to: '12:00' },
      { days: [...DAYS], from: '12:00', to: '24:00' },
    ];
    expect(duty('Europe/Berlin', always, '2026-06-15T08:00')).toEqual([true, Infinity]);
    expect(duty('UTC', [{ days: [...DAYS], from: '24:00', to: '00:00' }], '2026-06-15T08:00')).toEqual([
      false,
      Infinity,
    ]);
  });

  it('not in an hour that spring leaves out, and twice in one that autumn repeats', () => {
    const early: Span[] = [{ days: ['sun'], from: '02:00', to: '03:00' }];
    expect(duty('Europe/Berlin', early, '2026-03-29T01:59')).toEqual([false, '2026-04-05T02:00:00.000+02:00']);
    const half: Span[] = [{ days: ['sun'], from: '02:00', to: '02:30' }];
    expect(duty('Europe/Berlin', half, '2026-10-25T01:00')).toEqual([false, '2026-10-25T02:00:00.000+02:00']);
    expect(duty('Europe/Berlin', half, '2026-10-25T02:10:00+02:00')).toEqual([true, '2026-10-25T02:30:00.000+02:00']);
    expect(duty('Europe/Berlin', half, '2026-10-25T02:30:00+02:00')).toEqual([false, '2026-10-25T02:00:00.000+01:00']);
  });

  it('before 1970 too', () => {
    expect(duty('UTC', office, '1969-12-23T12:00')).toEqual([true, '1969-12-23T17:30:00.000Z']);
  });
});
