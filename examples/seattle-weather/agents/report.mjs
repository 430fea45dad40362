// The statistics for people (report.md) and for programs (report.json).
import { dirname, join } from 'node:path';
import { input, readJson, reportProgress, writeJson, writeWhole } from './task.mjs';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export function report(task) {
  const source = input(task, 'aggregate').file;
  const statistics = readJson(source);
  reportProgress(50, 'writing the tables');
  const folder = dirname(source);
  const path = join(folder, 'report.md');
  const json = join(folder, 'report.json');
  writeJson(json, statistics);
  writeWhole(path, markdown(statistics));
  return { report: path, json, summary: headline(statistics) };
}

function markdown({ total, years, months, dropped }) {
  return [
    '# Weather of Seattle',
    headline({ total, years }),
    '## By year',
    table('Year', years, ({ year }) => year),
    '## By month of all years',
    table('Month', months, ({ month }) => MONTHS[month - 1]),
    '## Kinds of weather',
    Object.entries(total.weather)
      .map(([kind, days]) => `- ${kind}: ${days} days (${((100 * days) / total.days).toFixed(1)} %)`)
      .join('\n'),
    '## Rows left out',
    dropped.length === 0 ? 'None.' : dropped.map(({ line, fault }) => `- line ${line} ${fault}`).join('\n'),
    '',
  ].join('\n\n');
}

function headline({ total, years }) {
  const span = `${years[0].year}–${years.at(-1).year}`;
  const { windiest } = total;
  return [
    `${span}: ${total.days} days, ${total.meanTemp} °C on average (${total.minTemp} to ${total.maxTemp}),`,
    `${total.rain} mm of rain on ${total.rainyDays} days; windiest ${windiest.date} with ${windiest.wind} m/s.`,
  ].join(' ');
}

function table(name, rows, nameOf) {
  const head = [name, 'Days', 'Mean °C', 'Min °C', 'Max °C', 'Rain mm', 'Rainy days', 'Windiest day', 'Wind m/s'];
  const body = rows
    .filter((row) => row.days > 0)
    .map((row) => [
      nameOf(row),
      row.days,
      row.meanTemp.toFixed(1),
      row.minTemp.toFixed(1),
      row.maxTemp.toFixed(1),
      row.rain.toFixed(1),
      row.rainyDays,
      row.windiest.date,
      row.windiest.wind.toFixed(1),
    ]);
  const widthOf = (column) => Math.max(...[head, ...body].map((row) => String(row[column]).length));
  const widths = [...head.keys()].map(widthOf);
  const line = (cells) => `| ${cells.map((cell, column) => String(cell).padStart(widths[column])).join(' | ')} |`;
  return [line(head), line(widths.map((width) => `${'-'.repeat(width - 1)}:`)), ...body.map(line)].join('\n');
}
