import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseDocument, readDocument } from '#rota/config/document.js';
import { RotaError } from '#rota/protocol/errors.js';
import { JsonValue } from '#rota/protocol/json.js';
import { Name } from '#rota/protocol/names.js';

const Schema = z.strictObject({
  name: z.string(),
  tasks: z
    .record(
      Name,
      z.strictObject({
        pool: Name,
        kind: z.enum(['ai', 'human', 'bot']).optional(),
        priority: z.number().int().min(1).max(5).optional(),
        dependsOn: z.array(z.string()).optional(),
        payload: JsonValue.optional(),
      }),
    )
    .optional(),
});

function refusal(text: string): string[] {
  try {
    parseDocument('p.yaml', text, Schema);
  } catch (error) {
    expect(error).toBeInstanceOf(RotaError);
    expect(error).toMatchObject({ code: 'INVALID_VALUE', retryable: false });
    return (error as RotaError).message.split('\n');
  }
  throw new Error('the document was accepted');
}

describe('a document that fits', () => {
  it('is read from YAML and from JSON, with BOM and CRLF', () => {
    const value = { name: 'x', tasks: { a: { pool: 'p', payload: { n: 1.5, list: [null, 'yes'] } } } };
    expect(parseDocument('p', JSON.stringify(value), Schema).value).toEqual(value);
    const yaml = '\ufeffname: x\r\ntasks:\r\n  a: {pool: p, payload: {n: 1.5, list: [~, yes]}}\r\n';
    expect(parseDocument('p', yaml, Schema).value).toEqual(value);
  });

  it('may use anchors', () => {
    const yaml = 'name: x\ntasks:\n  a: {pool: p, payload: &it {n: 1}}\n  b: {pool: p, payload: *it}';
    expect(parseDocument('p', yaml, Schema).value.tasks?.b?.payload).toEqual({ n: 1 });
  });

  it('reads keys as text', () => {
    const yaml = 'name: x\ntasks: {2012: {pool: p}}';
    expect(parseDocument('p', yaml, Schema).value.tasks).toEqual({ '2012': { pool: 'p' } });
  });
});

describe('a value that does not fit', () => {
  it.each([
    [
      'name: x\ntasks:\n  clean:\n    pool: 42',
      'p.yaml:4:11: tasks.clean.pool is 42: expected a string. Put it in quotes.',
    ],
    ['name: x\ntasks:\n  clean:\n    priority: 3', 'p.yaml:3:3: tasks.clean.pool is missing: expected a string.'],
    ['tasks: {}', 'p.yaml:1:1: name is missing: expected a string.'],
    ['name: x\ntasks: [a]', 'p.yaml:2:8: tasks is a list: expected a map of keys and values.'],
    [
      'name: [x',
      'p.yaml:1:9: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ].',
    ],
    [
      'name: x\ntasks:\n  a:\n    pool: p\n    dependsOn: [b,\n      7]',
      'p.yaml:6:7: tasks.a.dependsOn[1] is 7: expected a string. Put it in quotes.',
    ],
    ['name: x\ntasks: {a: {pool: p, priority: 9}}', 'p.yaml:2:32: tasks.a.priority is 9: expected at most 5.'],
    ['name: x\ntasks: {a: {pool: p, priority: 2.5}}', 'p.yaml:2:32: tasks.a.priority is 2.5: expected a whole number.'],
    [
      'name: x\ntasks: {a: {pool: a b}}',
      'p.yaml:2:19: tasks.a.pool is "a b": must be 1 to 64 of the characters A-Z a-z 0-9 _ and -, and not __proto__.',
    ],
    [
      'name: x\ntasks: {"a b": {pool: p}}',
      'p.yaml:2:9: tasks."a b": the key must be 1 to 64 of the characters A-Z a-z 0-9 _ and -, and not __proto__.',
    ],
    [
      'name: x\ntasks: {a: {pool: p, kind: humam}}',
      'p.yaml:2:28: tasks.a.kind is "humam": expected one of the known values. Did you mean "human"? Known here: ai, human, bot.',
    ],
    ['name: x\ntasks: {a: {pool: p, dependsOn: }}', 'p.yaml:2:33: tasks.a.dependsOn is null: expected a list.'],
    ['- x', 'p.yaml:1:1: the document is a list: expected a map of keys and values.'],
    ['just text', 'p.yaml:1:1: the document is "just text": expected a map of keys and values.'],
  ])('%j → %s', (text, line) => {
    expect(refusal(text)).toEqual([`${line} Correct the file.`]);
  });

  it('is found behind an alias, where it was written', () => {
    expect(refusal('name: x\ntasks:\n  a: &a\n    pool: 1\n  b: *a')).toEqual([
      'p.yaml:4:11: tasks.a.pool is 1: expected a string. Put it in quotes.',
      'p.yaml:4:11: tasks.b.pool is 1: expected a string. Put it in quotes.',
      '2 problems. Correct the file.',
    ]);
  });

  it('is cut when it is long', () => {
    const [line] = refusal(`name: x\ntasks: {a: {pool: ${'y'.repeat(500)}}}`);
    expect(line?.length).toBeLessThan(250);
  });
});

