import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Intake } from '#rota/actors/intake.js';
import type { Leader } from '#rota/actors/leader.js';
import { Outbox } from '#rota/actors/outbox.js';
import { createSubjects } from '#rota/protocol/subjects.js';
import { StoppedClock } from '../../support/stopped-clock.js';

const subjects = createSubjects('rota');

test('many refusals of a leader that may not act wait together, and Node warns of no leak', async () => {
  const over = new AbortController();
  const leader = { isCurrent: false, clock: new StoppedClock() } as unknown as Leader;
  const outbox = new Outbox({ publish: () => {} }, subjects, () => {});
  const intake = new Intake({ leader, outbox, subjects, log: pino({ level: 'silent' }), over: over.signal });
  const ended = new AbortController();
  const warned = once(process, 'warning', { signal: ended.signal }).then(
    ([warning]) => String(warning),
    () => 'nothing',
  );
  const nonsense = { subject: subjects.fromTo('c', 'submit', 'work'), data: new Uint8Array([0xc1]), reply: '_INBOX.c' };
  const received = Array.from({ length: 20 }, () => intake.receive(nonsense));
  await setImmediate();
  ended.abort();
  expect(await warned).toBe('nothing');
  over.abort();
  await Promise.all(received);
});
