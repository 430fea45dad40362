// Takes one year out of the table, drops rows that are broken or repeated, and says which and why.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseDay, readRows } from './csv.mjs';
import { input, reportProgress, runTask, writeJson } from './task.mjs';

await runTask((task) => {
  const { year } = task.payload;
  const source = input(task, 'fetch').file;
  const rows = readRows(readFileSync(source, 'utf8')).filter(({ fields }) => fields[0].startsWith(`${year}-`));
  reportProgress(50, `${rows.length} rows of ${year}`);
  const { days, dropped } = clean(rows);
  if (days.length === 0) throw new Error(`${source} has no day of ${year}`);
  const file = join(dirname(source), `clean-${year}.json`);
  writeJson(file, { year, days, dropped });
  return { file, year, days: days.length, dropped: dropped.length };
});

function clean(rows) {
  const days = new Map();
  const dropped = [];
  for (const { line, fields } of rows) {
    const { day, fault } = parseDay(fields);
    if (fault) dropped.push({ line, fault });
    else if (days.has(day.date)) dropped.push({ line, fault: 'repeats a date' });
    else days.set(day.date, day);
  }
  return { days: [...days.values()], dropped };
}
