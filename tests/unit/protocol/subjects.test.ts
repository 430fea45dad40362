import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assertName, isName } from '#rota/protocol/names.js';
import { createSubjects, isInbox, VERBS } from '#rota/protocol/subjects.js';
import { expectCode } from './helpers.js';

const name = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/).filter((value) => value !== '__proto__');
const subjects = createSubjects('rota');

const NO_NAMES: [string, string][] = [
  ['the empty text', ''],
  ['65 characters', 'x'.repeat(65)],
  ['a dot', 'a.b'],
  ['a star', '*'],
  ['a star inside', 'a*'],
  ['an angle', '>'],
  ['an angle inside', 'a>'],
  ['a space', 'a b'],
  ['a tab', 'a\tb'],
  ['CR LF', 'a\r\nPUB x 0'],
  ['a line break at its end', 'a\n'],
  ['NUL', 'a\0'],
  ['ESC', 'a\u001b'],
  ['a letter of another script', 'é'],
  ['a digit of another script', '٣'],
  ['half a surrogate pair', '\ud800'],
  ['a full-width letter', 'Ａ'],
  ['a slash', 'a/b'],
  ['a dollar', '$SYS'],
  ['__proto__', '__proto__'],
];

describe('names', () => {
  it.each<unknown>([undefined, null, 7, { id: 'a' }])('refuse %j, which is no text', (bad) => {
    expect(isName(bad)).toBe(false);
    const error = expectCode('INVALID_NAME', () => assertName('pool', bad as string));
    expect(error.message).toContain(`pool is ${JSON.stringify(bad)}.`);
  });

  it.each(NO_NAMES)('refuse %s in every place of a subject', (_, bad) => {
    expect(isName(bad)).toBe(false);
    const places: [string, () => unknown][] = [
      ['namespace', () => createSubjects(bad)],
      ['id', () => subjects.from(bad, 'report')],
      ['id', () => subjects.fromTo(bad, 'submit', 'p')],
      ['pool', () => subjects.fromTo('c', 'submit', bad)],
      ['pool', () => subjects.fromTo('c', 'assign', bad)],
      ['id', () => subjects.ask(bad)],
      ['id', () => subjects.to(bad)],
      ['id', () => subjects.inbox(bad)],
    ];
    for (const [field, build] of places) expect(expectCode('INVALID_NAME', build).field).toBe(field);
  });

  it('of 64 characters are the longest', () => {
    expect(isName('x'.repeat(64))).toBe(true);
    expect(assertName('id', 'constructor')).toBe('constructor');
  });

  it('are shown in the error with nothing that a terminal or a log obeys', () => {
    const error = expectCode('INVALID_NAME', () => assertName('id', 'a\r\n\u001b[31m\0'));
    expect([...error.message].every((char) => char >= ' ')).toBe(true);
  });
});

