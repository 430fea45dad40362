import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';

interface Expected {
  days: number;
  meanTemp: number;
  minTemp: number;
  maxTemp: number;
  rain: number;
  rainyDays: number;
  windiest: { date: string; wind: number };
  weather: Record<string, number>;
}

/** Every number again, from the package's file, in whole tenths and one pass: no sum can lose a digit. */
export function expectedOf(prefix: RegExp): Expected {
  const main = createRequire(import.meta.url).resolve('vega-datasets');
  const csv = readFileSync(join(dirname(main), '../data/seattle-weather.csv'), 'utf8');
  const tenths = (text = '') => Number.parseInt(text.replace('.', ''), 10);
  const all = { days: 0, temps: 0, min: Infinity, max: -Infinity, rain: 0, rainyDays: 0, wind: -1, date: '' };
  const weather: Record<string, number> = {};
  for (const [, date = '', rain, max, min, wind, kind = ''] of csv.matchAll(
    /^(\d{4}-..-..),(.+),(.+),(.+),(.+),(\w+)$/gm,
  )) {
    if (!prefix.test(date)) continue;
    all.days++;
    all.temps += tenths(max) + tenths(min);
    all.min = Math.min(all.min, tenths(min));
    all.max = Math.max(all.max, tenths(max));
    all.rain += tenths(rain);
    if (tenths(rain) !== 0) all.rainyDays++;
    if (tenths(wind) > all.wind) Object.assign(all, { wind: tenths(wind), date });
    weather[kind] = (weather[kind] ?? 0) + 1;
  }
  return {
    days: all.days,
    meanTemp: all.temps / all.days / 20,
    minTemp: all.min / 10,
    maxTemp: all.max / 10,
    rain: all.rain / 10,
    rainyDays: all.rainyDays,
    windiest: { date: all.date, wind: all.wind / 10 },
    weather,
  };
}

/** A mean is rounded to a tenth in the report; everything else is exact. */
function expectSame(row: Expected, prefix: RegExp): void {
  const { meanTemp, ...exact } = expectedOf(prefix);
  expect(row).toMatchObject(exact);
  expect(Math.abs(row.meanTemp - meanTemp)).toBeLessThanOrEqual(0.05 + 1e-9);
}

/** The report of the example in this folder has the numbers of the data. */
export function expectReport(workFolder: string): void {
  const report = JSON.parse(readFileSync(join(workFolder, 'report.json'), 'utf8'));
  expectSame(report.total, /./);
  expect(report.years).toHaveLength(4);
  for (const year of report.years) expectSame(year, new RegExp(`^${year.year}`));
  expect(report.months).toHaveLength(12);
  for (const month of report.months) {
    expectSame(month, new RegExp(`-${String(month.month).padStart(2, '0')}-`));
  }
}