describe('an unknown key', () => {
  it('gets the key that was meant, and those that are allowed', () => {
    expect(refusal('name: x\ntasks:\n  a:\n    pool: p\n    dependson: [b]')).toEqual([
      'p.yaml:5:5: tasks.a.dependson: this key is not known. Did you mean "dependsOn"? Known here: pool, kind, priority, dependsOn, payload. Correct the file.',
    ]);
  });

  it('gets no guess when none is close', () => {
    const [line] = refusal('name: x\ncolour: red');
    expect(line).toBe('p.yaml:2:1: colour: this key is not known. Known here: name, tasks. Correct the file.');
  });

  it('is not a way past the schema as __proto__', () => {
    expect(refusal('name: x\ntasks: {__proto__: {pool: p}}')[0]).toContain(
      'p.yaml:2:9: the key __proto__ is not allowed',
    );
    expect(refusal('name: x\ntasks: {constructor: 1}')[0]).toContain('tasks.constructor is 1: expected a map');
  });
});

describe('several problems', () => {
  it('are all listed, in the order of the file', () => {
    expect(refusal('nam: x\ntasks:\n  b: {pool: 1}\n  a: {pool: p, priority: 0, x: 1}')).toEqual([
      expect.stringMatching(/^p\.yaml:1:1: name is missing: /),
      expect.stringMatching(/^p\.yaml:1:1: nam: this key is not known\. Did you mean "name"\?/),
      expect.stringMatching(/^p\.yaml:3:13: tasks\.b\.pool is 1: /),
      expect.stringMatching(/^p\.yaml:4:26: tasks\.a\.priority is 0: expected at least 1\.$/),
      expect.stringMatching(/^p\.yaml:4:29: tasks\.a\.x: /),
      '5 problems. Correct the file.',
    ]);
  });

  it('are listed up to ten', () => {
    const tasks = Array.from({ length: 14 }, (_, i) => `  t${i}: {pool: ${i}}`).join('\n');
    const lines = refusal(`name: x\ntasks:\n${tasks}`);
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)).toBe('14 problems, the first 10 are listed. Correct the file.');
  });

  it('may come from a check of ones own, and none is none', () => {
    const document = parseDocument(
      'p.yaml',
      'name: x\ntasks: {a: {pool: p, dependsOn: [b, cc]}, c: {pool: p}}',
      Schema,
    );
    document.refuse([]);
    const path = ['tasks', 'a', 'dependsOn', 1];
    expect(() =>
      document.refuse([{ path, problem: 'no task has this key', known: ['a', 'c'], remedy: 'Add it.' }]),
    ).toThrow(
      'p.yaml:2:37: tasks.a.dependsOn[1] is "cc": no task has this key. Did you mean "c"? Known here: a, c. Add it.',
    );
  });
});

describe('a text that is not a document', () => {
  it.each([
    ['', 'p.yaml:1:1: the file is empty.'],
    ['# a comment\n', 'p.yaml:1:1: the file is empty.'],
    ['name: x\nname: y', 'p.yaml:2:1: this key stands twice in its map. Keep one of the two.'],
    ['name: x\n---\nname: y', 'p.yaml:2:1: a second document starts here. Keep one document in a file.'],
    ['name:\n\t- x', 'p.yaml:2:1: a tab indents this line. Indent with spaces.'],
    ['name: !secret x', 'p.yaml:1:7: not valid YAML: Unresolved tag: !secret.'],
    ['name: *gone', 'p.yaml:1:7: the alias *gone has no anchor before it.'],
    ['name: &n [*n]', 'p.yaml:1:11: the alias *n stands inside its own anchor.'],
    ['name: .nan', 'p.yaml:1:7: .nan is not a number that JSON has.'],
    [
      'name: 12345678901234567890',
      'p.yaml:1:7: 12345678901234567890 has more digits than a number keeps. Put it in quotes.',
    ],
    ['['.repeat(50_000), expect.stringMatching(/^p\.yaml:\d+:\d+: it nests too deeply to be read\./)],
  ])('%.40j', (text, line) => {
    const [first] = refusal(text);
    expect(first).toEqual(typeof line === 'string' ? `${line} Correct the file.` : line);
  });

  it('is refused when its aliases multiply', () => {
    const levels = ['a: &l0 [x, x]'];
    for (let i = 1; i < 30; i++) levels.push(`b${i}: &l${i} [*l${i - 1}, *l${i - 1}]`);
    expect(refusal(levels.join('\n'))[0]).toMatch(
      /^p\.yaml:\d+:\d+: its aliases multiply to more than 1000\. Write the values out\./,
    );
  });
});

describe('a file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rota-config-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is named as it was given', () => {
    const file = join(folder, 'p.yaml');
    writeFileSync(file, 'name: 1');
    expect(() => readDocument(file, Schema)).toThrow(`${file}:1:7: name is 1: expected a string.`);
  });

  it('may be missing, a folder, or not text', () => {
    expect(() => readDocument(join(folder, 'gone.yaml'), Schema)).toThrow(
      `there is no file ${join(folder, 'gone.yaml')}. Check the path.`,
    );
    mkdirSync(join(folder, 'sub'));
    expect(() => readDocument(join(folder, 'sub'), Schema)).toThrow('this is a folder. Name a file in it.');
    writeFileSync(join(folder, 'latin1'), Buffer.from([0x6e, 0xe9, 0xff]));
    expect(() => readDocument(join(folder, 'latin1'), Schema)).toThrow('the file is not UTF-8 text.');
  });
});
