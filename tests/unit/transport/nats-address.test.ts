import { describe, expect, it } from 'vitest';
import { parseNatsAddress } from '#rota/transport/nats-address.js';

describe('NATS addresses', () => {
  it.each([
    ['localhost', { hosts: ['localhost:4222'], tls: false }],
    ['127.0.0.1:5000', { hosts: ['127.0.0.1:5000'], tls: false }],
    ['nats://[::1]:5000', { hosts: ['[::1]:5000'], tls: false }],
    ['nats://a, b:1', { hosts: ['a:4222', 'b:1'], tls: false }],
    [['a', 'tls://b'], { hosts: ['a:4222', 'b:4222'], tls: true }],
    ['nats://me:12%3A34@a:1', { hosts: ['a:1'], user: 'me', pass: '12:34', tls: false }],
    ['nats://t0ken@a', { hosts: ['a:4222'], token: 't0ken', tls: false }],
  ])('reads %j', (servers, expected) => {
    expect(parseNatsAddress(servers)).toEqual(expected);
  });

  it.each(['', 'http://a', 'a b', 'nats://', 'a:port', 'nats://me:secret@a:99999', 'secret@', '/a/path'])(
    'refuses %j without quoting it',
    (servers) => {
      expect(() => parseNatsAddress(['a', servers])).toThrow(/^servers\[1\] (?!.*secret).*nats:\/\/host:port/);
    },
  );

  it('refuses an empty list', () => {
    expect(() => parseNatsAddress([])).toThrow('no address is given');
  });
});
