/** A table in Markdown. The first `labels` columns are text, the others numbers. */
export function table(columns, rows, labels = 1) {
  const widths = columns.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => cell(row, column).length)),
  );
  const pad = (text, column) => (column < labels ? text.padEnd(widths[column]) : text.padStart(widths[column]));
  const line = (row) => `| ${widths.map((_, column) => pad(cell(row, column), column)).join(' | ')} |`;
  const rule = widths.map((width, column) => (column < labels ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(columns), `| ${rule.join(' | ')} |`, ...rows.map(line)];
}

function cell(row, column) {
  return row[column] ?? '';
}

export function spread({ median, min, max }) {
  return min === max ? whole(median) : `${whole(median)} (${whole(min)}–${whole(max)})`;
}

export function whole(number) {
  return Math.round(number).toLocaleString('en');
}

export function fixed(number, digits = 2) {
  return number.toFixed(digits);
}

/** How many times as much, with two digits or three that mean something. */
export function times(ratio) {
  if (ratio >= 10) return `× ${whole(ratio)}`;
  return `× ${fixed(ratio, digitsOf(ratio))}`;
}

function digitsOf(ratio) {
  if (ratio >= 1) return 1;
  return ratio >= 0.1 ? 2 : 3;
}
