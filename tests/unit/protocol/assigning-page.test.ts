import { expect, it } from 'vitest';
import { z } from 'zod';
import { EXCLUSIONS } from '#rota/protocol/decision.js';
import { PolicySchema, STRATEGIES } from '#rota/protocol/policy.js';
import { THREAD_THRESHOLD } from '#rota/selection/decide.js';
import { code, pageOf } from './docs-page.js';

/** What docs/assigning.md says of options, strategies and exclusions is what the code knows. */

const { table, text } = pageOf('assigning.md');

interface Rule {
  readonly default?: unknown;
  readonly properties?: Record<string, Rule>;
  readonly oneOf?: readonly Rule[];
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
}

interface Option {
  readonly name: string;
  readonly default: string;
  /** What must stand in the cell of units and bounds. */
  readonly words: readonly string[];
}

/** Every option that a value may be given for; those inside of a map by their path. */
function optionsOf(rule: Rule, path = '', required: readonly string[] = []): Option[] {
  if (rule.oneOf !== undefined) {
    const none = { name: path, default: 'none', words: [] };
    return [none, ...rule.oneOf.flatMap((one) => optionsOf(one, path, Object.keys(one.properties ?? {})))];
  }
  if (rule.properties !== undefined) {
    return Object.entries(rule.properties).flatMap(([key, one]) =>
      optionsOf(one, path === '' ? key : `${path}.${key}`, required),
    );
  }
  const numbers = [rule.minimum, rule.maximum, rule.maxLength, rule.maxItems];
  const words = [...(rule.enum ?? []), rule.const, ...numbers].filter((word) => word !== undefined);
  const byDefault = rule.default ?? (required.length > 0 ? 'required' : 'none');
  return [{ name: path, default: String(byDefault), words: words.map(String) }];
}

it('lists every option of a policy, with default, unit and bounds', () => {
  const options = optionsOf(z.toJSONSchema(PolicySchema, { io: 'input', unrepresentable: 'any' }) as Rule);
  const rows = table('Every option').filter(([option]) => option?.startsWith('`'));
  expect(rows.map(([option, byDefault]) => [code(option), code(byDefault)])).toEqual(
    options.map((option) => [option.name, option.default]),
  );
  for (const [i, { name, words }] of options.entries()) {
    for (const word of words) expect(rows[i]?.[2], name).toContain(word);
  }
});

it('tells of every strategy', () => {
  expect(table('Strategies').map(([strategy]) => code(strategy))).toEqual([...STRATEGIES]);
});

it('tells of every reason why an agent is no candidate, in its order', () => {
  const rows = table('Who may take a task').slice(-EXCLUSIONS.length);
  expect(rows.map(([reason]) => code(reason))).toEqual([...EXCLUSIONS]);
});

it('names the number of candidates above which scores are made on a thread', () => {
  expect(text).toContain(`above ${THREAD_THRESHOLD.thompson.toLocaleString('en')} of them`);
});

it('has a heading for each of its links', () => {
  const { links, headings } = pageOf('assigning.md').anchors;
  for (const anchor of links) expect(headings).toContain(anchor);
});
