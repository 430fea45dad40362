// Statistics of each year, each month of the calendar, and all days together.
import { dirname, join } from 'node:path';
import { readJson, reportProgress, writeJson } from './task.mjs';

export function aggregate(task) {
  const results = Object.values(task.inputs);
  if (results.length === 0) throw new Error('there is no input: let this task depend on the cleaned years');
  const years = results.map(({ file }) => readJson(file)).sort((a, b) => a.year - b.year);
  const days = years.flatMap((year) => year.days);
  reportProgress(50, `${days.length} days of ${years.length} years`);
  const file = join(dirname(results[0].file), 'statistics.json');
  writeJson(file, {
    total: summary(days),
    years: years.map(({ year, days }) => ({ year, ...summary(days) })),
    months: monthNumbers.map((month) => ({ month, ...summary(days.filter((day) => monthOf(day) === month)) })),
    dropped: years.flatMap(({ year, dropped }) => dropped.map((row) => ({ year, ...row }))),
  });
  return { file, days: days.length, years: years.map(({ year }) => year) };
}

const monthNumbers = Array.from({ length: 12 }, (_, index) => index + 1);
const monthOf = (day) => Number(day.date.slice(5, 7));

/** Degrees Celsius, millimetres, metres per second. Null where there is no day. */
function summary(days) {
  if (days.length === 0) return { days: 0 };
  const windiest = days.reduce((most, day) => (day.wind > most.wind ? day : most));
  return {
    days: days.length,
    meanTemp: round(sum(days, (day) => (day.max + day.min) / 2) / days.length),
    minTemp: Math.min(...days.map((day) => day.min)),
    maxTemp: Math.max(...days.map((day) => day.max)),
    rain: round(sum(days, (day) => day.rain)),
    rainyDays: days.filter((day) => day.rain > 0).length,
    windiest: { date: windiest.date, wind: windiest.wind },
    weather: countKinds(days),
  };
}

function countKinds(days) {
  const counts = {};
  for (const { weather } of days) counts[weather] = (counts[weather] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => a.localeCompare(b)));
}

const sum = (days, amount) => days.reduce((total, day) => total + amount(day), 0);
const round = (value) => Math.round(value * 10) / 10;
