import { InvalidArgumentError } from 'commander';
import { parseNatsAddress } from '../transport/nats-address.js';
import { UsageError } from './exit.js';

/** A parser for whole numbers of an option; commander names the option and the value. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** A parser for numbers above 0. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('Expected a number above 0.');
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A parser for `30m`, `2h`, `7d`, so long ago, and for an instant such as `2026-01-31T12:00`. */
export function since(text: string): (nowMs: number) => number {
  const [, amount, unit = ''] = text.match(/^(\d+(?:\.\d+)?)([smhd])$/) ?? [];
  if (amount !== undefined) return (nowMs) => Math.max(0, nowMs - Number(amount) * (UNITS_MS[unit] ?? 0));
  const instantMs = Date.parse(text);
  if (/^\d{4}-/.test(text) && instantMs >= 0) return () => instantMs;
  throw new InvalidArgumentError(
    'Expected how long ago, such as 30m, 2h or 7d, or an instant, such as 2026-01-31T12:00.',
  );
}

const DURATION_DAYS_MAX = 36_500;

/** A parser for `30m`, `2h`, `7d`, above none and up to a century. In milliseconds. */
export function duration(text: string): number {
  const [, amount, unit = ''] = text.match(/^(\d+(?:\.\d+)?)([smhd])$/) ?? [];
  const ms = Math.round(Number(amount) * (UNITS_MS[unit] ?? 0));
  if (ms > 0 && ms <= DURATION_DAYS_MAX * 86_400_000) return ms;
  throw new InvalidArgumentError(`Expected a duration above 0 and up to ${DURATION_DAYS_MAX}d, such as 30m, 2h or 7d.`);
}

export function commaList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** Checked before anything starts. Not quoted as it is: an address may hold a password. */
export function serverAddress(text: string): string {
  try {
    parseNatsAddress(text);
    return text;
  } catch {
    const shown = text.replace(/[^,]*@/g, '***@');
    throw new UsageError(`--nats is ${JSON.stringify(shown)}: write nats://host:port, several with commas.`);
  }
}

export const NATS_HELP =
  'address of the NATS server, several with commas (default: ROTA_NATS, or nats://127.0.0.1:4222)';
export const NAMESPACE_HELP =
  'first word of every subject, for several coordinators on one server (default: ROTA_NAMESPACE, or rota)';
export const PATIENCE_HELP = 'how long to wait for a coordinator, milliseconds';
export const PATIENCE_MS = 30_000;
export const LEASE_HELP = 'how long an agent may be silent before its tasks go to others, milliseconds';
export const LEASE_MS = 10_000;
/** A lease shorter than this would end between two heartbeats on a busy machine. */
export const leaseMs = wholeNumber(100, 3_600_000);
