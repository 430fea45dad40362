import { expect, it } from 'vitest';
import { commandEnvironment, readSettings } from '#rota/config/settings.js';

const defaults = {
  natsUrl: 'nats://127.0.0.1:4222',
  namespace: 'rota',
  store: '.rota/rota.db',
  natsServerBin: undefined,
  logLevel: 'info',
  path: '',
};

it('has a default for each variable, also for one that is empty', () => {
  expect(readSettings({})).toEqual(defaults);
  expect(readSettings({ ROTA_NATS: '', ROTA_LOG: '', OTHER: 'x', ROTA_STORE: undefined })).toEqual(defaults);
});

it('takes what the environment says', () => {
  const env = {
    ROTA_NATS: 'nats://a:1,tls://b:2',
    ROTA_NAMESPACE: 'test',
    ROTA_STORE: '/tmp/x.db',
    NATS_SERVER_BIN: '/opt/nats-server',
    ROTA_LOG: 'debug',
    PATH: '/bin',
  };
  expect(Object.values(readSettings(env))).toEqual(Object.values(env));
});

it.each([
  [
    { ROTA_LOG: 'debgu' },
    'The environment variable ROTA_LOG is "debgu": expected one of the known values. Did you mean "debug"?',
  ],
  [{ ROTA_NAMESPACE: 'a.b' }, 'The environment variable ROTA_NAMESPACE is "a.b": must be 1 to 64 of the characters'],
  [{ ROTA_NATS: 'localhost:4222' }, 'ROTA_NATS is "localhost:4222": expected nats://host:port or tls://host:port.'],
  [{ ROTA_NATS: 'nats://a:1,http://b' }, 'Correct it, or unset it for the default.'],
])('refuses %j', (env, message) => {
  expect(() => readSettings(env)).toThrow(message);
});

it('names all that do not fit, and never a password', () => {
  const read = () => readSettings({ ROTA_NATS: 'http://ann:secret@host', ROTA_LOG: 'x' });
  expect(read).toThrow(/ROTA_NATS is "\*\*\*@host"[\s\S]*ROTA_LOG is "x"/);
  expect(read).toThrow(expect.not.objectContaining({ message: expect.stringContaining('secret') }));
});

it('gives commands the environment without rota settings', () => {
  const env = { PATH: '/bin', HOME: '/h', ROTA_NATS: 'nats://ann:secret@host', GONE: undefined };
  expect(commandEnvironment(env)).toEqual({ PATH: '/bin', HOME: '/h' });
});
