import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { z } from 'zod';
import { type Policies, PoliciesSchema, type Policy } from '../protocol/policy.js';
import { readDocument } from './document.js';
import type { Problem } from './problem.js';

/**
 * Reads a policies file. `scoring.scorer` may be a path there, relative to the file; in what this returns it
 * is an address.
 *
 * @throws RotaError INVALID_VALUE, with file, line and column of each problem.
 */
export function readPolicies(path: string): Policies {
  const folder = dirname(resolve(path));
  const schema = z.preprocess((value) => withAddresses(value, folder), PoliciesSchema);
  const document = readDocument(path, schema);
  document.refuse(missingScorers(document.value));
  return document.value;
}

/** The document with an address in place of each scorer that is a path. Whatever is no map is left to the schema. */
function withAddresses(document: unknown, folder: string): unknown {
  const inPolicy = (policy: unknown) =>
    replaced(policy, 'scoring', (scoring) => replaced(scoring, 'scorer', (scorer) => addressOf(scorer, folder)));
  const inPools = (pools: unknown) =>
    isMap(pools) ? Object.fromEntries(Object.entries(pools).map(([pool, policy]) => [pool, inPolicy(policy)])) : pools;
  return replaced(replaced(document, 'defaults', inPolicy), 'pools', inPools);
}

function replaced(map: unknown, key: string, replace: (value: unknown) => unknown): unknown {
  return isMap(map) && Object.hasOwn(map, key) ? { ...map, [key]: replace(map[key]) } : map;
}

/** `score.mjs` and `./score.mjs` are paths; `semantic` and `https://…` are none. */
function addressOf(scorer: unknown, folder: string): unknown {
  const isPath = typeof scorer === 'string' && /[./]/.test(scorer) && !/^[a-z]+:/i.test(scorer);
  return isPath ? pathToFileURL(resolve(folder, scorer)).href : scorer;
}

function missingScorers({ defaults, pools }: Policies): Problem[] {
  const ofDefaults = missingScorer(['defaults'], defaults);
  // A scorer that is inherited is at fault once, where it is written.
  const own = Object.entries(pools).filter(([, { scoring }]) => scoring.scorer !== defaults.scoring.scorer);
  return [...ofDefaults, ...own.flatMap(([pool, policy]) => missingScorer(['pools', pool], policy))];
}

function missingScorer(place: readonly string[], { scoring: { scorer } }: Policy): Problem[] {
  if (!scorer.startsWith('file:') || isFile(scorer)) return [];
  const remedy = 'Check the path: it is relative to this file.';
  const problem = `there is no file ${pathOf(scorer)}`;
  return [{ path: [...place, 'scoring', 'scorer'], problem, remedy }];
}

/** As the reader writes it; an address that stands for no path of this machine stays as it is. */
function pathOf(address: string): string {
  try {
    return fileURLToPath(address);
  } catch {
    return address;
  }
}

function isFile(address: string): boolean {
  try {
    return statSync(new URL(address)).isFile();
  } catch {
    return false;
  }
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
