import { stripVTControlCharacters } from 'node:util';
import { printable } from '../launch/progress.js';
import type { Json } from '../protocol/json.js';

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const MARK = /\p{M}/u;

/** Terminal cells that one character takes. */
function cells(char: string): number {
  if (MARK.test(char)) return 0;
  return WIDE.test(char) ? 2 : 1;
}

export function widthOf(text: string): number {
  let width = 0;
  for (const char of stripVTControlCharacters(text)) width += cells(char);
  return width;
}

/** Text that fits into so many cells; what is cut away shows as `…`. */
export function fit(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const char of text) {
    used += cells(char);
    if (used > width - 1) break;
    kept += char;
  }
  return width < 1 ? '' : `${kept}…`;
}

export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

/** Foreign text on one line, without what could move a cursor. */
export function oneLine(text: string): string {
  return printable(text.replace(/\s+/g, ' ')).trim();
}

/** Foreign text on its own lines, without what could move a cursor, each behind an indent. */
export function indented(text: string, indent: string): string {
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => `${indent}${printable(line).trimEnd()}`)
    .join('\n');
}

/** A value on one line: text as it is, everything else as JSON. */
export function valueLine(value: Json | undefined): string {
  return oneLine(typeof value === 'string' ? value : JSON.stringify(value ?? null));
}

/** `0.3 s`, `12.0 s`, `3 m 05 s`, `2 h 07 m`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 60) return `${(Math.floor(seconds * 10) / 10).toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m ${String(Math.floor(seconds % 60)).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} m`;
}

/** Local wall clock, `12:00:01`. */
export function clockText(wallMs: number): string {
  const date = new Date(wallMs);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}

/** Local date and wall clock, `2026-01-31 12:00:01`. */
export function instantText(wallMs: number): string {
  const date = new Date(wallMs);
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()];
  return `${day.map((part) => String(part).padStart(2, '0')).join('-')} ${clockText(wallMs)}`;
}

/** `1 task`, `2 tasks`. */
export function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`;
}
