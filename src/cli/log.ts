import { type Logger, pino, stdSerializers } from 'pino';
import { readSettings } from '../config/settings.js';
import { RotaError } from '../protocol/errors.js';
import type { Output } from './output.js';
import { clockText, oneLine } from './text.js';

/** ROTA_LOG asks for more than the usual. False where settings are at fault: who reads them says so. */
export function isDebugging(): boolean {
  try {
    const { logLevel } = readSettings();
    return logLevel === 'debug' || logLevel === 'trace';
  } catch {
    return false;
  }
}

/** Logs to stderr: JSON for machines, short lines on a terminal. */
export function createLog(output: Output): Logger {
  const { logLevel: level } = readSettings();
  const write = (line: string) => output.note(output.isErrorTerminal ? prettyLine(output, line) : line.trimEnd());
  return pino({ level, base: null, serializers: { err: errorFields } }, { write });
}

/**
 * A RotaError says by itself what is wrong and what to do: where in the code it was made is for who debugs, unless it
 * stands for something that nobody foresaw.
 */
function errorFields(error: Error): object {
  const isForeseen = error instanceof RotaError && !(error.code === 'UNAVAILABLE' && error.cause !== undefined);
  if (!isForeseen || isDebugging()) return stdSerializers.err(error);
  return { code: error.code, message: error.message };
}

const LEVELS: Readonly<Record<number, readonly [name: string, colour: 'red' | 'yellow' | 'cyan' | 'dim']>> = {
  10: ['trace', 'dim'],
  20: ['debug', 'dim'],
  30: ['info', 'cyan'],
  40: ['warn', 'yellow'],
  50: ['error', 'red'],
  60: ['fatal', 'red'],
};

/** `12:00:01 info  leading  namespace=rota epoch=1` */
function prettyLine({ paintError }: Output, line: string): string {
  const { level, time, msg = '', err, ...fields }: LogRecord = JSON.parse(line);
  const [name, colour] = LEVELS[level] ?? ['log', 'dim'];
  const details = Object.entries(fields).map(([key, value]) => `${key}=${fieldText(value)}`);
  if (err?.message !== undefined) details.push(err.message);
  const head = [paintError('dim', clockText(time)), paintError(colour, name.padEnd(5)), oneLine(msg)];
  const tail = details.length === 0 ? [] : [paintError('dim', oneLine(details.join(' ')))];
  return [...head, ...tail].join(' ');
}

interface LogRecord {
  readonly level: number;
  readonly time: number;
  readonly msg?: string;
  readonly err?: { readonly message?: string };
  readonly [field: string]: unknown;
}

function fieldText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
