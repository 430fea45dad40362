import { describe, expect, it } from 'vitest';
import { duration, positiveNumber, since } from '#rota/cli/options.js';
import { workingHours } from '#rota/cli/working-hours.js';

const NOW_MS = Date.parse('2026-03-01T12:00:00Z');

describe('--since', () => {
  it.each([
    ['30s', '2026-03-01T11:59:30Z'],
    ['90m', '2026-03-01T10:30:00Z'],
    ['1.5h', '2026-03-01T10:30:00Z'],
    ['7d', '2026-02-22T12:00:00Z'],
    ['2026-02-28', '2026-02-28T00:00:00Z'],
    ['2026-02-28T06:00:00+02:00', '2026-02-28T04:00:00Z'],
  ])('%s', (text, instant) => {
    expect(since(text)(NOW_MS)).toBe(Date.parse(instant));
  });

  it('never reaches before all time', () => {
    expect(since('99999d')(NOW_MS)).toBe(0);
  });

  it.each(['', '2', '2 h', '-2h', '2w', 'yesterday', '2026-99-99', '19'])('refuses %j', (text) => {
    expect(() => since(text)).toThrow(/such as 30m, 2h or 7d, or an instant/);
  });
});

describe('a duration', () => {
  it.each([
    ['30m', 1_800_000],
    ['0.5s', 500],
    ['7d', 604_800_000],
    ['36500d', 3_153_600_000_000],
  ])('%s', (text, ms) => {
    expect(duration(text)).toBe(ms);
  });

  it.each(['0d', '0s', '0.0001s', '36501d', '99999999999999999999d', '', '7', '-7d', '7w', 'x'])(
    'refuses %j',
    (text) => {
      expect(() => duration(text)).toThrow(/above 0 and up to 36500d, such as 30m, 2h or 7d/);
    },
  );
});

describe('a number above 0', () => {
  it.each([
    ['0.5', 0.5],
    ['100', 100],
  ])('%s', (text, value) => {
    expect(positiveNumber(text)).toBe(value);
  });

  it.each(['0', '-1', '', ' ', 'x', 'Infinity', 'NaN'])('refuses %j', (text) => {
    expect(() => positiveNumber(text)).toThrow('Expected a number above 0.');
  });
});

describe('--working-hours', () => {
  it.each([
    ['Europe/Berlin mon-fri 09:00-17:00', [[['mon', 'tue', 'wed', 'thu', 'fri'], '09:00', '17:00']]],
    [
      ' UTC  fri-mon,wed 22:00-06:00 ; Sat 10:00-24:00',
      [
        [['fri', 'sat', 'sun', 'mon', 'wed'], '22:00', '06:00'],
        [['sat'], '10:00', '24:00'],
      ],
    ],
    ['UTC sun,sun 00:00-24:00', [[['sun'], '00:00', '24:00']]],
  ])('%s', (text, spans) => {
    const hours = workingHours(text);
    expect(hours.spans.map(({ days, from, to }) => [days, from, to])).toEqual(spans);
  });

  it.each([
    ['', /Write it as "Europe\/Berlin/],
    ['UTC', /Write it as/],
    ['UTC mon', /Write it as/],
    ['UTC mon 09:00', /Write it as/],
    ['UTC mon 09:00-17:00 tue', /Write it as/],
    ['UTC monday 09:00-17:00', /"monday" is none of mon, tue/],
    ['UTC mon 9:00-17:00', /must be HH:MM, 00:00 to 24:00\. Write it as/],
    ['Berlin mon 09:00-17:00', /must be an IANA time zone/],
  ])('refuses %j', (text, message) => {
    expect(() => workingHours(text)).toThrow(message);
  });
});
