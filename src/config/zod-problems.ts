import { z } from 'zod';
import type { Problem } from './problem.js';

type Issue = z.core.$ZodIssue;

/** Validates, and tells what is wrong as problems of the document instead of zod's issues. */
export function validateDocument<S extends z.ZodType>(
  schema: S,
  value: unknown,
): { value: z.infer<S> } | { problems: Problem[] } {
  /** Allowed keys by the path of their map: only the raw issue knows the schema that raised it. */
  const allowed = new Map<string, readonly string[]>();
  const parsed = schema.safeParse(value, {
    reportInput: true,
    error: (issue) => {
      if (issue.code === 'unrecognized_keys' && issue.inst instanceof z.ZodObject) {
        allowed.set(JSON.stringify(issue.path ?? []), Object.keys(issue.inst.shape));
      }
      return undefined;
    },
  });
  if (parsed.success) return { value: parsed.data };
  return {
    problems: parsed.error.issues.flatMap((issue) => problemsOf(issue, allowed.get(JSON.stringify(issue.path)) ?? [])),
  };
}

function problemsOf(issue: Issue, allowed: readonly string[]): Problem[] {
  const { path } = issue;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: [...path, key],
        at: 'key',
        problem: 'this key is not known',
        known: allowed,
      }));
    case 'invalid_key':
      return [{ path, at: 'key', problem: `the key ${issue.issues[0]?.message ?? 'is not allowed'}` }];
    case 'invalid_value':
      return [{ path, problem: 'expected one of the known values', known: issue.values.map(String) }];
    case 'invalid_type':
      return [{ path, problem: `expected ${kindText(issue.expected)}`, ...quoteRemedy(issue) }];
    case 'too_small':
      return [{ path, problem: `expected at least ${amountText(issue.minimum, issue.origin)}` }];
    case 'too_big':
      return [{ path, problem: `expected at most ${amountText(issue.maximum, issue.origin)}` }];
    default:
      return [{ path, problem: issue.message }];
  }
}

const KINDS: Readonly<Record<string, string>> = {
  int: 'a whole number',
  object: 'a map of keys and values',
  record: 'a map of keys and values',
  array: 'a list',
  boolean: 'true or false',
};

function kindText(expected: string): string {
  return KINDS[expected] ?? `a ${expected}`;
}

function amountText(amount: number | bigint, origin: string): string {
  const unit = { string: 'character', array: 'item', record: 'key', object: 'key' }[origin];
  return unit === undefined ? `${amount}` : `${amount} ${unit}${amount === 1 ? '' : 's'}`;
}

/** YAML reads `8080` and `true` as a number and a boolean. */
function quoteRemedy(issue: { expected: string; input?: unknown }): { remedy?: string } {
  const { expected, input } = issue;
  const unquoted = expected === 'string' && (typeof input === 'number' || typeof input === 'boolean');
  return unquoted ? { remedy: 'Put it in quotes.' } : {};
}
