import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { z } from 'zod';
import { RotaError } from '../protocol/errors.js';
import { type Problem, problemText } from './problem.js';
import { type Position, parseYaml } from './yaml-source.js';
import { validateDocument } from './zod-problems.js';

/** A validated file that can still say where each of its values was written. */
export interface ConfigDocument<T> {
  /** The path as it was given, for messages. */
  readonly file: string;
  readonly value: T;
  /** Refuses the document for problems that its schema cannot see. Returns when there are none. @throws RotaError INVALID_VALUE */
  refuse(problems: readonly Problem[]): void;
}

const PROBLEMS_SHOWN = 10;

/**
 * Reads a YAML or JSON file against a schema.
 *
 * @throws RotaError INVALID_VALUE listing up to 10 problems, each as `file:line:col: place is value: problem. Remedy.`
 */
export function readDocument<S extends z.ZodType>(file: string, schema: S): ConfigDocument<z.infer<S>> {
  return parseDocument(file, readText(file), schema);
}

/** The same for a text that is in memory already; `file` is what messages call it. */
export function parseDocument<S extends z.ZodType>(file: string, text: string, schema: S): ConfigDocument<z.infer<S>> {
  const source = parseYaml(text);
  if (source.problems.length > 0) {
    throw refusal(
      file,
      source.problems.map(({ position, text }) => ({ position, text: `${text}.` })),
    );
  }
  if (source.value === null || source.value === undefined) {
    throw refusal(file, [{ position: { line: 1, col: 1 }, text: 'the file is empty.' }]);
  }
  const refuse = (problems: readonly Problem[]): void => {
    if (problems.length === 0) return;
    const located = problems.map((problem) => ({
      position: source.locate(problem.path, problem.at),
      text: problemText(problem, valueAt(source.value, problem.path)),
    }));
    throw refusal(file, located);
  };
  const result = validateDocument(schema, source.value);
  if ('value' in result) return { file, value: result.value, refuse };
  refuse(result.problems);
  throw new RotaError('INVALID_VALUE', `${file} does not fit its schema.`);
}

function readText(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    const { problem, remedy } = readFault(file, cause);
    throw new RotaError('INVALID_VALUE', `${file}: ${problem}.`, { cause, remedy });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new RotaError('INVALID_VALUE', `${file}: the file is not UTF-8 text.`, {
      cause,
      remedy: 'Save it as UTF-8.',
    });
  }
}

function readFault(file: string, cause: unknown): { problem: string; remedy: string } {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { problem: `there is no file ${resolve(file)}`, remedy: 'Check the path.' };
    case 'EISDIR':
      return { problem: 'this is a folder', remedy: 'Name a file in it.' };
    case 'EACCES':
      return { problem: 'the file may not be read', remedy: 'Check its permissions.' };
    default:
      return { problem: cause instanceof Error ? cause.message : String(cause), remedy: 'Check the path.' };
  }
}

interface LocatedText {
  readonly position: Position;
  readonly text: string;
}

/** One error for all problems, in the order of the file. */
function refusal(file: string, problems: readonly LocatedText[]): RotaError {
  const sorted = [...problems].sort((a, b) => a.position.line - b.position.line || a.position.col - b.position.col);
  const shown = sorted
    .slice(0, PROBLEMS_SHOWN)
    .map(({ position: { line, col }, text }) => `${file}:${line}:${col}: ${text}`);
  if (sorted.length > PROBLEMS_SHOWN) shown.push(`${sorted.length} problems, the first ${PROBLEMS_SHOWN} are listed.`);
  else if (sorted.length > 1) shown.push(`${sorted.length} problems.`);
  return new RotaError('INVALID_VALUE', shown.join('\n'), { remedy: 'Correct the file.' });
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (parent, key) =>
      typeof parent === 'object' && parent !== null && Object.hasOwn(parent, key)
        ? Reflect.get(parent, key)
        : undefined,
    value,
  );
}
