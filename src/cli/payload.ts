import { readFileSync } from 'node:fs';
import type { Json } from '../protocol/json.js';
import { UsageError } from './exit.js';

export interface PayloadOptions {
  readonly payload?: string;
  readonly payloadFile?: string;
}

/** What the command line gives as a payload; undefined where it gives none. */
export async function payloadOf({ payload, payloadFile }: PayloadOptions): Promise<Json | undefined> {
  if (payload === '-' || payloadFile === '-') return parseJson('standard input', await readStandardInput());
  if (payload !== undefined) return parseJson('--payload', payload);
  if (payloadFile === undefined) return undefined;
  return parseJson(payloadFile, readPayloadFile(payloadFile));
}

/** @throws UsageError, naming the place. */
export function parseJson(place: string, text: string): Json {
  try {
    const value: Json = JSON.parse(text);
    return value;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : cause;
    throw new UsageError(`${place} is not JSON (${reason}). Text needs quotes of its own: '"text"'.`);
  }
}

function readPayloadFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`--payload-file ${file} can't be read (${cause instanceof Error ? cause.message : cause}).`);
  }
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
