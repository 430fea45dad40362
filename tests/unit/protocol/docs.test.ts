import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { decode, encode, unpack } from '#rota/protocol/codec.js';
import { EXCLUSIONS } from '#rota/protocol/decision.js';
import { ERROR_CODES, RotaError } from '#rota/protocol/errors.js';
import { COMBINED_BOUNDS, LIMITS } from '#rota/protocol/limits.js';
import { createSubjects, isInbox, VERBS } from '#rota/protocol/subjects.js';
import { code, type Example, examplesOf, pageOf } from './docs-page.js';
import { TABLES } from './docs-tables.js';
import { FRAMES } from './frame-cases.js';

const PAGE = pageOf('protocol.md');
const { table } = PAGE;
const EXAMPLES = examplesOf(PAGE);
const subjects = createSubjects('rota');
/** What the page says of a field that is left out. */
function presence(field: z.core.$ZodType): string {
  const absent = z.safeParse(field, undefined);
  if (!absent.success) return 'required';
  return absent.data === undefined ? 'optional' : JSON.stringify(absent.data);
}

/** What the page must say of each field's values: the words of an enum, the largest number or length. */
function bounds(schema: z.ZodObject): Map<string, string[]> {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return new Map(
    Object.entries(properties).map(([field, rule]) => {
      if (typeof rule === 'boolean') return [field, []];
      const numbers = [rule.maximum, rule.maxItems, rule.maxLength];
      const words = [...(rule.enum ?? []), rule.const, ...numbers.filter((most) => most !== Number.MAX_SAFE_INTEGER)];
      return [field, words.filter((word) => word !== undefined).map(String)];
    }),
  );
}

/** Where the words of an enum stand elsewhere on the page. */
const ELSEWHERE =
  /as in (\[?TaskSpec)|a task's status|only tasks with this status|one of the \[exclusions\]|one of the codes below/;

describe('examples', () => {
  it('are all read by this test', () => {
    expect(EXAMPLES.length).toBeGreaterThan(25);
    const fences = (language: string) => PAGE.text.split(`\n\`\`\`${language}\n`).length - 1;
    expect([fences('json'), fences('hex')]).toEqual([EXAMPLES.length, EXAMPLES.length]);
  });

  it('show every frame that agents send and get', () => {
    const shown = new Set(EXAMPLES.map(({ frame }) => frame.split('.')[0]));
    for (const name of Object.keys(FRAMES)) expect(shown, name).toContain(name.split('.')[0]);
  });

  it.each(EXAMPLES.map((example) => [example.frame, example.subject, example] as const))(
    '%s on %s',
    (_, __, example) => {
      const value: unknown = JSON.parse(example.json);
      expect(Buffer.from(encode(value as object)).toString('hex')).toBe(Buffer.from(example.bytes).toString('hex'));
      expect(unpack(example.bytes)).toEqual(value);
      expect(decode(schemaOf(example), example.bytes, COMBINED_BOUNDS)).toMatchObject(value as object);
      expectSubject(example);
    },
  );
});

function schemaOf({ frame }: Example): z.ZodType {
  const [name = '', kind] = frame.split('.');
  const found = Object.entries(FRAMES).find(
    ([key]) => key === frame || (kind === undefined && key.split('.')[0] === name),
  );
  if (found === undefined) throw new Error(`The page shows ${frame}, which is no frame.`);
  return found[1].schema;
}

/** The subject suits the frame: requests by their verb, replies to an inbox. */
function expectSubject({ frame, subject }: Example) {
  if (frame === 'LeaderFrame') return expect(subject).toBe(subjects.leader);
  if (frame === 'ToFrame') return expect(subject).toMatch(/^rota\.to\.[\w-]+$/);
  if (/Repl(y|ies)/.test(frame)) return expect(isInbox(subject)).toBe(true);
  return expect(subjects.parse(subject)?.verb).toBe(frame.replace('Frame', '').toLowerCase());
}

describe('tables', () => {
  it.each(Object.entries(TABLES))('%s lists the fields of the schema, with their defaults', (heading, schema) => {
    const listed = table(heading).map(([field, , needed]) => [code(field), code(needed)]);
    const defined = Object.entries(schema.shape).map(([field, type]) => [field, presence(type)]);
    expect(listed).toEqual(defined);
  });

  it.each(Object.entries(TABLES))('%s names the words and upper bounds of each field', (heading, schema) => {
    const required = bounds(schema);
    for (const [field, , , meaning = ''] of table(heading)) {
      if (ELSEWHERE.test(meaning)) continue;
      for (const word of required.get(code(field)) ?? []) expect(meaning, `${heading} ${field}`).toContain(word);
    }
  });

  it('list every limit', () => {
    expect(table('Limits').map(([limit, value]) => [code(limit), Number(value)])).toEqual(Object.entries(LIMITS));
  });

  it('list every subject', () => {
    const verbs = table('Subjects').map(([subject]) => /^<ns>\.from\.<\w+>\.(\w+)/.exec(code(subject))?.[1]);
    expect(verbs.filter((verb) => verb !== undefined)).toEqual([...VERBS]);
    const listed = table('Subjects').map(([subject]) => code(subject));
    expect(listed).toEqual(expect.arrayContaining(['<ns>.ask.<client>', '<ns>.to.<principal>', '<ns>.leader']));
  });

  it('list every reason why an agent is no candidate, in its order', () => {
    expect(table('Exclusions').map(([reason]) => code(reason))).toEqual([...EXCLUSIONS]);
  });

  it('list every error code with what to do', () => {
    const rules = ERROR_CODES.map((name) => {
      const error = new RotaError(name, '');
      return [name, error.retryable ? 'yes' : 'no', error.message.trim().replaceAll('`', '')];
    });
    expect(table('Codes').map((row) => row.map(code))).toEqual(rules);
  });
});

it('has a heading for each of its links', () => {
  for (const anchor of PAGE.anchors.links) expect(PAGE.anchors.headings).toContain(anchor);
});
