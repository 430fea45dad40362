import { StringDecoder } from 'node:string_decoder';
import { stripVTControlCharacters } from 'node:util';
import { LIMITS } from '../protocol/limits.js';

/** How far a task has come, as its command says on a line of stderr: `rota:progress 40 half of the rows`. */
export interface CommandProgress {
  /** 0 to 100. */
  readonly percent: number;
  readonly message?: string;
}

const PROGRESS = /^rota:progress (\d{1,3}(?:\.\d+)?)(?:\s+(.*))?$/;
const LINE_CHARS_MAX = 8_192;

/** The progress that a line of stderr reports; undefined for every other line. */
export function parseProgress(line: string): CommandProgress | undefined {
  const [, digits, rest] = PROGRESS.exec(line.trimEnd()) ?? [];
  const percent = Number(digits);
  if (digits === undefined || percent > 100) return undefined;
  const message = printable(rest ?? '').slice(0, LIMITS.errorChars);
  return message === '' ? { percent } : { percent, message };
}

/** Cuts a stream into lines. A line longer than any progress line is dropped, so memory stays bounded. */
export function createLines(onLine: (line: string) => void): (chunk: Buffer) => void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let dropping = false;
  return (chunk) => {
    const [first = '', ...others] = decoder.write(chunk).split('\n');
    const lines = [rest + first, ...others];
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!dropping) onLine(line);
      dropping = false;
    }
    if (rest.length > LINE_CHARS_MAX) dropping = true;
    if (dropping) rest = '';
  };
}

/** Text without escape sequences, control characters, and marks that turn the reading direction. Keeps tabs. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replace(/(?!\t)[\p{Cc}\p{Cf}]/gu, '');
}