describe('subjects', () => {
  it('that are built parse to what they were built from', () => {
    const plain = fc.constantFrom(...VERBS.filter((verb) => verb !== 'submit' && verb !== 'assign'));
    const toPool = fc.constantFrom('submit' as const, 'assign' as const);
    fc.assert(
      fc.property(name, name, name, plain, toPool, (namespace, principal, pool, verb, poolVerb) => {
        const ours = createSubjects(namespace);
        expect(ours.parse(ours.from(principal, verb))).toEqual({ principal, verb });
        expect(ours.parse(ours.fromTo(principal, poolVerb, pool))).toEqual({ principal, verb: poolVerb, pool });
        expect(ours.parse(ours.ask(principal))).toEqual({ principal, verb: 'query' });
        expect(ours.parse(ours.to(principal))).toBeUndefined();
        expect(isInbox(`${ours.inbox(principal)}.abc123`)).toBe(true);
        expect(isInbox(ours.to(principal))).toBe(false);
      }),
    );
  });

  it('that parse are exactly those that can be built', () => {
    const token = fc.oneof(
      name,
      fc.constantFrom('rota', 'from', 'to', '', '*', '>', 'a b', 'é', 'toString', ...VERBS),
      fc.string({ unit: 'binary', maxLength: 5 }),
    );
    const anySubject = fc.array(token, { maxLength: 7 }).map((tokens) => tokens.join('.'));
    const likely = fc
      .tuple(name, fc.constantFrom(...VERBS), fc.array(token, { maxLength: 2 }))
      .map(([principal, verb, rest]) => ['rota', 'from', principal, verb, ...rest].join('.'));
    const asked = fc.array(token, { maxLength: 2 }).map((rest) => ['rota', 'ask', ...rest].join('.'));
    fc.assert(
      fc.property(fc.oneof(anySubject, likely, asked), (subject) => {
        const sender = subjects.parse(subject);
        if (sender === undefined) return;
        const rebuilt =
          sender.verb === 'submit' || sender.verb === 'assign'
            ? [subjects.fromTo(sender.principal, sender.verb, sender.pool ?? '')]
            : [subjects.from(sender.principal, sender.verb)];
        if (sender.verb === 'query') rebuilt.push(subjects.ask(sender.principal));
        expect(rebuilt).toContain(subject);
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    '',
    '.',
    'rota',
    'rota.from',
    'rota.from.a',
    'rota.from.a.',
    'rota.from.a.unknown',
    'rota.from.a.REGISTER',
    'rota.from.a.constructor',
    'rota.from.a.register.',
    'rota.from.a.register.p',
    'rota.from.a.submit',
    'rota.from.a.submit.',
    'rota.from.a.submit.p.q',
    'rota.from.a.submit.*',
    'rota.from.a.assign',
    'rota.from.a.assign.',
    'rota.from.a.assign.p.q',
    'rota.from.a.assign.>',
    'rota.from.a.settle.p',
    'rota.from.a.registry.p',
    'rota.from.*.register',
    'rota.from.>',
    'rota.from..register',
    'rota.from.__proto__.register',
    'rota.from.a b.register',
    'rota.ask',
    'rota.ask.',
    'rota.ask.*',
    'rota.ask.a.query',
    'rota.ask.a b',
    'other.ask.a',
    'rota.leader',
    'rota.to.a',
    'rota.to.a.register',
    'other.from.a.register',
    'Rota.from.a.register',
    'x.rota.from.a.register',
    ' rota.from.a.register',
    'rota.from.a.register\r\n',
  ])('such as %j are none of ours', (subject) => {
    expect(subjects.parse(subject)).toBeUndefined();
  });

  it('of the intake cover every verb', () => {
    expect(subjects.intake).toBe('rota.from.>');
    expect(subjects.readers).toBe('rota.ask.*');
    expect(subjects.ask('web')).toBe('rota.ask.web');
    expect(subjects.leader).toBe('rota.leader');
    expect(subjects.from('a', 'register')).toBe('rota.from.a.register');
    expect(subjects.fromTo('web', 'submit', 'support')).toBe('rota.from.web.submit.support');
    expect(subjects.fromTo('web', 'assign', 'support')).toBe('rota.from.web.assign.support');
    expect(subjects.to('a')).toBe('rota.to.a');
    expect(subjects.inbox('a')).toBe('_INBOX.rota.a');
  });
});

describe('a reply', () => {
  it.each(['_INBOX.a', '_INBOX.rota.web.Xy7-_', '_INBOX.a.1'])('may go to %s', (subject) => {
    expect(isInbox(subject)).toBe(true);
  });

  it.each([
    '',
    '_INBOX',
    '_INBOX.',
    '_INBOX..a',
    '_INBOX.a.',
    '_INBOX.*',
    '_INBOX.>',
    '_INBOX.a b',
    '_INBOX.a\r\nPUB x 0',
    '_INBOX.a\n',
    '_INBOXX.a',
    'x_INBOX.a',
    '_inbox.a',
    'rota.to.agent',
    'rota.from.agent.report',
    '$SYS.REQ.SERVER.PING',
    '$JS.API.STREAM.LIST',
  ])('may not go to %j', (subject) => {
    expect(isInbox(subject)).toBe(false);
  });
});
