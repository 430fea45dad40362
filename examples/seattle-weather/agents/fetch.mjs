// Finds the data set in the npm package that holds it, checks it, and copies it into the work folder.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { COLUMNS, readRows } from './csv.mjs';
import { reportProgress, runTask, writeWhole } from './task.mjs';

const ROWS_MIN = 1_000;

await runTask((task) => {
  const workFolder = resolve(task.payload?.workFolder ?? '.rota/seattle-weather');
  const text = readFileSync(dataSet(), 'utf8');
  reportProgress(50, 'checking the rows');
  const rows = readRows(text);
  if (rows.length < ROWS_MIN) throw new Error(`expected ${ROWS_MIN} rows at least, found ${rows.length}`);
  const dates = rows.map(({ fields }) => fields[0]);
  const file = join(workFolder, 'seattle-weather.csv');
  writeWhole(file, text);
  return {
    file,
    rows: rows.length,
    columns: COLUMNS,
    from: dates[0],
    to: dates.at(-1),
    years: [...new Set(dates.map((date) => Number(date.slice(0, 4))))],
  };
});

/** The package exports only its code; its data lies beside that. */
function dataSet() {
  try {
    return new URL('../data/seattle-weather.csv', import.meta.resolve('vega-datasets'));
  } catch (cause) {
    throw new Error('the package vega-datasets is not installed. Run `npm install`', { cause });
  }
}
