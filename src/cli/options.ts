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
