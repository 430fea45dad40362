// The table this example works on. No field of it is quoted, so lines and commas are all there is to it.
export const COLUMNS = ['date', 'precipitation', 'temp_max', 'temp_min', 'wind', 'weather'];

/** The rows under the header, each with the number of its line. @throws Error when the header is another. */
export function readRows(text) {
  const [header, ...lines] = text.split(/\r?\n/);
  if (header !== COLUMNS.join(',')) throw new Error(`expected the columns ${COLUMNS.join(',')}, found ${header}`);
  return lines.flatMap((line, index) => (line === '' ? [] : [{ line: index + 2, fields: line.split(',') }]));
}

/** A row as a day, or why it is not one. */
export function parseDay(fields) {
  if (fields.length !== COLUMNS.length) return { fault: `has ${fields.length} fields` };
  const [date, precipitation, tempMax, tempMin, wind, weather] = fields;
  if (!isDate(date)) return { fault: 'has no valid date' };
  const numbers = [precipitation, tempMax, tempMin, wind];
  if (!numbers.every((text) => /^-?\d+(\.\d+)?$/.test(text))) return { fault: 'has a field that is not a number' };
  const [rain, max, min, windSpeed] = numbers.map(Number);
  if (rain < 0 || windSpeed < 0) return { fault: 'has negative rain or wind' };
  if (min > max) return { fault: 'is colder at its warmest than at its coldest' };
  if (!/^[a-z]+$/.test(weather)) return { fault: 'has no kind of weather' };
  return { day: { date, rain, max, min, wind: windSpeed, weather } };
}

/** Whether the calendar has this day; `2013-02-29` would silently become March 1st. */
function isDate(text) {
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text) && text.length === 10;
}
