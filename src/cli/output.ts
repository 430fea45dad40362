import type { WriteStream } from 'node:tty';
import { fit, pad, widthOf } from './text.js';

export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'dim' | 'bold';
/** Colours a text, or leaves it as it is where there is no terminal or NO_COLOR is set. */
export type Paint = (colour: Colour, text: string) => string;

export interface Output {
  /** Whether stdout is a terminal. */
  readonly isTerminal: boolean;
  readonly isErrorTerminal: boolean;
  /** Size of the terminal; of what is no terminal, as large as anything. */
  readonly columns: number;
  readonly rows: number;
  readonly paint: Paint;
  readonly paintError: Paint;
  /** One line of what the command is asked for, on stdout. */
  line(text: string): void;
  /** One JSON document on a line of its own, on stdout. */
  json(value: unknown): void;
  /** As it is, on stdout. */
  raw(text: string): void;
  /** One line about the command itself, on stderr. */
  note(text: string): void;
  /** On a terminal, a line on stderr that takes the place of the last such line; an empty one ends it. */
  progress(text: string): void;
}

const CODES: Record<Colour, readonly [number, number]> = {
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
  dim: [2, 22],
  bold: [1, 22],
};

/**
 * The one place that writes. A reader that goes away (`rota tasks | head -1`) loses what follows and
 * ends nothing: whatever runs is seen through.
 */
export function createOutput(stdout: WriteStream, stderr: WriteStream): Output {
  const toStdout = writer(stdout);
  const toStderr = writer(stderr);
  return {
    isTerminal: stdout.isTTY === true,
    isErrorTerminal: stderr.isTTY === true,
    get columns() {
      return stdout.columns || Number.POSITIVE_INFINITY;
    },
    get rows() {
      return stdout.rows || Number.POSITIVE_INFINITY;
    },
    paint: painter(stdout),
    paintError: painter(stderr),
    line: (text) => toStdout(`${text}\n`),
    json: (value) => toStdout(`${safeJson(value)}\n`),
    raw: toStdout,
    note: (text) => toStderr(`${text}\n`),
    progress: (text) => toStderr(`\r${text}\u001b[K`),
  };
}

function writer(stream: WriteStream): (text: string) => void {
  let isOpen = true;
  stream.on('error', () => {
    isOpen = false;
  });
  return (text) => {
    if (isOpen) stream.write(text);
  };
}

function painter(stream: WriteStream): Paint {
  // Node looks at NO_COLOR and TERM for this.
  if (stream.isTTY !== true || !stream.hasColors()) return (_colour, text) => text;
  return (colour, text) => {
    if (text === '') return '';
    const [on, off] = CODES[colour];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  };
}

/** JSON escapes some of what a terminal obeys; the rest of it is escaped here, and stays the same value. */
function safeJson(value: unknown): string {
  return JSON.stringify(value).replace(/[\p{Cc}\p{Cf}]/gu, (char) =>
    Array.from({ length: char.length }, (_, i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`).join(''),
  );
}

export interface Cell {
  readonly text: string;
  readonly colour?: Colour | undefined;
}

/** A table under its head, one line a row. */
export function printTable(output: Output, head: readonly string[], rows: readonly (readonly Cell[])[]): void {
  const headRow = head.map((text): Cell => ({ text, colour: 'bold' }));
  for (const line of tableLines([headRow, ...rows], output.columns, output.paint)) output.line(line);
}

/**
 * Columns side by side, each as wide as its widest cell. The last column gets the room that is left in
 * `width`, and is cut to it; where even that is not enough, lines are cut.
 */
export function tableLines(rows: readonly (readonly Cell[])[], width: number, paint: Paint): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, { text }] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, widthOf(text));
  }
  return rows.map((row) => {
    let room = width;
    const parts: string[] = [];
    for (const [i, { text, colour }] of row.entries()) {
      if (room < 1) break;
      const isLast = i === row.length - 1;
      const cut = fit(text, room);
      const padded = isLast ? cut : fit(pad(cut, widths[i] ?? 0), room);
      parts.push(colour === undefined ? padded : paint(colour, padded));
      room -= widthOf(padded) + GAP.length;
    }
    return parts.join(GAP).trimEnd();
  });
}

const GAP = '  ';
